"""Video files, local or behind an address: every frame, at its exact time, no faster than it is taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from reid_pipeline.errors import SourceError
from reid_pipeline.types import Frame
from reid_pipeline.video.intake import Intake
from reid_pipeline.video.ledger import Ledger
from reid_pipeline.video.libav import Input, ReadError
from reid_pipeline.video.options import Report, ignore
from reid_pipeline.video.protocol import SourceInfo
from reid_pipeline.video.timestamps import RecordingTimes

_AHEAD = 2  # enough to decode while the taker is busy


class RecordingSource:
    """A video file. Its frames end with it, and are read once."""

    live = False

    def __init__(
        self,
        camera: str,
        source: Input,
        *,
        start_ns: int = 0,
        report: Report = ignore,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.camera = camera
        self.name = source.name
        self._start_ns = start_ns
        self._ledger = Ledger(camera, report=report, clock=clock)
        self.health = self._ledger.health
        self._intake = Intake(source, self._ledger, ahead=_AHEAD)

    def open(self) -> SourceInfo:
        """Open the file and decode its first picture. Raises `SourceError`."""
        try:
            return self._intake.open()
        except ReadError as error:
            raise self._failure(f"expected a video file, but {error}") from None

    def frames(self) -> Iterator[Frame]:
        """The frames in order. Raises `SourceError` where the file is cut short or cannot be read on."""
        times = RecordingTimes(self._start_ns, 1 / self._intake.fps)
        try:
            while (picture := self._intake.next()) is not None:
                frame = Frame(self.camera, self.health.frames, times.stamp(picture.position_s), picture.image)
                self.health.frames += 1
                yield frame
        except ReadError as error:
            raise self._failure(f"expected more video after {self.health.frames} frames, but {error}") from None
        finally:
            self.close()

    def close(self) -> None:
        """Stop reading."""
        self._intake.close()

    def _failure(self, message: str) -> SourceError:
        self.health.last_error = f"{self.name}: {message}"
        return SourceError(f"{self.camera}: {self.health.last_error}")
