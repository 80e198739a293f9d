"""A tiny site to run the whole pipeline on: clips of coloured figures that walk, and the boxes of what was drawn."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from reid_pipeline.config.loader import LoadedConfig, load_config
from reid_pipeline.records.tracks import TracksDocument, read_tracks
from reid_pipeline.runtime.report import RunOptions, RunReport

SIZE = (320, 180)
FIGURE = (40, 112)
TOP = 50

# shirt and trousers, BGR: six people whom nobody confuses
LOOKS = (
    ((40, 40, 220), (200, 60, 40)),
    ((60, 200, 60), (30, 30, 30)),
    ((230, 230, 230), (40, 40, 160)),
    ((30, 200, 230), (60, 140, 60)),
    ((200, 60, 180), (220, 220, 220)),
    ((20, 20, 20), (30, 190, 230)),
)


@dataclass(frozen=True, slots=True)
class Walk:
    """A person crosses the picture between two moments of the clip, from x to x as shares of the way."""

    person: int
    enter_s: float
    leave_s: float
    x: tuple[float, float] = (0.05, 0.95)

    def box(self, time_s: float) -> tuple[int, int] | None:
        """Left and top of the figure, if it is there."""
        if not self.enter_s <= time_s < self.leave_s:
            return None
        share = (time_s - self.enter_s) / (self.leave_s - self.enter_s)
        place = self.x[0] + share * (self.x[1] - self.x[0])
        return round(place * (SIZE[0] - FIGURE[0])), TOP


def picture(walks: Sequence[Walk], time_s: float) -> NDArray[np.uint8]:
    """What the camera sees, BGR."""
    width, height = SIZE
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    texture = 110 + 25 * np.sin(columns / 9.0) * np.cos(rows / 7.0)
    image = np.repeat(texture[:, :, None], 3, axis=2).astype(np.uint8)
    for walk in walks:
        place = walk.box(time_s)
        if place is None:
            continue
        (x, y), (w, h) = place, FIGURE
        shirt, trousers = LOOKS[walk.person]
        image[y : y + h // 6, x + w // 4 : x + 3 * w // 4] = (140, 170, 210)
        image[y + h // 6 : y + h // 2, x : x + w] = shirt
        image[y + h // 2 : y + h, x + 4 : x + w - 4] = trousers
    return image


@dataclass(slots=True)
class Site:
    """A folder with clips, their boxes in MOTChallenge format, and the cameras.yaml over them."""

    folder: Path
    cameras: dict[str, dict[str, Any]] = field(default_factory=dict)
    detections: dict[str, str] = field(default_factory=dict)

    def film(
        self,
        camera: str,
        walks: Sequence[Walk],
        *,
        frames: int = 40,
        fps: int = 10,
        times_ms: Sequence[int] | None = None,
        **settings: object,
    ) -> Path:
        """Add a camera whose clip shows the walks; `times_ms` makes the frame rate vary."""
        path = self.folder / f"{camera}.mp4"
        times_ms = times_ms or [round(1000 * index / fps) for index in range(frames)]
        rows: list[str] = []
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "g": "10", "bf": "0"})
            stream.width, stream.height = SIZE
            stream.pix_fmt = "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000)
            for index, time_ms in enumerate(times_ms):
                shown = av.VideoFrame.from_ndarray(picture(walks, time_ms / 1000), format="bgr24")
                shown.pts, shown.time_base = time_ms, Fraction(1, 1000)
                container.mux(stream.encode(shown))
                rows += boxes_of(walks, index, time_ms / 1000)
            container.mux(stream.encode())
        self.add(camera, path.name, rows, **settings)
        return path

    def album(self, camera: str, walks: Sequence[Walk], *, frames: int = 40, **settings: object) -> Path:
        """Add a camera whose source is a folder of pictures, ten a second."""
        folder = self.folder / camera
        folder.mkdir()
        rows: list[str] = []
        for index in range(frames):
            cv2.imwrite(str(folder / f"{index:03}.png"), picture(walks, index / 10))
            rows += boxes_of(walks, index, index / 10)
        self.add(camera, camera, rows, **settings)
        return folder

    def add(self, camera: str, source: str | Path, rows: Sequence[str] = (), **settings: object) -> None:
        """Add a camera with any source and these rows of boxes."""
        (self.folder / f"{camera}.txt").write_text("".join(rows))
        self.cameras[camera] = {"source": str(source), **settings}
        self.detections[camera] = f"{camera}.txt"

    def write(self, **sections: Mapping[str, object]) -> Path:
        """Write cameras.yaml.

        Unless a section says otherwise, the detector plays back the boxes that were drawn, and the encoder is the one
        that goes by colours, which is all that the figures have.
        """
        detector = {"model": "recorded", "detections": self.detections, **sections.pop("detector", {})}
        encoder = {"model": "color-stripes", **sections.pop("encoder", {})}
        document = {"cameras": self.cameras, "detector": detector, "encoder": encoder, **sections}
        path = self.folder / "cameras.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return path

    def load(self, **sections: Mapping[str, object]) -> LoadedConfig:
        """`write`, then read it as the command line does."""
        return load_config(self.write(**sections))

    def options(self, name: str = "out", **given: Any) -> RunOptions:
        """Options of a run that writes to this folder of the site."""
        return RunOptions(output=self.folder / name, **given)


def boxes_of(walks: Sequence[Walk], index: int, time_s: float) -> list[str]:
    """The rows of one frame."""
    places = [place for walk in walks if (place := walk.box(time_s)) is not None]
    return [f"{index + 1},-1,{x},{y},{FIGURE[0]},{FIGURE[1]},0.9\n" for x, y in places]


def document(report: RunReport) -> TracksDocument:
    """The tracks.json that a run wrote."""
    return read_tracks(report.paths["tracks"])


def identities(report: RunReport) -> dict[str, str | None]:
    """Who each tracklet is."""
    return {str(tracklet.key): tracklet.identity for tracklet in document(report).tracklets}


def own_threads(before: Sequence[threading.Thread], *, within_s: float = 1.0) -> list[str]:
    """Names of the threads that were started since and are still there after a moment."""
    deadline_s = time.monotonic() + within_s
    while True:
        left = [thread.name for thread in threading.enumerate() if thread not in before]
        if not left or time.monotonic() > deadline_s:
            return left
        time.sleep(0.01)
