"""Tiny folders in the layouts that the sets are published in."""

from __future__ import annotations

from pathlib import Path

import pytest

from reid_pipeline.errors import ConfigError
from reid_tools.datasets import DISTRACTOR, LAYOUTS, Dataset, Picture, load_dataset
from reid_tools.datasets.published import PUBLISHED, Count, mismatch


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def people(pictures: tuple[Picture, ...]) -> list[tuple[str, int, int]]:
    return [(picture.path.name, picture.person, picture.camera) for picture in pictures]


def market(root: Path, *, train: str = "bounding_box_train", query: str = "query") -> Path:
    touch(root / train, "0002_c1s1_000451_03.jpg", "0007_c6s4_1.jpg", "Thumbs.db")
    touch(root / query, "0001_c1s1_001051_00.jpg", "0003_c2s1_7.jpg")
    touch(
        root / "bounding_box_test",
        *("0003_c6s1_2.jpg", "-1_c1s1_000401_03.jpg", "0000_c3s1_1.jpg", "0001_c2s1_5.jpg", "Thumbs.db"),
    )
    return root


@pytest.mark.parametrize(
    ("layout", "folder", "parts"),
    [
        ("market1501", "Market-1501-v15.09.15", {}),
        ("dukemtmc", "DukeMTMC-reID", {}),
        ("occluded-duke", "Occluded_Duke", {}),
        ("occluded-market", "Occluded_Market", {"train": "occluded_train", "query": "occluded_query"}),
    ],
)
def test_market_style(tmp_path: Path, layout: str, folder: str, parts: dict[str, str]) -> None:
    home = market(tmp_path / folder, **parts)
    expected = load_dataset(home, layout)
    assert people(expected.train) == [("0002_c1s1_000451_03.jpg", 2, 1), ("0007_c6s4_1.jpg", 7, 6)]
    assert people(expected.query) == [("0001_c1s1_001051_00.jpg", 1, 1), ("0003_c2s1_7.jpg", 3, 2)]
    assert people(expected.gallery) == [
        ("0000_c3s1_1.jpg", DISTRACTOR, 3),
        ("0001_c2s1_5.jpg", 1, 2),
        ("0003_c6s1_2.jpg", 3, 6),
    ]
    assert not expected.other_cameras_only
    assert load_dataset(tmp_path, layout) == expected
    assert load_dataset(home / parts.get("query", "query"), layout) == expected


def test_train_is_not_needed(tmp_path: Path) -> None:
    home = market(tmp_path)
    for path in (home / "bounding_box_train").iterdir():
        path.unlink()
    (home / "bounding_box_train").rmdir()
    assert load_dataset(home, "market1501").train == ()


def test_usual_name_decides_among_several(tmp_path: Path) -> None:
    market(tmp_path / "DukeMTMC-reID")
    home = market(tmp_path / "Market-1501-v15.09.15")
    assert load_dataset(tmp_path, "market1501").folder == home
    with pytest.raises(ConfigError, match=r"could be occluded-duke: DukeMTMC-reID, Market-1501-v15\.09\.15; name one"):
        load_dataset(tmp_path, "occluded-duke")


@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("mask_train_v2", "mask_test_v2")])
def test_msmt17(tmp_path: Path, train: str, test: str) -> None:
    home = tmp_path / "MSMT17_V1"
    lists = {
        "train": (train, ["0001/0001_000_15_0303noon_0008_0.jpg 1", "0000/0000_000_01_0303morning_0008_0.jpg 0"]),
        "val": (train, ["0000/0000_001_02_0303morning_0009_0.jpg 0"]),
        "query": (test, ["0000/0000_000_05_0303morning_0008_0.jpg 0"]),
        "gallery": (test, ["0000/0000_003_07_0303morning_0008_0.jpg 0", "0001/0001_000_05_0303noon_0.jpg 1"]),
    }
    for name, (folder, lines) in lists.items():
        touch(home / folder, *(line.split()[0] for line in lines))
        (home / f"list_{name}.txt").write_text("\n".join(lines) + "\n")
    found = load_dataset(tmp_path, "msmt17")
    assert [(p.person, p.camera) for p in found.train] == [(0, 1), (0, 2), (1, 15)]
    assert [(p.person, p.camera) for p in found.query] == [(2, 5)]
    assert [(p.person, p.camera) for p in found.gallery] == [(2, 7), (3, 5)]
    assert load_dataset(home, "msmt17") == found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0000/0000_000_05_x.jpg", "list_query.txt:2: expected PATH PERSON"),
        ("0000/0000.jpg 0", "list_query.txt:2: expected PATH PERSON"),
        ("0000/0000_009_05_x.jpg 0", "list_query.txt:2: .* is not there"),
    ],
)
def test_msmt17_with_a_wrong_line(tmp_path: Path, line: str, message: str) -> None:
    touch(tmp_path, "train/x", "test/0000/0000_000_05_x.jpg", *(f"list_{n}.txt" for n in ("train", "val", "gallery")))
    (tmp_path / "list_query.txt").write_text(f"0000/0000_000_05_x.jpg 0\n{line}\n")
    with pytest.raises(ConfigError, match=message):
        load_dataset(tmp_path, "msmt17")


def test_msmt17_without_its_folders(tmp_path: Path) -> None:
    touch(tmp_path, *(f"list_{n}.txt" for n in ("train", "val", "query", "gallery")))
    with pytest.raises(ConfigError, match="beside its lists the folders train and test or mask_train_v2 and mask_"):
        load_dataset(tmp_path, "msmt17")


