from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from reid_pipeline.errors import ConfigError, RecordError
from reid_tools.train.pictures import Ahead, TrainingPictures, training_pictures
from reid_tools.train.seeding import derived, generator

NAMES = ("0007_c1s1_000001_00.png", "0002_c1s1_000001_00.png", "0007_c2s1_000002_00.png", "-1_c1s1_000001_00.png")


def write(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True)
    for name in names:
        cv2.imwrite(str(folder / name), np.full((8, 4, 3), (0, 100, 200), np.uint8))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "bounding_box_train", *NAMES, "0000_c1s1_000001_00.png")
    write(tmp_path / "query", "0009_c1s1_000001_00.png")
    write(tmp_path / "bounding_box_test", "0009_c2s1_000001_00.png")
    return tmp_path


def load(root: Path, *, strict: bool = False, notes: list[str] | None = None) -> TrainingPictures:
    return training_pictures(root, "market1501", strict=strict, note=(notes if notes is not None else []).append)


def test_people_are_numbered_in_the_order_of_their_ids_and_nobody_is_left_out(root: Path) -> None:
    pictures = load(root)
    assert [path.name for path in pictures.paths] == [NAMES[1], NAMES[0], NAMES[2]]
    assert pictures.labels.tolist() == [0, 1, 1]
    assert (len(pictures), pictures.persons) == (3, 2)


def test_pictures_are_read_as_rgb(root: Path) -> None:
    assert load(root).read(0)[0, 0].tolist() == [200, 100, 0]


def test_a_broken_picture_is_named(root: Path) -> None:
    pictures = load(root)
    pictures.paths[1].write_bytes(b"nothing")
    with pytest.raises(RecordError, match=rf"{pictures.paths[1].name}: not a picture that can be decoded"):
        pictures.read(1)


def test_other_counts_than_published_are_a_warning_or_refused(root: Path) -> None:
    notes: list[str] = []
    load(root, notes=notes)
    assert len(notes) == 1
    assert notes[0].startswith(f"warning: {root}: not market1501 as it was published (train: expected 12,936 pictures")
    with pytest.raises(ConfigError, match=r"set data\.strict to false to train on what is there"):
        load(root, strict=True)


def test_things_come_in_any_order_though_made_ahead() -> None:
    made: list[int] = []
    lock = threading.Lock()

    def make(number: int) -> int:
        with lock:
            made.append(number)
        return number * number

    ahead = Ahead(make, 30)
    assert [ahead[number] for number in (0, 1, 2, 20, 21, 29)] == [0, 1, 4, 400, 441, 841]
    ahead.close()
    assert len(made) == len(set(made))
    assert max(made) == 29


def test_what_making_raises_comes_out() -> None:
    def make(number: int) -> int:
        return 1 // (number - 1)

    ahead = Ahead(make, 3)
    assert ahead[0] == -1
    with pytest.raises(ZeroDivisionError):
        _ = ahead[1]
    ahead.close()


def test_chance_follows_from_its_purpose() -> None:
    assert derived(1, "backbone", 2) == derived(1, "backbone", 2)
    assert len({derived(1, "a", 2), derived(2, "a", 2), derived(1, "b", 2), derived(1, "a", 3)}) == 4
    assert generator(1, "a").random() == generator(1, "a").random()
