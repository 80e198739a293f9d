"""`python -m reid_tools.footage SCENE --output DIR`: render a scene with its truth."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reid_pipeline.errors import PipelineError
from reid_tools.footage.plaza import plaza
from reid_tools.footage.production import produce

SCENES = {"plaza": plaza}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m reid_tools.footage", description="Render footage with exact truth."
    )
    parser.add_argument("scene", choices=sorted(SCENES))
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for clips and truth")
    parser.add_argument("--frames", type=int, metavar="N", help="render only the first N frames")
    options = parser.parse_args(arguments)
    if options.frames is not None and options.frames < 1:
        parser.error(f"--frames: expected 1 or more, got {options.frames}")
    progress = _progress if sys.stderr.isatty() else None
    try:
        produce(SCENES[options.scene](), options.output, frames=options.frames, progress=progress)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _progress(done: int, total: int) -> None:
    print(f"\rframe {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