def test_msmt17_renamed(tmp_path: Path) -> None:
    touch(tmp_path / "MSMT17/bounding_box_train", "0000_c1_0.jpg", "0001_c15_1.jpg")
    touch(tmp_path / "MSMT17/query", "0000_c14_0.jpg")
    touch(tmp_path / "MSMT17/bounding_box_test", "0000_c2_0.jpg", "0001_c2_0.jpg")
    found = load_dataset(tmp_path, "msmt17")
    assert people(found.train) == [("0000_c1_0.jpg", 0, 1), ("0001_c15_1.jpg", 1, 15)]
    assert people(found.query) == [("0000_c14_0.jpg", 2, 14)]
    assert [picture.person for picture in found.gallery] == [2, 3]


def test_occluded_reid(tmp_path: Path) -> None:
    home = tmp_path / "Occluded_REID"
    touch(home / "occluded_body_images", "007/007_01.tif", "002/002_01.tif")
    touch(home / "whole_body_images", "002/002_01.tif", "004/004_01.tif", "007/007_02.tif")
    found = load_dataset(home, "occluded-reid")
    assert people(found.query) == [("002_01.tif", 0, 0), ("007_01.tif", 2, 0)]
    assert people(found.gallery) == [("002_01.tif", 0, 1), ("004_01.tif", 1, 1), ("007_02.tif", 2, 1)]
    assert found.train == ()
    assert load_dataset(home / "whole_body_images", "occluded-reid") == found


def test_p_dukemtmc(tmp_path: Path) -> None:
    home = tmp_path / "P-DukeMTMC-reid"
    touch(home / "train", "occluded_body_images/12/12_c1_f1.jpg", "whole_body_images/12/12_c3_f9.jpg")
    touch(home / "test", "occluded_body_images/7/0007_1.jpg", "whole_body_images/7/0007_2.jpg")
    found = load_dataset(tmp_path, "p-dukemtmc")
    assert people(found.train) == [("12_c1_f1.jpg", 12, 0), ("12_c3_f9.jpg", 12, 1)]
    assert people(found.query) == [("0007_1.jpg", 7, 0)]
    assert people(found.gallery) == [("0007_2.jpg", 7, 1)]
    assert load_dataset(home / "test", "p-dukemtmc") == found
    touch(home / "test", "whole_body_images/7/somebody.jpg")
    with pytest.raises(ConfigError, match=r"somebody\.jpg: expected a name that starts with the person's number"):
        load_dataset(tmp_path, "p-dukemtmc")


def test_flat(tmp_path: Path) -> None:
    home = touch(tmp_path / "crops", "0000_c2_1.png", "0000_c1_1.png", "0012_c10_3.JPG", "-1_c1_1.png", "notes.txt")
    found = load_dataset(home, "flat")
    assert people(found.query) == [("0000_c1_1.png", 0, 1), ("0000_c2_1.png", 0, 2), ("0012_c10_3.JPG", 12, 10)]
    assert found.gallery == found.query
    assert found.other_cameras_only
    assert load_dataset(tmp_path, "flat") == found


def test_flat_refusals(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected pictures \(.*\.jpg.*\), found none"):
        load_dataset(tmp_path, "flat")
    touch(tmp_path / "a", "1_c1.png", "2_c1.png")
    with pytest.raises(ConfigError, match=r"every picture is of camera 1; .* expected at least two"):
        load_dataset(tmp_path / "a", "flat")
    touch(tmp_path / "b", "1_c1.png", "2_c2.png")
    with pytest.raises(ConfigError, match="no person of a query is in the gallery under another camera"):
        load_dataset(tmp_path / "b", "flat")
    with pytest.raises(ConfigError, match="several folders: a, b; name one"):
        load_dataset(tmp_path, "flat")
    touch(tmp_path / "b", "holiday.png")
    with pytest.raises(ConfigError, match=r"holiday\.png: expected a name that starts with PERSON_cCAMERA"):
        load_dataset(tmp_path / "b", "flat")


@pytest.mark.parametrize(("name", "hint"), [("market-1501", "did you mean market1501?"), ("x", "unknown; known are")])
def test_unknown_layout(tmp_path: Path, name: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_dataset(tmp_path, name)
    assert hint in str(refused.value)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_missing_folders(tmp_path: Path, layout: str) -> None:
    with pytest.raises(ConfigError, match=r"expected .*(missing|found none)"):
        load_dataset(tmp_path, layout)
    with pytest.raises(ConfigError, match=r"found no folder|missing"):
        load_dataset(tmp_path / "none", layout)


def test_no_query(tmp_path: Path) -> None:
    touch(tmp_path, "query/Thumbs.db", "bounding_box_test/0001_c1.jpg")
    with pytest.raises(ConfigError, match="expected pictures for the query of market1501, found none"):
        load_dataset(tmp_path, "market1501")


def test_other_counts_than_published(tmp_path: Path) -> None:
    notes: list[str] = []
    load_dataset(market(tmp_path), "market1501", note=notes.append)
    (line,) = notes
    assert "query: expected 3,368 pictures of 750 people, found 2 pictures of 2 people" in line
    assert "gallery: expected 15,913 pictures of 750 people with 2,798 distractors, found 3 pictures of 2" in line
    with pytest.raises(ConfigError, match=r"not market1501 as it was published \(train: expected 12,936 pictures"):
        load_dataset(tmp_path, "market1501", strict=True)


@pytest.mark.parametrize("layout", PUBLISHED)
def test_published_counts_are_accepted(layout: str) -> None:
    def made(count: Count) -> tuple[Picture, ...]:
        known = count.people or 1
        whole = count.pictures - count.distractors
        return tuple(Picture(Path(), at % known if at < whole else DISTRACTOR, 0) for at in range(count.pictures))

    train, query, gallery = map(made, PUBLISHED[layout])
    assert mismatch(Dataset(layout, Path(), train, query, gallery)) is None
    assert mismatch(Dataset(layout, Path(), train, query[1:], gallery)) is not None
