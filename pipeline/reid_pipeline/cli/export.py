"""`reid-pipeline export`: what a run found, in the formats of other tools."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from reid_pipeline.cli.options import AsJson
from reid_pipeline.cli.terminal import note, print_json
from reid_pipeline.cli.text import short_path

if TYPE_CHECKING:
    from reid_pipeline.records.document import TracksDocument


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: reid-pipeline export out --format mot --output out/mot")(export)


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, or its tracks.json.")],
    format_: Annotated[str, typer.Option("--format", metavar="FORMAT", help="json, mot, csv or aicity.")],
    output: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The file to write, for mot the folder; without it: stdout."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write what a run found in the format of another tool."""
    from reid_pipeline.errors import ConfigError
    from reid_pipeline.records.export import export as write
    from reid_pipeline.records.export_list import NotedExport, note_export
    from reid_pipeline.records.tracks import read_tracks

    if as_json and output is None:
        raise ConfigError("--json: describes the files written, so it needs --output PATH; for tracks: --format json")
    document = read_tracks(run / "tracks.json" if run.is_dir() else run)
    if output is None:
        _to_stdout(document, format_)
        return
    report = write(document, format_, output)
    note_export(run if run.is_dir() else run.parent, NotedExport(format_, output.absolute()))
    if report.note:
        note(report.note)
    if as_json:
        files = [str(path) for path in report.paths]
        print_json({"format": report.format, "files": files, "boxes": report.boxes, "left_out": report.left_out})
        return
    for path in report.paths:
        typer.echo(short_path(path))


def _to_stdout(document: TracksDocument, format_: str) -> None:
    from reid_pipeline.errors import ConfigError
    from reid_pipeline.records.export import export as write

    with TemporaryDirectory() as folder:
        target = Path(folder) / "export"
        report = write(document, format_, target)
        if report.paths != (target,):
            raise ConfigError(f"--format {format_}: writes a folder of files; name it with --output DIR")
        if report.note:
            note(report.note)
        with target.open(encoding="utf-8", newline="") as file:
            shutil.copyfileobj(file, sys.stdout)
