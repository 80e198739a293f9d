"""Finding a data set's folders, and the pictures in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from reid_pipeline.errors import ConfigError
from reid_tools.datasets.dataset import DISTRACTOR, Picture

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

_NAME = re.compile(r"(-1|\d+)_c(\d+)")
_JUNK = -1


def find_home(root: Path, layout: str, needed: Sequence[str], *, usual: Sequence[str] = ()) -> Path:
    """The folder that holds all of `needed`, for a user who names it, the folder around it or one of those inside.

    `usual` are the names that the set is unpacked under; they decide when several folders below `root` would do.

    Raises `ConfigError` when there is none, or several.
    """
    if not root.is_dir():
        raise ConfigError(f"{root}: expected the folder of a {layout} data set, found no folder")
    if _holds(root, needed):
        return root
    inside = root.resolve()
    if any(inside.name in Path(name).parts for name in needed):
        for around in list(inside.parents)[:2]:
            if _holds(around, needed):
                return around
    below = [folder for folder in sorted(root.iterdir()) if folder.is_dir() and _holds(folder, needed)]
    named = [folder for folder in below if folder.name.lower() in {name.lower() for name in usual}]
    fitting = named or below
    if len(fitting) > 1:
        raise ConfigError(f"{root}: several folders here could be {layout}: {_names(fitting)}; name one of them")
    if fitting:
        return fitting[0]
    missing = [name for name in needed if not (root / name).exists()]
    raise ConfigError(f"{root}: expected a {layout} data set with {', '.join(needed)}; missing {', '.join(missing)}")


def find_pictures(root: Path) -> Path:
    """The folder that holds pictures: `root`, or the only one below it that does. Raises `ConfigError`."""
    if not root.is_dir():
        raise ConfigError(f"{root}: expected a folder of pictures, found no folder")
    if any(picture_files(root)):
        return root
    below = [folder for folder in sorted(root.iterdir()) if folder.is_dir() and any(picture_files(folder))]
    if len(below) > 1:
        raise ConfigError(f"{root}: pictures lie in several folders: {_names(below)}; name one of them")
    if not below:
        raise ConfigError(f"{root}: expected pictures ({', '.join(sorted(SUFFIXES))}), found none")
    return below[0]


def picture_files(folder: Path) -> Iterator[Path]:
    """The pictures in a folder in the order of their names; nothing for a folder that is not there."""
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
                yield path


def named_pictures(folder: Path, *, distractors: bool = True) -> tuple[Picture, ...]:
    """Pictures named PERSON_cCAMERA..., such as 0002_c1s1_000451_03.jpg, without those of person -1, which are junk.

    With `distractors` person 0 is nobody in particular, else a person as any other.

    Raises `ConfigError` for a picture of another name.
    """
    pictures = []
    for path in picture_files(folder):
        found = _NAME.match(path.name)
        if found is None:
            raise ConfigError(
                f"{path}: expected a name that starts with PERSON_cCAMERA in numbers, such as 0002_c1_000451.jpg; "
                "rename it or take it out of the folder"
            )
        person, camera = int(found[1]), int(found[2])
        if person != _JUNK:
            pictures.append(Picture(path, DISTRACTOR if person == 0 and distractors else person, camera))
    return tuple(pictures)


def _holds(folder: Path, needed: Sequence[str]) -> bool:
    return all((folder / name).exists() for name in needed)


def _names(folders: Sequence[Path]) -> str:
    return ", ".join(folder.name for folder in folders)
