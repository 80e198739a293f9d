"""What a run is asked for and what it says at the end."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from reid_pipeline.core.offsets import Offset
from reid_pipeline.records.run_record import clock_fields


class Progress(Protocol):
    """Where long work says how far it is; the command line draws it, tests ignore it."""

    def begin(self, task: str, total: int | None) -> None:
        """A task starts; `total` is in the unit of `advance` (frames, bytes) or None when unknown."""
        ...

    def advance(self, task: str, done: int) -> None:
        """`done` units are finished so far."""
        ...

    def end(self, task: str) -> None:
        """The task is over."""
        ...

    def note(self, text: str) -> None:
        """One line that a person should read now."""
        ...


class Quiet:
    """Progress that nobody watches."""

    def begin(self, task: str, total: int | None) -> None: ...

    def advance(self, task: str, done: int) -> None: ...

    def end(self, task: str) -> None: ...

    def note(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line adds to the configuration.

    `output` replaces the configured folder, `journal` names a file to write observations to, `realtime` plays files at
    their own pace, `limit_s` ends every camera after so many seconds of its own time. Setting `stop` ends the run early
    and cleanly.
    """

    output: Path | None = None
    journal: Path | None = None
    realtime: bool = False
    limit_s: float | None = None
    threads: int = 0
    mirror: Path | None = None
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run found.

    `failures` holds one line per camera that was lost, `clocks` those that were found to be wrong; `paths` names the
    files it wrote.
    """

    mode: str
    people: int
    cameras: int
    tracklets: int
    links: int
    frames: int
    dropped: int
    seconds: float
    paths: dict[str, Path]
    failures: tuple[str, ...] = ()
    clocks: tuple[Offset, ...] = ()
    stages: dict[str, float] = field(default_factory=dict)
    stopped: bool = False

    @property
    def fps(self) -> float:
        """Frames of all cameras per second of wall time."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "mode": self.mode,
            "people": self.people,
            "cameras": self.cameras,
            "tracklets": self.tracklets,
            "links": self.links,
            "frames": self.frames,
            "dropped": self.dropped,
            "seconds": round(self.seconds, 3),
            "fps": round(self.fps, 2),
            "stopped": self.stopped,
            "failures": list(self.failures),
            "clocks": [clock_fields(offset) for offset in self.clocks],
            "stages": {name: round(seconds, 3) for name, seconds in sorted(self.stages.items())},
            "paths": {name: str(path) for name, path in sorted(self.paths.items())},
        }
