"""OGor: people covered by things that really stand in the way, as the paper tells it and as its code does it.

Source: the OGor generator of the MGCC paper ("paper") and of the code released with it ("release"). Both scale a
cut-out to a share of the picture's area, keep its proportions, put it where such a thing would be and paste it by its
alpha. They differ in shares and places, and in which pictures of a data set they cover (see `selection`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from reid_pipeline.types import Image
from reid_tools.occlusion.library import HABITS, Occluder

PAPER_SHARE = (0.1, 0.6)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Placement:
    """An occluder scaled to `height` x `width` px with its upper left corner at row `top` and column `left`.

    Release mode lets it reach beyond the picture.
    """

    occluder: Occluder
    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Occlusion:
    """An occluded picture and what was done to it.

    Attributes:
        image: uint8 (H, W, 3) RGB.
        kind: what covers it, one of `library.HABITS`.
        name: the cut-out that covers it.
        xyxy: the pasted box in px, cut off at the edges of the picture.
        box_ratio: the share of the picture's area inside that box.
        covered_ratio: the share of the picture's area that is covered, counted by alpha.
        mask: bool (H, W), the pixels that are covered by more than half.
    """

    image: Image = field(repr=False)
    kind: str
    name: str
    xyxy: tuple[int, int, int, int]
    box_ratio: float
    covered_ratio: float
    mask: NDArray[np.bool_] = field(repr=False)


def occlude_paper(
    image: Image, occluders: Sequence[Occluder], rng: np.random.Generator, *, random_column: bool = True
) -> Occlusion:
    """Cover 10 to 60 % of the picture, uint8 (H, W, 3) RGB, by the box of one occluder, any of them alike.

    `random_column` moves what stands at the top or bottom sideways, as the paper's text says; without it such things
    start at column 0, as its printed algorithm says.

    Raises:
        ValueError: none of the occluders fits into a picture of this shape.
    """
    return paste(image, place_paper(image.shape[:2], occluders, rng, random_column=random_column))


def occlude_release(image: Image, occluders: Sequence[Occluder], rng: np.random.Generator) -> Occlusion:
    """Cover the picture, uint8 (H, W, 3) RGB, by one occluder at the size and place that its kind always has."""
    return paste(image, place_release(image.shape[:2], occluders, rng))


def place_paper(
    shape: tuple[int, ...], occluders: Sequence[Occluder], rng: np.random.Generator, *, random_column: bool = True
) -> Placement:
    """Draw an occluder and its place in a picture of `shape` (H, W), as `occlude_paper` does.

    Places that reach beyond the picture are drawn again, with the same occluder: all kinds stay equally frequent.
    """
    height, width = shape
    occluder = _any(occluders, rng)
    largest = _largest_share(occluder, height, width)
    if largest < PAPER_SHARE[0]:
        fitting = [other for other in occluders if _largest_share(other, height, width) >= PAPER_SHARE[0]]
        if not fitting:
            raise ValueError(f"no occluder covers {PAPER_SHARE[0]:.0%} of a picture of {height} x {width} from inside")
        occluder = _any(fitting, rng)
        largest = _largest_share(occluder, height, width)
    region = HABITS[occluder.kind].region
    while True:
        share = rng.uniform(PAPER_SHARE[0], min(PAPER_SHARE[1], largest))
        tall, wide = _size(share, occluder.aspect, height, width)
        left = int(rng.integers(width)) if random_column or region == "middle" else 0
        if left + wide <= width:
            break
    highest, lowest = {"up": (0, 0), "middle": (0, height // 2 - tall), "bottom": (height - tall, height - tall)}[
        region
    ]
    top = int(rng.integers(highest, lowest, endpoint=True))
    return Placement(occluder, top, left, tall, wide)


def place_release(shape: tuple[int, ...], occluders: Sequence[Occluder], rng: np.random.Generator) -> Placement:
    """Draw an occluder and tell its place in a picture of `shape` (H, W), as `occlude_release` does."""
    height, width = shape
    kind = _any(sorted({occluder.kind for occluder in occluders}), rng)
    occluder = _any([occluder for occluder in occluders if occluder.kind == kind], rng)
    habit = HABITS[kind]
    tall, wide = _size(habit.release_share, occluder.aspect, height, width)
    top = {"up": 0, "middle": height // 2 - tall, "bottom": height - tall}[habit.release_region]
    left = 0 if habit.release_side == "left" else width - wide
    return Placement(occluder, top, left, tall, wide)


def _any(choices: Sequence[T], rng: np.random.Generator) -> T:
    return choices[int(rng.integers(len(choices)))]


def _size(share: float, aspect: float, height: int, width: int) -> tuple[int, int]:
    """Height and width in px of a box with that share of the picture's area."""
    area = share * height * width
    return max(1, round(math.sqrt(area * aspect))), max(1, round(math.sqrt(area / aspect)))


def _largest_share(occluder: Occluder, height: int, width: int) -> float:
    """The largest share of the picture's area that the occluder's box can have where paper mode puts it."""
    tallest = height // 2 if HABITS[occluder.kind].region == "middle" else height
    return min(tallest**2 / occluder.aspect, width**2 * occluder.aspect) / (height * width)


def paste(image: Image, placement: Placement) -> Occlusion:
    """Paste the placed occluder onto the picture, uint8 (H, W, 3) RGB; what lies beyond its edges is cut off."""
    height, width = image.shape[:2]
    x1, x2 = (min(max(x, 0), width) for x in (placement.left, placement.left + placement.width))
    y1, y2 = (min(max(y, 0), height) for y in (placement.top, placement.top + placement.height))
    source = placement.occluder.premultiplied
    scaled = cv2.resize(source, (placement.width, placement.height), interpolation=cv2.INTER_AREA)
    cut = scaled[y1 - placement.top : y2 - placement.top, x1 - placement.left : x2 - placement.left]
    alpha = cut[..., 3]
    occluded, mask = image.copy(), np.zeros((height, width), np.bool_)
    below = occluded[y1:y2, x1:x2]
    # exact where nothing covers: (255 v + 127) // 255 is v
    below[:] = cut[..., :3] + (below * (255 - alpha.astype(np.uint16))[..., None] + 127) // 255
    mask[y1:y2, x1:x2] = alpha > 127
    return Occlusion(
        image=occluded,
        kind=placement.occluder.kind,
        name=placement.occluder.name,
        xyxy=(x1, y1, x2, y2),
        box_ratio=(x2 - x1) * (y2 - y1) / (height * width),
        covered_ratio=float(alpha.sum(dtype=np.int64)) / (255 * height * width),
        mask=mask,
    )
