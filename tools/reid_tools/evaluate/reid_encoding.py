"""From files to vectors, with nothing done twice that can be kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np

from reid_engines.encoders.crops import resized
from reid_pipeline.types import Image
from reid_tools.datasets import Picture
from reid_tools.datasets.pictures import read_picture
from reid_tools.evaluate.ranking import Float32
from reid_tools.evaluate.reid_models import Model

# Donors are drawn again and again; so many stay decoded (at 256x128 pixels 100 kB each).
_DONORS_KEPT = 4096


def at_size(path: Path, width: int, height: int) -> Image:
    """The picture in a file as an encoder of that input sees it, uint8 RGB. Raises `RecordError`."""
    return resized(read_picture(path), width, height)


class Kept:
    """The pictures of a set, decoded once and kept at the size that was asked for last."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self.pictures = pictures
        self._size = (0, 0)
        self._images = np.zeros((0, 0, 0, 3), np.uint8)

    def at(self, width: int, height: int) -> Image:
        """All of them, uint8 RGB (N, height, width, 3). Raises `RecordError` for a file that holds no picture."""
        if (width, height) != self._size:
            images = np.empty((len(self.pictures), height, width, 3), np.uint8)
            for image, picture in zip(images, self.pictures, strict=True):
                image[:] = at_size(picture.path, width, height)
            self._images, self._size = images, (width, height)
        return self._images


def donor_reader(width: int, height: int) -> Callable[[Path], Image]:
    """Reads pictures at that size and keeps those that were wanted lately."""
    return lru_cache(_DONORS_KEPT)(lambda path: at_size(path, width, height))


def encode(model: Model, images: Iterable[Image], done: Callable[[int], None]) -> Float32:
    """The rows of the model (N, D) for at least one picture at the size of its input; `done` is told of each batch."""
    waiting: deque[Future[Float32]] = deque()
    rows: list[Float32] = []

    def take() -> None:
        rows.append(waiting.popleft().result())
        done(len(rows[-1]))

    remaining = iter(images)
    while batch := list(islice(remaining, model.batch)):
        waiting.append(model.submit(batch))
        if len(waiting) > 2 * model.parallel:
            take()
    while waiting:
        take()
    return np.concatenate(rows)
