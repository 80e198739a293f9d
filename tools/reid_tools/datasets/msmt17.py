"""MSMT17: lists of files with their people; the camera is in the file's name."""

from __future__ import annotations

from pathlib import Path

from reid_pipeline.errors import ConfigError
from reid_tools.datasets.dataset import Dataset, Picture
from reid_tools.datasets.folders import find_home
from reid_tools.datasets.market import msmt17_renamed, with_own_test_people

_LISTS = ("list_train.txt", "list_val.txt", "list_query.txt", "list_gallery.txt")
# V2 is V1 with faces blurred.
_FOLDERS = (("train", "test"), ("mask_train_v2", "mask_test_v2"))
_USUAL = ("MSMT17_V1", "MSMT17_V2", "MSMT17")


def msmt17(root: Path) -> Dataset:
    """MSMT17 V1, V2, or renamed in the style of Market-1501, whichever is there.

    Train holds the lists train and val. Test people are numbered on after the train people.

    Raises `ConfigError` when it is none of them, a line of a list is wrong, or a file in a list is missing.
    """
    near = (root, root.resolve().parent, *root.glob("*/"))
    listed = any((folder / _LISTS[0]).is_file() for folder in near)
    if not listed and any((folder / "bounding_box_test").is_dir() for folder in near):
        return msmt17_renamed(root)
    home = find_home(root, "msmt17", _LISTS, usual=_USUAL)
    train, test = _folders(home)
    first, second, query, gallery = (_read(home / name, train if at < 2 else test) for at, name in enumerate(_LISTS))
    return with_own_test_people(Dataset("msmt17", home, _sorted(first + second), _sorted(query), _sorted(gallery)))


def _folders(home: Path) -> tuple[Path, Path]:
    for train, test in _FOLDERS:
        if (home / train).is_dir() and (home / test).is_dir():
            return home / train, home / test
    expected = " or ".join(f"{train} and {test}" for train, test in _FOLDERS)
    raise ConfigError(f"{home}: expected beside its lists the folders {expected}")


def _read(file: Path, folder: Path) -> list[Picture]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise ConfigError(f"{file}: cannot be read: {reason}") from None
    return [_picture(line, folder, where=f"{file}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def _picture(line: str, folder: Path, *, where: str) -> Picture:
    name, _, person = line.strip().rpartition(" ")
    fields = Path(name).name.split("_")
    if not (person.isdecimal() and len(fields) > 2 and fields[2].isdecimal()):
        raise ConfigError(
            f"{where}: expected PATH PERSON with the camera as third field of the file's name, such as "
            f"0000/0000_000_01_0303morning_0008_0.jpg 0; got {line.strip()!r}"
        )
    path = folder / name
    if not path.is_file():
        raise ConfigError(f"{where}: {path} is not there; unpack the set again, or take the line out")
    return Picture(path, int(person), int(fields[2]))


def _sorted(pictures: list[Picture]) -> tuple[Picture, ...]:
    return tuple(sorted(pictures, key=lambda picture: picture.path))
