"""The cameras of a run: opened together, each with its own fate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from reid_pipeline.config.models import Camera, Config
from reid_pipeline.errors import SourceError
from reid_pipeline.records.document import CameraRecord
from reid_pipeline.records.run_record import CameraHealth
from reid_pipeline.runtime.settings import start_ns
from reid_pipeline.types import NS_PER_S, Frame
from reid_pipeline.video.options import SourceEvent, SourceOptions
from reid_pipeline.video.protocol import Source, SourceInfo
from reid_pipeline.video.sources import open_source

DEFAULT_FPS = 10.0
"""The rate of image folders that nobody gave one, and of cameras that did not say."""


@dataclass(slots=True)
class CameraRun:
    """One camera of a run.

    `last_ns` is where it stands on the run's clock. `failure` is empty while all is well; `skipped` counts frames that
    the driver let go.
    """

    name: str
    make_source: Callable[[], Source]
    source: Source
    last_ns: int = 0
    info: SourceInfo | None = None
    failure: str = ""
    skipped: int = 0

    def open(self) -> None:
        """Open the source; a failure is noted and not raised, since the other cameras go on."""
        try:
            self.info = self.source.open()
        except SourceError as error:
            self.failure = str(error)

    def try_again(self) -> None:
        """Open a camera that could not be opened before; a source that failed to open is of no further use."""
        self.source = self.make_source()
        self.failure = ""
        self.open()
        self.source.health.reconnects += not self.failure

    def frames(self, limit_s: float | None, *, later_ns: int = 0) -> Iterator[Frame]:
        """The frames up to the time limit, with their times put off by `later_ns`.

        Ends early, with the failure noted, where the source breaks.
        """
        first_ns: int | None = None
        try:
            for given in self.source.frames():
                frame = replace(given, timestamp_ns=given.timestamp_ns + later_ns) if later_ns else given
                self.last_ns = frame.timestamp_ns
                first_ns = frame.timestamp_ns if first_ns is None else first_ns
                if limit_s is not None and frame.timestamp_ns - first_ns >= limit_s * NS_PER_S:
                    return
                yield frame
        except SourceError as error:
            self.failure = str(error)

    @property
    def dropped(self) -> int:
        return self.source.health.dropped + self.skipped

    def record(self, frames: int) -> CameraRecord:
        """What tracks.json says of the camera."""
        info = self.info or SourceInfo(0, 0, 0.0, None)
        return CameraRecord(self.name, info.width, info.height, info.fps, frames, self.dropped)

    def health(self) -> CameraHealth:
        """What run.json says of the camera."""
        health = self.source.health
        return CameraHealth(
            self.source.name, health.frames, self.dropped, health.stalls, health.reconnects, self.failure
        )


def make_cameras(
    config: Config, *, epoch_ns: int | None, report: Callable[[SourceEvent], None]
) -> Mapping[str, CameraRun]:
    """The configured cameras, not opened yet.

    Zero on the run's clock is `epoch_ns` for cameras with a known time, live ones included, and the first frame for
    recordings without one. What a recording has to report is stamped with its own time.
    """
    cameras: dict[str, CameraRun] = {}

    def stamped(event: SourceEvent) -> None:
        camera = cameras[event.camera]
        report(event if camera.source.live else replace(event, timestamp_ns=camera.last_ns))

    for name, camera in config.cameras.items():
        first_ns = start_ns(camera, epoch_ns)
        make_source = partial(_source, name, camera, first_ns, epoch_ns or 0, stamped)
        cameras[name] = CameraRun(name, make_source, make_source(), first_ns)
    return cameras


def live_cameras(config: Config) -> list[str]:
    """The cameras whose sources are live."""
    cameras = make_cameras(config, epoch_ns=None, report=lambda event: None)
    return [name for name, camera in cameras.items() if camera.source.live]


def _source(name: str, camera: Camera, first_ns: int, epoch_ns: int, report: Callable[[SourceEvent], None]) -> Source:
    options = SourceOptions(timeout_s=camera.timeout_s, fps=camera.fps or DEFAULT_FPS, rtsp_transport=camera.transport)
    return open_source(
        name, camera.source, start_ns=first_ns, options=options, report=report, clock=lambda: time.time_ns() - epoch_ns
    )


def open_cameras(cameras: Mapping[str, CameraRun]) -> None:
    """Open all at once: eight cameras that do not answer cost one timeout, not eight."""
    with ThreadPoolExecutor(max_workers=max(1, len(cameras)), thread_name_prefix="open") as pool:
        list(pool.map(CameraRun.open, cameras.values()))
