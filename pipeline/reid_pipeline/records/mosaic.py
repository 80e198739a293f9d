"""Draws the tiles of the overlay video: one per camera, people in the colour of their identity."""

from __future__ import annotations

import colorsys
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray

from reid_pipeline.types import Image

Colour = tuple[int, int, int]  # blue, green, red

_LARGEST_WH = (1920, 1080)
_GAP_PX = 4
_CAPTION_PX = 26
_BACKGROUND = 20  # grey
_ANONYMOUS: Colour = (165, 165, 165)
_WHITE: Colour = (245, 245, 245)
_BLACK: Colour = (16, 16, 16)
_CAPTION_SIZE = 0.5
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GOLDEN_ANGLE = (3 - math.sqrt(5)) / 2  # of a full turn: neighbours in number are far apart in hue


@dataclass(frozen=True, slots=True)
class Mark:
    """One person in one frame: `xywh` float64 (4,) px, `trail` float64 (N, 2) px the last foot points, oldest first.

    `identity` is None for a track without one, `sure` is whether the identity is confirmed.
    """

    xywh: NDArray[np.float64]
    trail: NDArray[np.float64]
    track_id: int
    identity: str | None
    sure: bool

    @property
    def label(self) -> str:
        if self.identity is None:
            return f"#{self.track_id}"
        return self.identity if self.sure else f"{self.identity} ?"

    @property
    def colour(self) -> Colour:
        return _ANONYMOUS if self.identity is None else identity_colour(self.identity)


@dataclass(frozen=True, slots=True)
class Tile:
    """What one camera shows at a moment.

    `image` is uint8 (H, W, 3) BGR, None before the first frame; `live` is False while the camera has no newer one.
    """

    camera: str
    time: str
    image: Image | None
    marks: Sequence[Mark]
    live: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Equal tiles in a grid; all sizes are even, as the video format wants them."""

    columns: int
    rows: int
    tile_wh: tuple[int, int]

    @classmethod
    def of(cls, sizes_wh: Sequence[tuple[int, int]]) -> Layout:
        """The grid for cameras of these sizes: nothing is enlarged, and the whole fits a full HD picture."""
        columns = math.ceil(math.sqrt(len(sizes_wh)))
        rows = math.ceil(len(sizes_wh) / columns)
        width, height = max(sizes_wh)
        room_w = _LARGEST_WH[0] / columns - _GAP_PX
        room_h = _LARGEST_WH[1] / rows - _GAP_PX - _CAPTION_PX
        shrink = min(1.0, room_w / width, room_h / height)
        return cls(columns, rows, (_even(width * shrink), _even(height * shrink) + _CAPTION_PX))

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the whole picture."""
        width, height = self.tile_wh
        return self.columns * (width + _GAP_PX) - _GAP_PX, self.rows * (height + _GAP_PX) - _GAP_PX

    def draw(self, tiles: Sequence[Tile]) -> Image:
        """The picture of all tiles, uint8 (H, W, 3) BGR."""
        canvas_w, canvas_h = self.size_wh
        canvas: Image = np.full((canvas_h, canvas_w, 3), _BACKGROUND, np.uint8)
        width, height = self.tile_wh
        for number, tile in enumerate(tiles):
            row, column = divmod(number, self.columns)
            left, top = column * (width + _GAP_PX), row * (height + _GAP_PX)
            area = canvas[top : top + height, left : left + width]
            _draw_caption(area[:_CAPTION_PX], tile)
            _draw_picture(area[_CAPTION_PX:], tile)
        return canvas


def identity_colour(identity: str) -> Colour:
    """The colour of an identity, the same in every run: consecutive numbers get hues far apart."""
    ending = re.search(r"[0-9]+$", identity)
    number = int(ending.group()) if ending else crc32(identity.encode())
    lightness = (0.62, 0.52, 0.72)[number % 3]
    red, green, blue = colorsys.hls_to_rgb(number * _GOLDEN_ANGLE % 1.0, lightness, 0.85)
    return round(blue * 255), round(green * 255), round(red * 255)


