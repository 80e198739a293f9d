"""Counts and tells what goes wrong with one source."""

from __future__ import annotations

from collections.abc import Callable

from reid_pipeline.video.options import EventType, Report, SourceEvent
from reid_pipeline.video.protocol import SourceHealth


class Ledger:
    """A source's health and events. Used by the one thread that takes the source's frames."""

    def __init__(self, camera: str, *, report: Report, clock: Callable[[], int]) -> None:
        self.health = SourceHealth()
        self.clock = clock
        self._camera = camera
        self._report = report
        self._intact = True

    def intact(self) -> None:
        """A picture was decoded."""
        self._intact = True

    def damaged(self, message: str) -> None:
        """A picture could not be decoded. All are counted, the first of those in a row is told."""
        self.health.dropped += 1
        if self._intact:
            self.tell("decode_error", message)
        self._intact = False

    def tell(self, kind: EventType, message: str) -> None:
        """Count it if it is a stall or a reconnect, and report it."""
        if kind == "stall":
            self.health.stalls += 1
        if kind == "reconnect":
            self.health.reconnects += 1
        else:
            self.health.last_error = message
        self._report(SourceEvent(self._camera, kind, self.clock(), message))
