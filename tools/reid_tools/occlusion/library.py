"""The cut-outs that cover people, and where each kind of them belongs in a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np

from reid_pipeline.errors import RecordError
from reid_pipeline.types import Image

CUTOUTS = Path(__file__).parent / "cutouts"

Region = Literal["up", "middle", "bottom"]


class Habit(NamedTuple):
    """How one kind of occluder is placed.

    `region` is where paper mode puts it. Release mode gives its box the share `release_share` of the picture's area and
    puts it to the `release_side`, with its upper edge at the top, its lower edge at mid-height or at the bottom.
    """

    region: Region
    release_share: float
    release_side: Literal["left", "right"]
    release_region: Region


# Where the two sources differ (a post stands in the middle or at the bottom), each mode follows its own.
HABITS: dict[str, Habit] = {
    "bag": Habit("middle", 0.20, "left", "middle"),
    "bench": Habit("bottom", 0.40, "left", "bottom"),
    "bike": Habit("bottom", 0.60, "left", "bottom"),
    "car": Habit("bottom", 0.45, "left", "bottom"),
    "card": Habit("bottom", 0.20, "left", "bottom"),
    "chair": Habit("bottom", 0.65, "left", "bottom"),
    "fire_hydrant": Habit("bottom", 0.20, "right", "bottom"),
    "kite": Habit("up", 0.40, "left", "up"),
    "motorbike": Habit("bottom", 0.50, "left", "bottom"),
    "pedestrian": Habit("bottom", 0.50, "right", "bottom"),
    "post": Habit("middle", 0.50, "left", "bottom"),
    "road_sign": Habit("bottom", 0.40, "right", "bottom"),
    "stone": Habit("bottom", 0.15, "left", "bottom"),
    "suitcase": Habit("middle", 0.10, "right", "middle"),
    "umbrella": Habit("up", 0.25, "left", "up"),
}


@dataclass(frozen=True, slots=True)
class Occluder:
    """One cut-out: `rgba` uint8 (h, w, 4), its alpha not multiplied into the colours and its edges trimmed.

    Raises:
        ValueError: `kind` is not one of `HABITS`, or `rgba` is no such picture.
    """

    name: str
    kind: str
    rgba: Image = field(repr=False, compare=False)
    premultiplied: Image = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in HABITS:
            raise ValueError(f"{self.name}: expected a kind out of {', '.join(HABITS)}, got {self.kind!r}")
        shape, dtype = self.rgba.shape, self.rgba.dtype
        if len(shape) != 3 or shape[2] != 4 or dtype != np.uint8 or not self.rgba.size:
            raise ValueError(f"{self.name}: expected uint8 of shape (h, w, 4), got {dtype} of {shape}")
        # resizing colours that carry their alpha keeps the transparent ones from bleeding into the edges
        alpha = self.rgba[..., 3:].astype(np.uint16)
        colours = (self.rgba[..., :3] * alpha + 127) // 255
        premultiplied = np.concatenate([colours, alpha], axis=-1).astype(np.uint8)
        for name, pixels in (("rgba", self.rgba), ("premultiplied", premultiplied)):
            frozen = pixels.view()
            frozen.flags.writeable = False
            object.__setattr__(self, name, frozen)

    @property
    def aspect(self) -> float:
        """Height over width."""
        return float(self.rgba.shape[0] / self.rgba.shape[1])


def load_occluders(folder: Path = CUTOUTS) -> tuple[Occluder, ...]:
    """The cut-outs of a folder, files named `KIND-NAME.png`, sorted by name; by default those of the project.

    Raises:
        RecordError: the folder holds no PNG, or one of them is broken, has no transparency or an unknown kind.
    """
    paths = sorted(folder.glob("*.png"))
    if not paths:
        raise RecordError(f"{folder}: expected a folder of cut-outs named KIND-NAME.png, found none")
    return tuple(_load(path) for path in paths)


def _load(path: Path) -> Occluder:
    try:
        coded = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise RecordError(f"{path}: cannot read the cut-out: {error.strerror}") from None
    picture = cv2.imdecode(coded, cv2.IMREAD_UNCHANGED) if len(coded) else None
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
        raise RecordError(f"{path}: expected a PNG with 8-bit colours and transparency; save it as RGBA")
    try:
        return Occluder(path.stem, path.stem.partition("-")[0], cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA))
    except ValueError as error:
        raise RecordError(f"{path.parent}: {error}") from None
