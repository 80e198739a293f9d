"""Renders overlay.mp4: all cameras side by side on one clock, with the identities of a finished tracks document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from reid_pipeline.errors import RecordError, SourceError
from reid_pipeline.records.document import CameraRecord, TracksDocument
from reid_pipeline.records.files import replacing
from reid_pipeline.records.fixed import milliseconds
from reid_pipeline.records.mosaic import Layout, Mark, Tile
from reid_pipeline.records.writer import iso_time
from reid_pipeline.types import NS_PER_S, Frame, Image, State

_FASTEST_FPS = 30.0
_STILL_NS = NS_PER_S  # a camera without a newer frame for so long is shown as having none; longer breaks are skipped
_TRAIL_FRAMES = 15


def render_overlay(
    document: TracksDocument,
    frames_by_camera: Mapping[str, Iterable[Frame]],
    output: Path,
    *,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write the video; at any time only two frames of each camera are held.

    Cameras are laid out in the order of the document and matched to its boxes by frame index. The video runs at the
    rate of the fastest camera; breaks in which no camera has a frame are left out. A recording that breaks half-way is
    shown as far as it goes.

    Args:
        document: the finished tracks.
        frames_by_camera: the frames of each camera to show, in order, as they were when the tracks were made.
        output: the H.264 MP4 file; an older one is replaced when the new one is whole.
        progress: told how many frames of all cameras are done so far.

    Raises:
        RecordError: the file cannot be written, no H.264 encoder is there, or none of the cameras has a frame.
    """
    players = [
        _Player(document, camera, frames_by_camera[camera.id])
        for camera in document.cameras
        if camera.id in frames_by_camera
    ]
    players = [player for player in players if player.upcoming is not None]
    if not players:
        raise RecordError(f"{output}: expected frames of at least one camera, got none; check the sources")
    layout = Layout.of([player.size_wh for player in players])
    rate = Fraction(min(_FASTEST_FPS, max(player.fps for player in players))).limit_denominator(1001)
    with replacing(output) as unfinished:
        _encode(unfinished, layout, rate, _pictures(players, layout, rate, progress or _ignore))


def _ignore(done: int) -> None:
    """Progress that nobody watches."""


class _Player:
    """One camera on the common clock: the frame it shows, the one that comes next, and who is in them."""

    def __init__(self, document: TracksDocument, camera: CameraRecord, frames: Iterable[Frame]) -> None:
        self.camera = camera.id
        self.fps = camera.fps or 10.0
        self.frames_done = 0
        self.shown: Frame | None = None
        self._epoch_ns = document.run.epoch_ns
        self._frames = iter(frames)
        self._people = _People(document, camera.id)
        self.upcoming = self._next()
        self.size_wh = self.upcoming.image.shape[1::-1] if self.upcoming else (camera.width, camera.height)

    def advance(self, until_ns: int) -> None:
        """Show the newest frame up to this time."""
        while self.upcoming is not None and self.upcoming.timestamp_ns <= until_ns:
            self.shown = self.upcoming
            self.frames_done += 1
            self.upcoming = self._next()

    def tile(self, now_ns: int) -> Tile:
        if self.shown is None:
            return Tile(self.camera, "", None, (), live=False)
        return Tile(
            camera=self.camera,
            time=self._time(self.shown.timestamp_ns),
            image=self.shown.image,
            marks=self._people.marks(self.shown.index),
            live=now_ns - self.shown.timestamp_ns < _STILL_NS,
        )

    def _next(self) -> Frame | None:
        try:
            return next(self._frames, None)
        except SourceError:  # the run has already told; what came before is worth showing
            return None

    def _time(self, timestamp_ns: int) -> str:
        if self._epoch_ns is not None:
            return iso_time(self._epoch_ns + timestamp_ns)[:-3].replace("T", "  ")
        minutes, rest_ms = divmod(milliseconds(timestamp_ns), 60_000)
        return f"{minutes}:{rest_ms / 1000:04.1f}"


class _People:
    """Finds the people of a frame; rows of all tracklets of one camera, sorted by frame."""

    def __init__(self, document: TracksDocument, camera: str) -> None:
        self._tracklets = [tracklet for tracklet in document.tracklets if tracklet.camera == camera]
        self._sure = {identity.id for identity in document.identities if identity.state is State.CONFIRMED}
        empty = [np.zeros(0, np.int64)]
        frames = np.concatenate(empty + [tracklet.frame for tracklet in self._tracklets])
        owners = np.concatenate(empty + [np.full(len(each), n) for n, each in enumerate(self._tracklets)])
        rows = np.concatenate(empty + [np.arange(len(each)) for each in self._tracklets])
        order = np.argsort(frames, kind="stable")
        self._frames, self._owners, self._rows = frames[order], owners[order], rows[order]

    def marks(self, frame: int) -> list[Mark]:
        begin, end = np.searchsorted(self._frames, [frame, frame + 1]).tolist()
        return [self._mark(*place) for place in zip(self._owners[begin:end], self._rows[begin:end], strict=True)]

    def _mark(self, owner: int, row: int) -> Mark:
        tracklet = self._tracklets[owner]
        first = int(np.searchsorted(tracklet.frame, tracklet.frame[row] - _TRAIL_FRAMES))
        recent = tracklet.xywh[first : row + 1]
        return Mark(
            xywh=tracklet.xywh[row],
            trail=np.stack([recent[:, 0] + recent[:, 2] / 2, recent[:, 1] + recent[:, 3]], axis=1),
            track_id=tracklet.track_id,
            identity=tracklet.identity,
            sure=tracklet.identity in self._sure,
        )


def _pictures(
    players: list[_Player], layout: Layout, rate: Fraction, progress: Callable[[int], None]
) -> Iterator[Image]:
    """The pictures of the video: one per tick of the clock, until no camera has a frame left."""
    half_tick_ns = round(NS_PER_S / rate / 2)  # rounded timestamps must not fall behind the tick they belong to
    start_ns, tick = min(_upcoming_ns(players)), 0
    while True:
        now_ns = start_ns + round(tick * NS_PER_S / rate)
        for player in players:
            player.advance(now_ns + half_tick_ns)
        yield layout.draw([player.tile(now_ns) for player in players])
        progress(sum(player.frames_done for player in players))
        waiting_ns = _upcoming_ns(players)
        if not waiting_ns:
            return
        tick += 1
        if min(waiting_ns) - now_ns > _STILL_NS:
            start_ns, tick = min(waiting_ns), 0


def _upcoming_ns(players: list[_Player]) -> list[int]:
    return [player.upcoming.timestamp_ns for player in players if player.upcoming is not None]


def _encode(path: Path, layout: Layout, rate: Fraction, pictures: Iterable[Image]) -> None:
    if "libx264" not in av.codecs_available:
        raise RecordError(f"{path}: this build of PyAV has no H.264 encoder; reinstall it with: pip install --force av")
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height = layout.size_wh
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
