"""`reid-pipeline run` and `replay`: many cameras in, one set of people out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reid_pipeline.cli.options import AsJson, ConfigFile, Limit, Mirror
from reid_pipeline.cli.terminal import error_line, note, print_json, progress, stopping_on_signals
from reid_pipeline.cli.text import short_path

if TYPE_CHECKING:
    from reid_pipeline.config.loader import LoadedConfig
    from reid_pipeline.core.offsets import Offset
    from reid_pipeline.runtime.report import RunReport

OutputFolder = Annotated[
    Path | None,
    typer.Option("--output", metavar="DIR", help="Write to this folder and not to the configured one."),
]
Threads = Annotated[int, typer.Option(metavar="N", min=0, help="CPU threads for the models; 0: all.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: reid-pipeline run cameras.yaml --output out --json")(run)
    app.command(epilog="Example: reid-pipeline replay cameras.yaml --output out")(replay)


def run(
    config: ConfigFile,
    *,
    output: OutputFolder = None,
    journal: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a journal, which `replay --journal` reads."),
    ] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="Play recordings at their own pace.")] = False,
    limit: Limit = None,
    threads: Threads = 0,
    mirror: Mirror = None,
    as_json: AsJson = False,
) -> None:
    """Find the people of all cameras, live.

    Streams run until they are stopped (Ctrl-C), recordings to their end. Writes tracks.json, events.jsonl and run.json,
    and says what was found.
    """
    loaded = _load(config)
    from reid_pipeline.runtime.live import run as drive
    from reid_pipeline.runtime.report import RunOptions

    options = RunOptions(
        output=output, journal=journal, realtime=realtime, limit_s=limit, threads=threads, mirror=mirror
    )
    with progress() as bars, stopping_on_signals(options.stop):
        report = drive(loaded, options, bars)
    _finish(report, as_json)


def replay(
    config: ConfigFile,
    *,
    output: OutputFolder = None,
    journal: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Replay this journal; needs no video and no models."),
    ] = None,
    limit: Limit = None,
    threads: Threads = 0,
    mirror: Mirror = None,
    as_json: AsJson = False,
) -> None:
    """Find the people of recordings, deterministically.

    The same input gives the same bytes. The whole recording is seen before it is decided who is who, so identities are
    better than those of a live run.
    """
    loaded = _load(config)
    from reid_pipeline.runtime.replay import replay as drive
    from reid_pipeline.runtime.replay import replay_journal
    from reid_pipeline.runtime.report import RunOptions

    options = RunOptions(output=output, limit_s=limit, threads=threads, mirror=mirror)
    with progress() as bars, stopping_on_signals(options.stop):
        report = drive(loaded, options, bars) if journal is None else replay_journal(loaded, journal, options, bars)
    _finish(report, as_json)


def _load(path: Path) -> LoadedConfig:
    from reid_pipeline.config.loader import load_config

    loaded = load_config(path)
    for warning in loaded.warnings:
        note(f"warning: {warning}")
    return loaded


def _finish(report: RunReport, as_json: bool) -> None:
    """Say what was found; a lost camera makes the exit status 1 though the others were kept."""
    if as_json:
        print_json(report.to_dict())
    else:
        typer.echo(_summary(report))
    for failure in report.failures:
        error_line(failure)
    if report.stopped:
        note("stopped early; everything up to there is written")
    if report.failures:
        raise typer.Exit(1)


def _summary(report: RunReport) -> str:
    links = "link" if report.links == 1 else "links"
    lines = [
        f"{_many(report.people, 'person', 'people')} in {_many(report.cameras, 'camera', 'cameras')}: "
        f"{_many(report.tracklets, 'tracklet', 'tracklets')}, {report.links} cross-camera {links}",
        f"{_many(report.frames, 'frame', 'frames')} in {report.seconds:.1f} s, {report.fps:.1f} frames per second"
        + (f", {report.dropped} dropped" if report.dropped else ""),
    ]
    lines += [_wrong_clock(offset) for offset in report.clocks]
    width = max((len(name) for name in report.paths), default=0)
    lines += [f"{name.ljust(width)}  {short_path(path)}" for name, path in report.paths.items()]
    return "\n".join(lines)


def _wrong_clock(offset: Offset) -> str:
    direction = "ahead of" if offset.ahead_s > 0 else "behind"
    besides = " besides what is set" if offset.given_s else ""
    return (
        f"camera {offset.camera} is about {abs(offset.ahead_s):.1f} s {direction} {offset.reference}{besides} "
        f"({_many(offset.tracks, 'pair', 'pairs')} of tracks, +- {offset.error_s:.1f} s): "
        f"set `offset_s: {offset.total_s:.1f}` for it"
    )


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
