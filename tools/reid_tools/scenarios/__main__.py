"""`python -m reid_tools.scenarios SCENE --output DIR`: write a simulated site with its truth."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reid_pipeline.errors import PipelineError
from reid_tools.scenarios.catalogue import SCENES
from reid_tools.scenarios.world import make_world
from reid_tools.scenarios.writing import write_world


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m reid_tools.scenarios", description="Write the journal of a simulated site, with its truth."
    )
    parser.add_argument("scene", choices=sorted(SCENES))
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for journal and truth")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which world of the scene (default: 0)")
    parser.add_argument(
        "--tuning", action="store_true", help="a world to develop on, apart from those that are reported"
    )
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error(f"--seed: expected 0 or more, got {options.seed}")
    try:
        world = make_world(SCENES[options.scene](), seed=options.seed, tuning=options.tuning)
        files = write_world(world, options.output)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    for journal in files.journals:
        print(journal)
    return 0


if __name__ == "__main__":
    sys.exit(main())
