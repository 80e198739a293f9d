"""What surfaces look like: every paint tells the sRGB colour (N, 3) at places (N, K) on a surface."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from reid_pipeline.types import Image
from reid_tools.occlusion.draw.solids import Array, Paint

Colour = tuple[float, float, float]


def cloud(places: Array, scale: float, seed: int, *, waves: int = 10) -> Array:
    """Smooth noise (N,) in about -1..1 whose lumps are about `scale` wide: waves in many directions, bent by others."""
    rng = np.random.default_rng(seed)
    total = np.zeros(len(places))
    for _ in range(waves):
        direction = rng.normal(size=places.shape[1])
        direction /= np.linalg.norm(direction) * scale * rng.uniform(0.5, 2.0) / np.pi
        total += np.sin(places @ direction + rng.uniform(0, 2 * np.pi) + 0.7 * np.sin(total))
    return np.asarray(total / np.sqrt(waves) * 0.8)


def plain(colour: Colour, *, wear: float = 0.06, scale: float = 0.15, seed: int = 0) -> Paint:
    """One colour, a little lighter and darker in places."""

    def paint(places: Array) -> Array:
        shade = 1 + wear * cloud(places, scale, seed) if wear else np.ones(len(places))
        return np.asarray(shade[:, None] * np.array(colour))

    return paint


def striped(colours: Sequence[Colour], width: float, direction: Sequence[float], *, seed: int = 0) -> Paint:
    """Bands of equal width across `direction`, with as many numbers as places have."""

    def paint(places: Array) -> Array:
        band = np.floor(places @ np.asarray(direction, float) / width).astype(int) % len(colours)
        return np.asarray(np.asarray(colours, float)[band] * (1 + 0.04 * cloud(places, 4 * width, seed))[:, None])

    return paint


def checked(colours: Sequence[Colour], width: float, *, axes: tuple[int, int] = (0, 1)) -> Paint:
    """Plaid: bands both ways that mix where they cross, and a thin line in the last colour."""

    def paint(places: Array) -> Array:
        u, v = (places[:, axis] / width % 1 for axis in axes)
        ground, band, line = np.asarray(colours, float)[[0, 1, -1]]
        share = ((u < 0.45) * 0.5 + (v < 0.45) * 0.5)[:, None]
        thin = ((np.abs(u - 0.72) < 0.06) | (np.abs(v - 0.72) < 0.06))[:, None]
        return np.asarray(np.where(thin, line, ground * (1 - share) + band * share))

    return paint


def mottled(colours: Sequence[Colour], scale: float, *, seed: int = 0, sharpness: float = 1.5) -> Paint:
    """Patches of the colours: stone, rust, camouflage (sharp) or dirt (soft)."""

    def paint(places: Array) -> Array:
        palette = np.asarray(colours, float)
        level = 0.5 + 0.5 * np.tanh(sharpness * cloud(places, scale, seed, waves=14))
        place = level * (len(palette) - 1)
        low = np.minimum(place.astype(int), len(palette) - 2)
        share = (place - low)[:, None]
        fine = 1 + 0.06 * cloud(places, scale / 6, seed + 1)
        return np.asarray((palette[low] * (1 - share) + palette[low + 1] * share) * fine[:, None])

    return paint


def wooden(colour: Colour, axis: int, *, width: float = 0.02, seed: int = 0) -> Paint:
    """Grain along one axis of the places."""

    def paint(places: Array) -> Array:
        squeezed = places.copy()
        squeezed[:, axis] *= 0.08
        grain = cloud(squeezed, width, seed) + 0.5 * cloud(squeezed, width / 3, seed + 1)
        return np.asarray(np.array(colour) * (1 + 0.16 * np.clip(grain, -1.4, 1.4))[:, None])

    return paint


def bricks(colour: Colour, mortar: Colour) -> Paint:
    """Courses of bricks; around edges (x + y) and upwards (z) of places (N, 3)."""

    def paint(places: Array) -> Array:
        course = np.floor(places[:, 2] / 0.045)
        along = (places[:, 0] + places[:, 1]) / 0.12 + 0.5 * (course % 2)
        joint = (along % 1 < 0.09) | (places[:, 2] / 0.045 % 1 < 0.18)
        tone = 1 + 0.16 * np.sin(37.0 * np.floor(along) + 91.0 * course)
        return np.asarray(np.where(joint[:, None], mortar, tone[:, None] * np.array(colour)))

    return paint


def gores(colours: Sequence[Colour], count: int, *, border: Colour | None = None) -> Paint:
    """The panels of an umbrella or a ball, by the share of the way around; `border` colours the last tenth of v."""

    def paint(places: Array) -> Array:
        panel = np.floor(places[:, 0] * count).astype(int) % len(colours)
        colour = np.asarray(colours, float)[panel]
        seam = np.abs(places[:, 0] * count % 1 - 0.5) > 0.47
        colour = np.where(seam[:, None], 0.8 * colour, colour)
        return np.where((places[:, 1:2] > 0.88), border, colour) if border else colour

    return paint


def layered(levels: Sequence[tuple[float, Paint]], axis: int) -> Paint:
    """Different paints one above the other: each up to its level of the axis, the last one beyond."""

    def paint(places: Array) -> Array:
        colours = levels[-1][1](places)
        for level, below in reversed(levels[:-1]):
            colours = np.where(places[:, axis : axis + 1] < level, below(places), colours)
        return colours

    return paint


def picture(image: Image) -> Paint:
    """The image, uint8 (h, w, 3) RGB, stretched over places from (0, 0) at its lower left to (1, 1)."""

    def paint(places: Array) -> Array:
        height, width = image.shape[:2]
        x = (places[:, 0] * width - 0.5).astype(np.float32)[:, None]
        y = ((1 - places[:, 1]) * height - 0.5).astype(np.float32)[:, None]
        # remap takes at most 32767 rows
        looked_up = [
            cv2.remap(image, x[i : i + 30000], y[i : i + 30000], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for i in range(0, len(x), 30000)
        ]
        return np.asarray(np.concatenate(looked_up)[:, 0] / 255.0)

    return paint


def decal(image: Image, low: tuple[float, float], high: tuple[float, float]) -> Paint:
    """The image over the rectangle from `low` to `high` in x and z of places (N, 3)."""
    inside = picture(image)

    def paint(places: Array) -> Array:
        return inside((places[:, [0, 2]] - np.asarray(low)) / (np.asarray(high) - np.asarray(low)))

    return paint
