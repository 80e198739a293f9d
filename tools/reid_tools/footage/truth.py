"""Exact truth beside the clips: boxes and visibility per camera, floor positions, and the cameras' geometry."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reid_tools.footage.render import Sighting
from reid_tools.footage.scene import Scene

MIN_VISIBILITY = 0.25
MIN_HEIGHT_PX = 24.0


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One person in one frame of one camera; `frame` and `identity` count from 1, the box is clipped to the picture.

    `visibility` is the share of the whole silhouette that is seen; what others hide and what lies outside of the
    picture both lower it. `scored` is False for boxes too hidden or too small to be asked of anybody.
    """

    frame: int
    identity: int
    x: float
    y: float
    width: float
    height: float
    scored: bool
    visibility: float

    def line(self) -> str:
        """The row in MOTChallenge order: frame, id, x, y, w, h, flag, class, visibility."""
        box = f"{self.x:.1f},{self.y:.1f},{self.width:.1f},{self.height:.1f}"
        return f"{self.frame},{self.identity},{box},{int(self.scored)},1,{self.visibility:.3f}"


def truth_row(frame: int, identity: int, sighting: Sighting, *, width: int, height: int) -> TruthRow | None:
    """The row of one sighting in a picture of `width` x `height` px; None when no pixel is seen."""
    if sighting.visible_px == 0:
        return None
    x1, y1, x2, y2 = sighting.xyxy
    x1, x2 = (float(np.clip(value, 0, width)) for value in (x1, x2))
    y1, y2 = (float(np.clip(value, 0, height)) for value in (y1, y2))
    visibility = min(sighting.visible_px / sighting.area_px, 1.0)
    scored = visibility >= MIN_VISIBILITY and y2 - y1 >= MIN_HEIGHT_PX
    return TruthRow(frame, identity, x1, y1, x2 - x1, y2 - y1, scored, visibility)


def write_boxes(path: Path, rows: Sequence[TruthRow]) -> None:
    """Write `gt_<camera>.txt`."""
    path.write_text("".join(row.line() + "\n" for row in rows), encoding="ascii")


def write_floor(path: Path, positions: Sequence[NDArray[np.float64]]) -> None:
    """Write `floor.csv` from the floor positions (T, 2) of each person."""
    lines = ["frame,id,x_m,y_m\n"]
    for frame in range(len(positions[0])):
        lines += [f"{frame + 1},{i + 1},{xy[frame, 0]:.3f},{xy[frame, 1]:.3f}\n" for i, xy in enumerate(positions)]
    path.write_text("".join(lines), encoding="ascii")


def write_cameras(path: Path, scene: Scene, *, frames: int) -> None:
    """Write `cameras.json`: projection, homography, size, frames and overlaps of every camera."""

    def rounded(matrix: NDArray[np.float64]) -> list[list[float]]:
        return [[float(f"{value:.9g}") for value in row] for row in matrix]

    cameras = {
        camera.name: {
            "width": camera.width,
            "height": camera.height,
            "fps": scene.fps,
            "frames": frames,
            "projection": rounded(camera.projection()),
            "homography": rounded(camera.floor_homography()),
            "overlaps": sorted(
                {name for pair in scene.overlaps if camera.name in pair for name in pair} - {camera.name},
            ),
        }
        for camera in scene.cameras
    }
    path.write_text(json.dumps({"scene": scene.name, "cameras": cameras}, indent=1) + "\n", encoding="ascii")