def _draw_picture(area: Image, tile: Tile) -> None:
    """Fill the area with the camera's picture and its people."""
    if tile.image is None:
        return
    scale, offset = _fit(area, tile.image)
    if not tile.live:
        area //= 3
        return
    for mark in tile.marks:
        _draw_trail(area, mark.trail * scale + offset, mark.colour)
    for mark in sorted(tile.marks, key=lambda mark: mark.identity is not None):  # names over numbers
        _draw_person(area, mark, scale, offset)


def _fit(area: Image, image: Image) -> tuple[float, NDArray[np.float64]]:
    """Put the picture into the middle of the area; returns scale and offset (x, y) from its pixels to the area's."""
    height, width = image.shape[:2]
    scale = min(area.shape[1] / width, area.shape[0] / height)
    fitted_w, fitted_h = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (area.shape[1] - fitted_w) // 2, (area.shape[0] - fitted_h) // 2
    smooth = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
    area[top : top + fitted_h, left : left + fitted_w] = cv2.resize(image, (fitted_w, fitted_h), interpolation=smooth)
    return scale, np.array([left, top], np.float64)


def _draw_trail(area: Image, points: NDArray[np.float64], colour: Colour) -> None:
    corners = np.rint(points).astype(np.int32)
    half = len(corners) // 2
    cv2.polylines(area, [corners[: half + 1]], False, colour, 1, cv2.LINE_AA)
    cv2.polylines(area, [corners[half:]], False, colour, 2, cv2.LINE_AA)


def _draw_person(area: Image, mark: Mark, scale: float, offset: NDArray[np.float64]) -> None:
    """A box with a name plate; only the corners of the box while the identity is not confirmed."""
    left, top = (int(side) for side in np.rint(mark.xywh[:2] * scale + offset))
    right, bottom = (int(side) for side in np.rint((mark.xywh[:2] + mark.xywh[2:]) * scale + offset))
    thickness = max(2, round(area.shape[0] / 300))
    if mark.sure:
        cv2.rectangle(area, (left, top), (right, bottom), mark.colour, thickness, cv2.LINE_AA)
    else:
        length = max(4, min(right - left, bottom - top) // 4)
        for x, inward in ((left, length), (right, -length)):
            for y, downward in ((top, length), (bottom, -length)):
                bracket = np.array([(x + inward, y), (x, y), (x, y + downward)], np.int32)
                cv2.polylines(area, [bracket], False, mark.colour, thickness, cv2.LINE_AA)
    _draw_plate(area, mark, left=left - thickness // 2, bottom=top)


def _draw_plate(area: Image, mark: Mark, *, left: int, bottom: int) -> None:
    """The name on the box, kept inside the picture."""
    size = max(0.4, area.shape[0] / 900)
    (width, height), below = cv2.getTextSize(mark.label, _FONT, size, 1)
    pad = max(3, height // 3)
    plate_w, plate_h = width + 2 * pad, height + below + pad
    left = max(0, min(left, area.shape[1] - plate_w))
    top = max(0, bottom - plate_h)
    cv2.rectangle(area, (left, top), (left + plate_w, top + plate_h), mark.colour, cv2.FILLED)
    blue, green, red = mark.colour
    ink = _BLACK if 0.114 * blue + 0.587 * green + 0.299 * red > 110 else _WHITE
    cv2.putText(area, mark.label, (left + pad, top + pad // 2 + height + 1), _FONT, size, ink, 1, cv2.LINE_AA)


def _draw_caption(area: Image, tile: Tile) -> None:
    """Which camera on the left, when on the right."""
    baseline = _CAPTION_PX - 8
    time = tile.time if tile.live else f"no picture  {tile.time}".rstrip()
    width = cv2.getTextSize(time, _FONT, _CAPTION_SIZE, 1)[0][0]
    for text, left in ((tile.camera, 10), (time, area.shape[1] - width - 10)):
        cv2.putText(area, text, (left, baseline), _FONT, _CAPTION_SIZE, _WHITE, 1, cv2.LINE_AA)


def _even(length: float) -> int:
    return max(2, int(length) // 2 * 2)
