"""The pictures that are trained on: which there are, and how they come from the disk in time."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from reid_engines.protocol import Image
from reid_pipeline.errors import ConfigError, RecordError
from reid_tools.datasets import DISTRACTOR, load_dataset
from reid_tools.datasets.published import mismatch

T = TypeVar("T")

_MOST_THREADS = 16


@dataclass(frozen=True, slots=True)
class TrainingPictures:
    """The training part of a data set: the pictures' files and their persons, numbered from 0, int64 (N,)."""

    folder: Path
    paths: tuple[Path, ...]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def persons(self) -> int:
        """How many people they show."""
        return int(self.labels.max()) + 1

    def read(self, index: int) -> Image:
        """A picture, uint8 (H, W, 3) RGB. Raises `RecordError` when it cannot be decoded."""
        picture = cv2.imread(str(self.paths[index]), cv2.IMREAD_COLOR)
        if picture is None:
            raise RecordError(f"{self.paths[index]}: not a picture that can be decoded; replace or remove it")
        return np.ascontiguousarray(picture[:, :, ::-1])


def training_pictures(root: Path, layout: str, *, strict: bool, note: Callable[[str], None]) -> TrainingPictures:
    """The pictures of known people in the training part of a data set; people are numbered in the order of their ids.

    Raises `ConfigError` when there is none, and with `strict` when the set is not the published one; else `note` is
    told.
    """
    dataset = load_dataset(root, layout)
    if difference := mismatch(dataset):
        if strict:
            raise ConfigError(f"{difference}; complete it, or set data.strict to false to train on what is there")
        note(f"warning: {difference}")
    known = [picture for picture in dataset.train if picture.person != DISTRACTOR]
    if not known:
        raise ConfigError(f"{dataset.folder}: {layout} has no pictures to train on here; train on another set")
    _, labels = np.unique([picture.person for picture in known], return_inverse=True)
    return TrainingPictures(dataset.folder, tuple(picture.path for picture in known), labels.astype(np.int64))


class Ahead(Generic[T]):
    """Things made by number, `count` of them, in threads that stay a few ahead of who asks for them in their order."""

    def __init__(self, make: Callable[[int], T], count: int) -> None:
        self._make = make
        self._count = count
        self._depth = max(2, min(_MOST_THREADS, os.cpu_count() or 1))
        self._threads = ThreadPoolExecutor(self._depth, thread_name_prefix="pictures")
        self._coming: dict[int, Future[T]] = {}

    def __getitem__(self, number: int) -> T:
        """The thing; raises what making it raised."""
        for soon in range(number, min(number + self._depth + 1, self._count)):
            if soon not in self._coming:
                self._coming[soon] = self._threads.submit(self._make, soon)
        return self._coming.pop(number).result()

    def close(self) -> None:
        """End the threads; what is being made is lost."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._coming.clear()
