"""`python -m reid_tools.footage SCENE|identities --output DIR`: render footage or crops with their truth."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reid_pipeline.errors import ConfigError, PipelineError
from reid_tools.footage.identities import produce_identities
from reid_tools.footage.plaza import plaza
from reid_tools.footage.production import produce

SCENES = {"plaza": plaza}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m reid_tools.footage", description="Render footage with exact truth."
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="|".join([*sorted(SCENES), "identities"]))
    for name in sorted(SCENES):
        scene = kinds.add_parser(name, help="clips of a scene, and their truth")
        scene.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for clips and truth")
        scene.add_argument("--frames", type=int, metavar="N", help="render only the first N frames")
    crops = kinds.add_parser("identities", help="crops of many people, each seen by several cameras")
    crops.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the crops")
    crops.add_argument("--people", type=int, default=1600, metavar="N", help="how many people (%(default)s)")
    crops.add_argument("--crops", type=int, default=6, metavar="N", help="crops of each (%(default)s)")
    crops.add_argument(
        "--first-seed", type=int, default=0, metavar="N", help="number of the first person (%(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        _render(options)
    except ConfigError as error:
        parser.error(str(error))
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _render(options: argparse.Namespace) -> None:
    progress = _progress if sys.stderr.isatty() else None
    if options.kind == "identities":
        produce_identities(
            options.output,
            people=options.people,
            crops=options.crops,
            first_seed=options.first_seed,
            progress=progress,
        )
        return
    if options.frames is not None and options.frames < 1:
        raise ConfigError(f"--frames: expected 1 or more, got {options.frames}")
    produce(SCENES[options.kind](), options.output, frames=options.frames, progress=progress)


def _progress(done: int, total: int) -> None:
    print(f"\r{done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
