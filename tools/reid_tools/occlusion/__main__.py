"""`python -m reid_tools.occlusion FOLDER --output DIR --mode paper|release`: make an occluded copy of a data set."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reid_pipeline.errors import PipelineError
from reid_tools.occlusion.folder import LOG, occlude_folder


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m reid_tools.occlusion", description="Copy a data set with some of its people covered by things."
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the data set")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument(
        "--mode",
        choices=("paper", "release"),
        default="paper",
        help="30%% of the pictures, at sizes and places drawn by chance (default), or one per person, always alike",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another number gives another copy")
    parser.add_argument(
        "--column-0", action="store_true", help="paper mode: what stands at the top or bottom starts at the left edge"
    )
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error(f"--seed: expected 0 or more, got {options.seed}")
    if options.column_0 and options.mode != "paper":
        parser.error("--column-0: belongs to --mode paper; leave it out")
    progress = _progress if sys.stderr.isatty() else None
    try:
        report = occlude_folder(
            options.folder,
            options.output,
            mode=options.mode,
            seed=options.seed,
            random_column=not options.column_0,
            progress=progress,
        )
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"stopped; {options.output} was not written", file=sys.stderr)
        return 130
    boxes, alpha = (
        sum(ratios) / max(len(ratios), 1)
        for ratios in ([item.box_ratio for item in report.covered], [item.covered_ratio for item in report.covered])
    )
    print(
        f"{len(report.covered)} of {report.pictures} pictures covered; "
        f"the boxes take up {boxes:.1%} of them and the things themselves {alpha:.1%}"
    )
    print(f"log  {options.output / LOG}")
    return 0


def _progress(done: int, total: int) -> None:
    print(f"\rfile {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
