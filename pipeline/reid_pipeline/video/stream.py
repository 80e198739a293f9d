"""Cameras: RTSP and HTTP streams and USB devices, opened again for as long as it takes when they go away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from reid_pipeline.errors import SourceError
from reid_pipeline.types import Frame
from reid_pipeline.video.intake import Intake
from reid_pipeline.video.ledger import Ledger
from reid_pipeline.video.libav import Input, Picture, ReadError, Stalled
from reid_pipeline.video.options import EventType, Report, SourceOptions, ignore
from reid_pipeline.video.protocol import SourceInfo
from reid_pipeline.video.timestamps import LiveTimes

_AHEAD = 1  # whoever takes the frames keeps the newest; what waits here only gets old


class StreamSource:
    """A live camera.

    It must answer when it is opened for the first time. After that it may stall, break off and refuse: each is counted
    and told, and it is tried again, after a pause that doubles up to a limit, until it is back or the source is closed.
    `clock` gives nanoseconds for stamps and events; `wait` sleeps for seconds and returns at once, with True, when the
    source is closed.
    """

    live = True

    def __init__(
        self,
        camera: str,
        source: Input,
        *,
        options: SourceOptions,
        report: Report = ignore,
        clock: Callable[[], int] = time.time_ns,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self.camera = camera
        self.name = source.name
        self._options = options
        self._ledger = Ledger(camera, report=report, clock=clock)
        self.health = self._ledger.health
        self._intake = Intake(source, self._ledger, ahead=_AHEAD)
        self._times = LiveTimes()
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait

    def open(self) -> SourceInfo:
        """Connect and wait for the first picture. Raises `SourceError` if there is none within the timeout."""
        try:
            return self._intake.open()
        except ReadError as error:
            self.health.stalls += isinstance(error, Stalled)
            self.health.last_error = f"{self.name}: expected a stream, but {error}"
            raise SourceError(f"{self.camera}: {self.health.last_error}") from None

    def frames(self) -> Iterator[Frame]:
        """The frames as they come, over any number of reconnections, until the source is closed."""
        try:
            while (picture := self._next_picture()) is not None:
                timestamp_ns = self._times.stamp(picture.position_s, picture.arrival_ns)
                frame = Frame(self.camera, self.health.frames, timestamp_ns, picture.image)
                self.health.frames += 1
                yield frame
        finally:
            self.close()

    def close(self) -> None:
        """Stop: ends `frames`, also while it waits for the camera or pauses between two attempts."""
        self._closed.set()
        self._intake.close()

    def _next_picture(self) -> Picture | None:
        """The next picture of this connection or of the next one that gives any; None once closed."""
        pause_s = self._options.backoff_s
        lost = False
        while True:
            try:
                if lost:
                    self._intake.open()
                    self._times.restart()
                    self._ledger.tell("reconnect", f"{self.name}: it is back")
                    lost = False
                picture = self._intake.next()
                if picture is not None or self._intake.closed:
                    return picture
                error = ReadError("the stream ended", "check the camera")
            except ReadError as raised:
                error = raised
            if self._intake.closed:
                return None
            lost = True
            kind: EventType = "stall" if isinstance(error, Stalled) else "lost"
            self._ledger.tell(kind, f"{self.name}: {error.reason}; next try in {pause_s:g} s")
            if self._wait(pause_s):
                return None
            pause_s = min(2 * pause_s, self._options.max_backoff_s)
