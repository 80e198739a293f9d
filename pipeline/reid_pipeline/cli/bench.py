"""`reid-pipeline bench`: how fast this machine is, and whether it stays so."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reid_pipeline.cli.options import AsJson, Limit
from reid_pipeline.cli.terminal import note, print_json

if TYPE_CHECKING:
    from reid_tools.bench.compare import Comparison
    from reid_tools.bench.search import SearchReport
    from reid_tools.bench.soak import Soak

SAMPLE = Path("samples/plaza")
SEARCHES = 20
"""Searches are quick, and the first ones find caches cold."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: reid-pipeline bench samples/plaza/lobby.mp4 --rounds 3")(bench)


def bench(
    clips: Annotated[
        list[Path] | None,
        typer.Argument(metavar="CLIP...", help=f"Video files, each a camera; by default those of {SAMPLE}."),
    ] = None,
    *,
    detector: Annotated[str, typer.Option(metavar="MODEL", help="Detector, a name or a file.")] = "yolo11n",
    encoder: Annotated[str, typer.Option(metavar="MODEL", help="Encoder, a name or a file.")] = "saga-s",
    limit: Limit = None,
    rounds: Annotated[int, typer.Option(metavar="N", help="Passes of each side; the median counts.")] = 3,
    peer_model: Annotated[
        str, typer.Option(metavar="MODEL", help="The same detector for ultralytics: a file or its name.")
    ] = "yolo11n.pt",
    peer_reid: Annotated[
        str, typer.Option(metavar="MODEL", help="ReID model of ultralytics; auto: the detector's own features.")
    ] = "auto",
    peer_python: Annotated[
        str, typer.Option(metavar="PYTHON", help="The interpreter that has ultralytics.", show_default=False)
    ] = sys.executable,
    soak: Annotated[
        float | None,
        typer.Option("--soak", metavar="MINUTES", help="Loop the clips instead, and watch memory and speed."),
    ] = None,
    search: Annotated[
        list[int] | None,
        typer.Option("--search", metavar="LOOKS", help="Time the search of a gallery of so many looks instead."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure frames per second on this machine.

    Runs the pipeline on the clips, beside ultralytics in track mode with BoT-SORT and ReID where that is installed. Or
    see with --soak whether a long run stays as quick and small, and with --search, given once or more, how quickly
    people are found in galleries of various sizes.
    """
    if search:
        from reid_tools.bench.search import measure

        _print(measure(search, rounds=max(rounds, SEARCHES), note=note), as_json)
        return
    from reid_tools.bench.compare import Peer, compare
    from reid_tools.bench.workload import Workload

    chosen = tuple(clips or sorted(SAMPLE.glob("*.mp4")))
    workload = Workload(chosen, detector=detector, encoder=encoder, limit_s=limit)
    if soak is None:
        peer = Peer(model=peer_model, reid=peer_reid, python=peer_python)
        _print(compare(workload, peer, rounds=rounds, note=note), as_json)
    else:
        from reid_tools.bench.soak import soak as watch

        _print(watch(workload, minutes=soak, note=note), as_json)


def _print(found: Comparison | Soak | SearchReport, as_json: bool) -> None:
    if as_json:
        print_json(found.to_dict())
    else:
        typer.echo(found.table())
