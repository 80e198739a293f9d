"""Hiding people in pictures: parts of them missing, or another person in front.

Every picture is at the size of the encoder's input, so that the share that is hidden is the share that the network does
not see. What is drawn depends on the picture's file name, the kind, the share and the seed, on nothing else: every
encoder is asked the same questions, in any order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, exp, floor, log, sqrt

import numpy as np

from reid_pipeline.types import Image

Color = tuple[int, int, int]
Mask = Callable[[Image, float, np.random.Generator], None]
"""Sets to 1 what is hidden in a canvas (H, W) of zeros, about the share given of its area."""

ASPECTS = (0.3, 3.3)
CELL_PX = 16


@dataclass(frozen=True, slots=True)
class Draw:
    """One question: how much of the picture of this name is hidden, 0..1, and which of several tries this is."""

    name: str
    kind: str
    share: float
    seed: int

    def random(self) -> np.random.Generator:
        text = f"{self.kind}/{self.share:.6f}/{self.seed}/{self.name}"
        return np.random.default_rng(np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint32))


def rectangle(canvas: Image, share: float, random: np.random.Generator) -> None:
    """One rectangle anywhere, its height 0.3 to 3.3 times its width as far as it then fits into the picture."""
    height, width = canvas.shape
    area = share * height * width
    fits = (area / width**2, height**2 / area)
    lowest, highest = max(ASPECTS[0], fits[0]), min(ASPECTS[1], fits[1])
    # Where no such shape fits, the one that nearly does.
    aspect = exp(random.uniform(log(lowest), log(highest))) if lowest < highest else min(lowest, fits[1])
    rows = min(max(round(sqrt(area * aspect)), 1), height)
    columns = min(max(round(area / rows), 1), width)
    top, left = random.integers(height - rows + 1), random.integers(width - columns + 1)
    canvas[top : top + rows, left : left + columns] = 1


def strip(canvas: Image, share: float, random: np.random.Generator) -> None:
    """The lower or upper part over the full width, or the left or right part over the full height."""
    height, width = canvas.shape
    rows, columns = round(share * height), round(share * width)
    side = random.integers(4)
    if side == 0:
        canvas[height - rows :] = 1
    elif side == 1:
        canvas[:rows] = 1
    elif side == 2:
        canvas[:, :columns] = 1
    else:
        canvas[:, width - columns :] = 1


def cells(canvas: Image, share: float, random: np.random.Generator) -> None:
    """Cells of 16x16 pixels anywhere; those along the lower and right border may be cut."""
    height, width = canvas.shape
    down, across = ceil(height / CELL_PX), ceil(width / CELL_PX)
    chosen = np.zeros(down * across, np.uint8)
    chosen[random.permutation(len(chosen))[: round(share * len(chosen))]] = 1
    grid = chosen.reshape(down, across).repeat(CELL_PX, axis=0).repeat(CELL_PX, axis=1)
    canvas[:] = grid[:height, :width]


MASKS: dict[str, Mask] = {"rectangle": rectangle, "strip": strip, "cells": cells}


def masked(picture: Image, draw: Draw, fill: Color) -> Image:
    """The picture with a share of it painted over, itself for a share of 0; `draw.kind` is a key of `MASKS`."""
    if draw.share == 0:
        return picture
    canvas = np.zeros(picture.shape[:2], np.uint8)
    MASKS[draw.kind](canvas, draw.share, draw.random())
    hidden = np.array(picture, np.uint8)
    hidden[canvas == 1] = fill
    return hidden


def covered(picture: Image, donor: Image, draw: Draw) -> Image:
    """The picture with a person of another one, `donor` of the same size, in front; for a share of 0 itself.

    A rectangle of that share of the picture, at most half of it, is taken from the upper middle of the donor, so it
    shows head and body, and put to one side of the vertical middle line, which stays visible, rather low than high.
    """
    if draw.share == 0:
        return picture
    random = draw.random()
    height, width = picture.shape[:2]
    half = width // 2
    columns = round(width * random.uniform(draw.share, 0.5))
    columns = min(max(columns, ceil(draw.share * width)), half)
    rows = min(max(round(draw.share * height * width / columns), 1), height)
    left = random.integers(half - columns + 1) + random.integers(2) * (width - half)
    top = floor((height - rows) * sqrt(random.uniform()))
    inner = (width - columns) // 2
    hidden = np.array(picture, np.uint8)
    hidden[top : top + rows, left : left + columns] = donor[:rows, inner : inner + columns]
    return hidden
