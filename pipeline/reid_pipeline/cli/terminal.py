"""What goes to the terminal: results to stdout, everything said along the way to stderr, bars only where they work."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer

from reid_pipeline.redact import redact

if TYPE_CHECKING:
    from reid_pipeline.runtime.report import Progress


def note(text: str) -> None:
    """A line for the person at the terminal, on stderr."""
    typer.echo(redact(text), err=True)


def error_line(text: str) -> None:
    """What went wrong, on stderr; every line of the text is a problem of its own."""
    for line in text.splitlines() or [""]:
        note(f"error: {line}")


def print_json(value: Any) -> None:
    """A machine-readable result on stdout."""
    typer.echo(json.dumps(value, indent=2, sort_keys=True))


def print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """A plain table on stdout, columns aligned, that a shell can cut up as well."""
    lines: list[tuple[str, ...]] = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


@contextmanager
def progress() -> Iterator[Progress]:
    """Progress for a person: bars with rate and time left on a terminal, elsewhere only the notes."""
    if sys.stderr.isatty():
        from reid_pipeline.cli.bars import Bars

        with Bars() as bars:
            yield bars
    else:
        yield _NotesOnly()


class _NotesOnly:
    def begin(self, task: str, total: int | None) -> None: ...

    def advance(self, task: str, done: int) -> None: ...

    def end(self, task: str) -> None: ...

    def note(self, text: str) -> None:
        note(text)


@contextmanager
def stopping_on_signals(stop: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM set `stop`, so that the run ends cleanly; a second one ends it at once."""

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        # a buffered stream may be in the middle of a write when the signal comes
        os.write(2, b"stopping; what was found so far is being written (once more: stop at once)\n")

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
