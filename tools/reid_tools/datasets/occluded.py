"""Data sets that keep occluded and whole bodies in two folders; camera 0 stands for the first, 1 for the second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reid_pipeline.errors import ConfigError
from reid_tools.datasets.dataset import Dataset, Picture
from reid_tools.datasets.folders import find_home, picture_files

_OCCLUDED, _WHOLE = "occluded_body_images", "whole_body_images"
_CAMERAS = {_OCCLUDED: 0, _WHOLE: 1}


def occluded_reid(root: Path) -> Dataset:
    """Occluded-REID: a folder per person in either folder, numbered here in the order of their names; no train part."""
    home = find_home(root, "occluded-reid", (_OCCLUDED, _WHOLE), usual=("Occluded_REID", "Occluded-REID"))
    names = sorted({folder.name for part in _CAMERAS for folder in _people(home / part)})
    numbers = {name: number for number, name in enumerate(names)}
    query, gallery = (
        tuple(
            Picture(path, numbers[folder.name], camera)
            for folder in _people(home / part)
            for path in picture_files(folder)
        )
        for part, camera in _CAMERAS.items()
    )
    return Dataset("occluded-reid", home, (), query, gallery)


def p_dukemtmc(root: Path) -> Dataset:
    """P-DukeMTMC-reID: the person is the first field of a file's name. Train holds occluded and whole bodies."""
    needed = (f"test/{_OCCLUDED}", f"test/{_WHOLE}")
    home = find_home(root, "p-dukemtmc", needed, usual=("P-DukeMTMC-reid", "P-DukeMTMC-reID"))
    train = tuple(picture for part in _CAMERAS for picture in _numbered(home / "train" / part))
    query, gallery = (tuple(_numbered(home / "test" / part)) for part in _CAMERAS)
    return Dataset("p-dukemtmc", home, train, query, gallery)


def _people(folder: Path) -> list[Path]:
    return sorted(below for below in folder.iterdir() if below.is_dir()) if folder.is_dir() else []


def _numbered(folder: Path) -> Iterator[Picture]:
    for person in _people(folder):
        for path in picture_files(person):
            number = path.stem.partition("_")[0]
            if not number.isdecimal():
                raise ConfigError(f"{path}: expected a name that starts with the person's number, such as 0012_c1.jpg")
            yield Picture(path, int(number), _CAMERAS[folder.name])
