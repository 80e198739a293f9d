from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn_people import drawn_person, write_people
from reid_pipeline.errors import ConfigError
from reid_pipeline.types import Image
from reid_tools.train.distillation.pictures import HEIGHT, WIDTH, labelled, unlabelled


def write(path: Path, picture: Image) -> Path:
    """RGB or grey to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 else picture)
    return path


def test_pictures_below_each_folder_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path / "a" / "2.png", drawn_person(2))
    write(tmp_path / "a" / "1" / "deep.PNG", drawn_person(1))
    write(tmp_path / "b" / "0.png", drawn_person(3))
    (tmp_path / "a" / "notes.txt").write_text("not a picture")
    pool = unlabelled([(tmp_path / "a", 1.0), (tmp_path / "b", 1.0)])
    assert pool.pictures.dtype == np.uint8
    for picture, person in zip(pool.pictures, (1, 2, 3), strict=True):
        np.testing.assert_array_equal(picture, drawn_person(person))
    assert pool.labels.tolist() == [-1, -1, -1]
    assert pool.labels.dtype == np.int64


def test_a_folder_counts_by_its_weight_and_its_number_of_pictures(tmp_path: Path) -> None:
    write_people(tmp_path / "many", 6)
    write_people(tmp_path / "few", 2)
    pool = unlabelled([(tmp_path / "many", 0.5), (tmp_path / "few", 2.0)])
    np.testing.assert_allclose(pool.chances, [0.5 / 7] * 6 + [2 / 7] * 2)
    assert pool.chances.sum() == pytest.approx(1)


@pytest.mark.parametrize(("height", "width"), [(64, 32), (512, 256), (300, 90), (256, 128)])
def test_pictures_of_any_size_are_brought_to_one(tmp_path: Path, height: int, width: int) -> None:
    write(tmp_path / "a.png", drawn_person(4, height=height, width=width))
    (picture,) = unlabelled([(tmp_path, 1.0)]).pictures
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(picture.astype(int) - drawn_person(4)).mean() < 15


def test_grey_pictures_get_three_channels(tmp_path: Path) -> None:
    grey = cv2.cvtColor(drawn_person(4), cv2.COLOR_RGB2GRAY)
    write(tmp_path / "grey.png", grey)
    (picture,) = unlabelled([(tmp_path, 1.0)]).pictures
    for channel in range(3):
        np.testing.assert_array_equal(picture[..., channel], grey)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_a_broken_picture_is_named(tmp_path: Path, content: bytes) -> None:
    write_people(tmp_path / "people", 8)
    (tmp_path / "people" / "broken.png").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        unlabelled([(tmp_path / "people", 1.0)])
    assert str(caught.value) == f"{tmp_path / 'people' / 'broken.png'}: not a picture that can be decoded; remove it"


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_pictures_is_refused(tmp_path: Path, there: bool) -> None:
    write_people(tmp_path / "people", 2)
    if there:
        (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError) as caught:
        unlabelled([(tmp_path / "people", 1.0), (tmp_path / "empty", 1.0)])
    assert str(caught.value) == f"{tmp_path / 'empty'}: expected pictures of people (.jpg, .jpeg, .png), found none"


def test_known_people_are_numbered_from_0_in_the_order_of_their_ids(tmp_path: Path) -> None:
    write_people(tmp_path / "known", 3, 2, first=40)
    write(tmp_path / "known" / "0007_c3_0.png", drawn_person(7))
    pool = labelled(tmp_path / "known")
    assert pool.labels.tolist() == [0, 1, 1, 2, 2, 3, 3]
    assert pool.labels.dtype == np.int64
    np.testing.assert_array_equal(pool.pictures[0], drawn_person(7))
    np.testing.assert_array_equal(pool.pictures[-1], drawn_person(42, 1))
    np.testing.assert_allclose(pool.chances, [1 / 7] * 7)


def test_known_people_must_be_named_and_seen_by_several_cameras(tmp_path: Path) -> None:
    known = write_people(tmp_path / "known", 2, 2)
    shutil.copy(known / "0000_c1_0.png", known / "somebody.png")
    with pytest.raises(ConfigError, match=r"somebody\.png: expected a name that starts with PERSON_cCAMERA"):
        labelled(known)
    with pytest.raises(ConfigError, match="every picture is of camera 1"):
        labelled(write_people(tmp_path / "alone", 2, 1))
    with pytest.raises(ConfigError, match=r"absent: expected a folder of pictures, found no folder"):
        labelled(tmp_path / "absent")


def test_a_broken_picture_of_a_known_person_is_named(tmp_path: Path) -> None:
    known = write_people(tmp_path / "known", 2, 2)
    (known / "0001_c2_1.png").write_bytes(b"half a pict")
    with pytest.raises(ConfigError, match=r"0001_c2_1\.png: not a picture that can be decoded; remove it"):
        labelled(known)
