"""The pictures that are learned from, decoded once and kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from reid_pipeline.errors import ConfigError
from reid_pipeline.records.files import reading
from reid_tools.datasets import load_dataset

Picture = NDArray[np.uint8]

HEIGHT, WIDTH = 256, 128
SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True)
class Pool:
    """Pictures uint8 (N, 256, 128, 3) RGB; how likely each is to be drawn (N,), summing to 1; who it shows, int64 (N,).

    Without identities every label is -1.
    """

    pictures: Picture
    chances: NDArray[np.float64]
    labels: NDArray[np.int64]


def picture_files(folder: Path) -> list[Path]:
    """All pictures below the folder, by name. Raises `ConfigError` when there is none."""
    found = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not found:
        raise ConfigError(f"{folder}: expected pictures of people ({', '.join(SUFFIXES)}), found none")
    return found


def inventory(files: Iterable[Path], folder: Path) -> str:
    """Names and sizes of files below the folder, a line each: whether they are the same, without reading them.

    Raises `RecordError` when one is gone.
    """
    with reading(folder):
        return "".join(f"{file.relative_to(folder).as_posix()} {file.stat().st_size}\n" for file in files)


def unlabelled(folders: Sequence[tuple[Path, float]]) -> Pool:
    """All pictures below each folder, drawn in proportion to the folder's weight times its number of pictures.

    Raises `ConfigError` for a folder without pictures and a picture that cannot be decoded.
    """
    files: list[Path] = []
    chances: list[float] = []
    for folder, weight in folders:
        found = picture_files(folder)
        files += found
        chances += [weight] * len(found)
    share = np.asarray(chances) / np.sum(chances)
    return Pool(_decode_all(files), share, np.full(len(files), -1, np.int64))


def labelled(folder: Path) -> Pool:
    """A flat folder of `PID_cCAM...` pictures; persons are numbered from 0 in the order of their ids."""
    dataset = load_dataset(folder, "flat")
    _, labels = np.unique([picture.person for picture in dataset.query], return_inverse=True)
    pictures = _decode_all([picture.path for picture in dataset.query])
    return Pool(pictures, np.full(len(pictures), 1 / len(pictures)), labels.astype(np.int64))


def _decode_all(files: Sequence[Path]) -> Picture:
    pictures = np.empty((len(files), HEIGHT, WIDTH, 3), np.uint8)

    def decode(index: int) -> None:
        picture = cv2.imread(str(files[index]), cv2.IMREAD_COLOR)
        if picture is None:
            raise ConfigError(f"{files[index]}: not a picture that can be decoded; remove it")
        shrinks = picture.shape[0] > HEIGHT
        resized = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        pictures[index] = resized[..., ::-1]

    with ThreadPoolExecutor() as workers:
        list(workers.map(decode, range(len(files))))
    return pictures
