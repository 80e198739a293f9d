"""What the rest of the pipeline needs of a camera's source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from reid_pipeline.types import Frame


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source once it is open; `frames` is None where the length is not known (streams)."""

    width: int
    height: int
    fps: float
    frames: int | None


@dataclass(slots=True)
class SourceHealth:
    """Counts of what went wrong; written by the source's thread, read by anyone.

    `dropped` counts frames that were skipped because a newer one was there or because they could not be decoded,
    `stalls` the times a stream gave nothing within its timeout, `reconnects` the times it came back.
    """

    frames: int = 0
    dropped: int = 0
    stalls: int = 0
    reconnects: int = 0
    last_error: str = ""


class Source(Protocol):
    """One camera's frames.

    `live` sources go on for ever and outrun a slow reader (the driver then keeps the newest frame); the others wait.
    `name` is safe to print: passwords are redacted.
    """

    camera: str
    name: str
    live: bool
    health: SourceHealth

    def open(self) -> SourceInfo:
        """Open the source. Raises `SourceError` with one clear line."""
        ...

    def frames(self) -> Iterator[Frame]:
        """The frames in order; blocks while there is none. Ends at the end of a recording or after `close`.

        Raises `SourceError` when a recording turns out to be broken half-way; what came before was delivered.
        """
        ...

    def close(self) -> None:
        """Stop; may be called from another thread, and then `frames` ends soon."""
        ...
