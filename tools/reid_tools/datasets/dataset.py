"""What every layout comes down to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# The person of a picture that belongs to a gallery and matches no query.
DISTRACTOR = -1


@dataclass(frozen=True, slots=True)
class Picture:
    """One crop of a person in a file.

    `person` is one number per person over the whole data set, or `DISTRACTOR`; numbers may have gaps. `camera` is the
    number in the file's name; layouts that name no camera have 0 for occluded and 1 for whole bodies.
    """

    path: Path
    person: int
    camera: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set in the layout `layout`, found in `folder`; each part is in the order of its files' names.

    Junk, which a layout asks to leave out of everything, is in none of the parts; distractors are in `gallery`. A query
    never meets its own person in its own camera; with `other_cameras_only` it meets nobody there.
    """

    layout: str
    folder: Path
    train: tuple[Picture, ...]
    query: tuple[Picture, ...]
    gallery: tuple[Picture, ...]
    other_cameras_only: bool = False
