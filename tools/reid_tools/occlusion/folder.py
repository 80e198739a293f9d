"""Occluding a data set: a copy of its folder with some of the pictures covered, and a log of what covers them."""

from __future__ import annotations

import csv
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from reid_pipeline.errors import RecordError
from reid_pipeline.types import Image
from reid_tools.datasets.folders import SUFFIXES
from reid_tools.datasets.pictures import read_picture
from reid_tools.occlusion.library import load_occluders
from reid_tools.occlusion.occlude import Occlusion, occlude_paper, occlude_release
from reid_tools.occlusion.selection import choose_paper, choose_release

LOG = "occlusions.csv"
COLUMNS = ("picture", "person", "kind", "occluder", "x1", "y1", "x2", "y2", "box_ratio", "covered_ratio")

_NAME = re.compile(r"(-1|\d+)_c(\d+)")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture at `path` below the data set's folder; `part` is the folder that is sampled on its own."""

    path: Path
    part: Path
    person: str
    camera: str


@dataclass(frozen=True, slots=True)
class Covered:
    """What was done to a picture: the occluder, its box in px, and its shares of the picture's area."""

    picture: Labelled
    kind: str
    name: str
    xyxy: tuple[int, int, int, int]
    box_ratio: float
    covered_ratio: float


@dataclass(frozen=True, slots=True)
class Report:
    """How many pictures a data set has, and those that were covered, in the order of their paths."""

    pictures: int
    covered: tuple[Covered, ...]


def occlude_folder(
    folder: Path,
    output: Path,
    *,
    mode: str,
    seed: int,
    random_column: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Copy the data set in `folder` to `output` with some of its pictures covered, and write `occlusions.csv`.

    People are told by names such as 0002_c1s1_000451_03.jpg or by folders such as 0002/. Every folder of people or of
    such names is a part of its own. The covered pictures keep name and format; all other files are copied as they are.

    Args:
        folder: The data set.
        output: A folder that does not exist or is empty; it appears when everything is done.
        mode: "paper" (30 % of each part) or "release" (one picture per person and part).
        seed: The same seed gives the same pictures.
        random_column: As in `occlude_paper`.
        progress: Called after every file with the number done and the number in all.

    Raises:
        RecordError: `folder` holds no pictures, one that is broken or shows nobody known, or `output` cannot be used.
    """
    _check_output(folder, output)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    if (folder / LOG).exists():
        raise RecordError(f"{folder}: holds {LOG} and so is occluded already; name the original data set")
    pictures = [_labelled(folder, path) for path in files if _is_picture(path)]
    if not pictures:
        raise RecordError(f"{folder}: expected a data set with pictures ({', '.join(sorted(SUFFIXES))}), found none")
    rng = np.random.default_rng(seed)
    chosen = {pictures[index].path: pictures[index] for index in _choose(pictures, mode, rng)}
    occluders = load_occluders()

    def cover(image: Image) -> Occlusion:
        if mode == "paper":
            return occlude_paper(image, occluders, rng, random_column=random_column)
        return occlude_release(image, occluders, rng)

    covered: list[Covered] = []
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as unfinished:
            copy = Path(unfinished) / "copy"
            for number, path in enumerate(files, start=1):
                (copy / path).parent.mkdir(parents=True, exist_ok=True)
                if path in chosen:
                    covered.append(_occlude(folder, copy, chosen[path], cover))
                else:
                    shutil.copyfile(folder / path, copy / path)
                if progress is not None:
                    progress(number, len(files))
            _write_log(copy / LOG, covered)
            os.replace(copy, output)
    except OSError as error:
        raise RecordError(f"{output}: cannot write the occluded data set: {error.strerror or error}") from None
    return Report(len(pictures), tuple(covered))


def _check_output(folder: Path, output: Path) -> None:
    if not folder.is_dir():
        raise RecordError(f"{folder}: expected the folder of a data set, found no folder")
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise RecordError(f"{output}: exists already; choose a new --output, nothing is ever overwritten")
    if folder.resolve() in (output.resolve(), *output.resolve().parents):
        raise RecordError(f"{output}: lies inside {folder}; choose an --output outside of the data set")


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _labelled(folder: Path, path: Path) -> Labelled:
    holder = path.parent
    own_folder = holder.name.isdecimal()
    found = _NAME.match(path.name)
    if found is None and not own_folder:
        raise RecordError(
            f"{folder / path}: cannot tell who this is; expected names such as 0002_c1s1_000451_03.jpg or a folder per "
            "person such as 0002/"
        )
    part = holder.parent if own_folder else holder
    return Labelled(path, part, found[1] if found else holder.name, found[2] if found else "")


def _choose(pictures: Sequence[Labelled], mode: str, rng: np.random.Generator) -> Iterable[int]:
    """The indices of the pictures to cover, part by part."""
    parts: dict[Path, list[int]] = {}
    for index, picture in enumerate(pictures):
        parts.setdefault(picture.part, []).append(index)
    for indices in parts.values():
        people = [pictures[index].person for index in indices]
        if mode == "paper":
            taken = choose_paper(people, [pictures[index].camera for index in indices], rng)
        else:
            taken = choose_release(people, rng)
        yield from (indices[place] for place in taken)


def _occlude(folder: Path, copy: Path, picture: Labelled, cover: Callable[[Image], Occlusion]) -> Covered:
    """Write the covered picture under the same name below `copy`."""
    image = read_picture(folder / picture.path)
    try:
        done = cover(image)
    except ValueError as error:
        raise RecordError(f"{folder / picture.path}: {error}; take it out of the data set") from None
    target = copy / picture.path
    target.write_bytes(cv2.imencode(target.suffix.lower(), cv2.cvtColor(done.image, cv2.COLOR_RGB2BGR))[1].tobytes())
    return Covered(picture, done.kind, done.name, done.xyxy, done.box_ratio, done.covered_ratio)


def _write_log(path: Path, covered: Sequence[Covered]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for item in covered:
            ratios = (f"{item.box_ratio:.4f}", f"{item.covered_ratio:.4f}")
            place = (item.picture.path.as_posix(), item.picture.person)
            writer.writerow((*place, item.kind, item.name, *item.xyxy, *ratios))
