"""`python -m reid_tools.scenarios`: write simulated sites, score association on them, measure looks."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from reid_pipeline.errors import PipelineError
from reid_pipeline.records.journal import read_journal
from reid_tools.evaluate.truth import read_truth
from reid_tools.scenarios.catalogue import LONG, SCENES
from reid_tools.scenarios.likeness import likenesses
from reid_tools.scenarios.scoring import score_all, table
from reid_tools.scenarios.soak import Hour, soak
from reid_tools.scenarios.world import make_world
from reid_tools.scenarios.writing import write_world


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "score":
            _score(options)
        elif options.command == "measure":
            _measure(options)
        elif options.command == "soak":
            _soak(options)
        else:
            world = make_world(SCENES[options.command](), seed=options.seed, tuning=options.tuning)
            for journal in write_world(world, options.output).journals:
                print(journal)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reid_tools.scenarios",
        description="Simulated sites with exact truth, to measure association on.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="SCENE|score|soak|measure")
    family = argparse.ArgumentParser(add_help=False)
    family.add_argument(
        "--tuning", action="store_true", help="worlds to develop on, apart from those that are reported"
    )
    for name, scene in SCENES.items():
        summary = (scene.__doc__ or "").splitlines()[0]
        one = commands.add_parser(name, parents=[family], help=summary, description=summary)
        one.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for journal and truth")
        one.add_argument("--seed", type=_seed, default=0, metavar="N", help="which world of the scene (default: 0)")
    _add_score(commands.add_parser("score", parents=[family], help="associate worlds and print how well that went"))
    soaking = commands.add_parser("soak", parents=[family], help="run a day through the associator, watch it grow")
    soaking.add_argument("--hours", type=float, default=24.0, metavar="H", help="how long a day (default: 24)")
    soaking.add_argument("--seed", type=_seed, default=0, metavar="N", help="which day (default: 0)")
    soaking.add_argument("--retention", metavar="TIME", help="forget people not seen for so long: 2h (default: never)")
    soaking.add_argument("--json", action="store_true", help="print JSON")
    measure = commands.add_parser("measure", help="print how alike the looks of a journal are")
    measure.add_argument("journal", type=Path)
    measure.add_argument("truth", nargs="+", type=_camera_file, metavar="CAMERA=FILE", help="truth of each camera")
    return parser


def _add_score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help="which scenes (default: all that are short)")
    parser.add_argument("--seeds", type=_seed, nargs="+", default=[0], metavar="N", help="worlds of each (default: 0)")
    parser.add_argument("--worlds", type=Path, required=True, metavar="DIR", help="folder where worlds are kept")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _score(options: argparse.Namespace) -> None:
    scenes = [SCENES[name]() for name in _known(options.scenes) or [name for name in SCENES if name not in LONG]]

    def told(name: str) -> None:
        print(name, file=sys.stderr, flush=True)

    scores = score_all(scenes, options.seeds, tuning=options.tuning, worlds=options.worlds, told=told)
    print(json.dumps([score.to_dict() for score in scores], indent=1) if options.json else table(scores))


def _soak(options: argparse.Namespace) -> None:
    def told(hour: Hour) -> None:
        text = (
            f"hour {hour.number}: {hour.memory_mb:.0f} MB, {hour.ms_per_step:.2f} ms a step, "
            f"{hour.in_view:.0f} in view, {hour.people} people so far"
        )
        print(text, file=sys.stderr, flush=True)

    soaked = soak(options.hours, seed=options.seed, tuning=options.tuning, retention=options.retention, told=told)
    print(json.dumps(soaked.to_dict(), indent=1) if options.json else soaked.table())


def _measure(options: argparse.Namespace) -> None:
    truth = {camera: read_truth(path) for camera, path in options.truth}
    for likeness in likenesses(read_journal(options.journal)[1], truth).values():
        print(likeness.line())


def _known(names: list[str]) -> list[str]:
    for name in names:
        if name not in SCENES:
            raise PipelineError(f"score: there is no scene {name}; scenes are {', '.join(SCENES)}")
    return names


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0, got {text}")
    return int(text)


def _camera_file(text: str) -> tuple[str, Path]:
    camera, separator, file = text.partition("=")
    if not (camera and separator and file):
        raise argparse.ArgumentTypeError(f"expected CAMERA=FILE, got {text}")
    return camera, Path(file)


if __name__ == "__main__":
    sys.exit(main())
