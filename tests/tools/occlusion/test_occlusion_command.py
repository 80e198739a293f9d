"""Occluded copies of whole data sets."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from reid_tools.datasets.pictures import read_picture
from reid_tools.occlusion.__main__ import main


def write_picture(path: Path, seed: int, shape: tuple[int, int] = (128, 64)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8))


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Two parts in the layout of Market-1501, 20 pictures of 4 people each, and a text file."""
    folder = tmp_path / "market"
    for part in ("bounding_box_train", "query"):
        for number in range(20):
            name = f"{number // 5:04d}_c{number % 3 + 1}s1_{number:06d}_01"
            write_picture(folder / part / f"{name}.{'png' if number % 2 else 'jpg'}", number)
    (folder / "readme.txt").write_text("hello")
    return folder


def log_of(output: Path) -> list[dict[str, str]]:
    with (output / "occlusions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_paper_mode_covers_30_percent_of_each_part(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "occluded"
    assert main([str(market), "--output", str(output), "--mode", "paper", "--seed", "3"]) == 0
    assert capsys.readouterr().out.startswith("12 of 40 pictures covered; the boxes take up ")
    rows, before, after = log_of(output), contents(market), contents(output)
    covered = {row["picture"] for row in rows}
    assert [len([name for name in covered if name.startswith(part)]) for part in ("bounding", "query")] == [6, 6]
    assert set(after) == {*before, "occlusions.csv"}
    assert {name for name in before if after[name] != before[name]} == covered
    for row in rows:
        assert row["person"] == Path(row["picture"]).name[:4]
        assert row["occluder"].startswith(row["kind"] + "-")
        box = (int(row["x2"]) - int(row["x1"])) * (int(row["y2"]) - int(row["y1"]))
        assert float(row["box_ratio"]) == pytest.approx(box / (128 * 64), abs=1e-4)
        assert 0 < float(row["covered_ratio"]) < float(row["box_ratio"]) <= 0.62


def test_only_the_logged_box_of_a_picture_changes(market: Path, tmp_path: Path) -> None:
    output = tmp_path / "occluded"
    assert main([str(market), "--output", str(output)]) == 0
    lossless = [row for row in log_of(output) if row["picture"].endswith(".png")]
    assert lossless
    for row in lossless:
        before, after = (read_picture(folder / row["picture"]) for folder in (market, output))
        changed = (before != after).any(axis=-1)
        assert changed.any()
        inside = np.zeros_like(changed)
        inside[int(row["y1"]) : int(row["y2"]), int(row["x1"]) : int(row["x2"])] = True
        assert not (changed & ~inside).any()


def test_the_same_seed_gives_the_same_files(market: Path, tmp_path: Path) -> None:
    for name, seed in (("one", "5"), ("same", "5"), ("other", "6")):
        assert main([str(market), "--output", str(tmp_path / name), "--seed", seed]) == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "same")
    assert contents(tmp_path / "one") != contents(tmp_path / "other")


def test_release_mode_covers_one_picture_per_person(market: Path, tmp_path: Path) -> None:
    output = tmp_path / "occluded"
    assert main([str(market), "--output", str(output), "--mode", "release"]) == 0
    people = [(Path(row["picture"]).parts[0], row["person"]) for row in log_of(output)]
    assert people == [(part, f"{person:04d}") for part in ("bounding_box_train", "query") for person in range(4)]


def test_people_may_have_folders(tmp_path: Path) -> None:
    folder, output = tmp_path / "people", tmp_path / "occluded"
    for number in range(10):
        write_picture(folder / "train" / f"{number // 5:03d}" / f"{number}.png", number)
    assert main([str(folder), "--output", str(output), "--mode", "release"]) == 0
    assert [row["person"] for row in log_of(output)] == ["000", "001"]


def test_column_0(market: Path, tmp_path: Path) -> None:
    output = tmp_path / "occluded"
    assert main([str(market), "--output", str(output), "--column-0"]) == 0
    middle = {"bag", "post", "suitcase"}
    assert {row["x1"] for row in log_of(output) if row["kind"] not in middle} == {"0"}


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1
    return err


def test_nothing_is_ever_overwritten(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    message = refused([str(market), "--output", str(tmp_path / "taken")], capsys)
    assert "taken: exists already; choose a new --output" in message
    assert contents(tmp_path / "taken") == {"mine.txt": b"mine"}
    assert "mine.txt: exists already" in refused([str(market), "--output", str(tmp_path / "taken/mine.txt")], capsys)
    assert "lies inside" in refused([str(market), "--output", str(market / "occluded")], capsys)
    (tmp_path / "empty").mkdir()
    assert main([str(market), "--output", str(tmp_path / "empty")]) == 0


def test_bad_data_sets(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "occluded"
    command = [str(market), "--output", str(output), "--mode", "release"]
    assert "expected the folder of a data set" in refused([str(tmp_path / "no"), *command[1:]], capsys)
    write_picture(market / "query" / "somebody.jpg", 1)
    assert "somebody.jpg: cannot tell who this is; expected names such as" in refused(command, capsys)
    (market / "query" / "somebody.jpg").rename(market / "query" / "0099_c1.jpg")
    (market / "query" / "0099_c1.jpg").write_bytes(b"\xff\xd8 cut short")
    assert "0099_c1.jpg: expected a picture" in refused(command, capsys)
    write_picture(market / "query" / "0099_c1.jpg", 1, shape=(20, 300))
    (market / "occlusions.csv").write_text("")
    assert "is occluded already" in refused(command, capsys)
    assert not output.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"market"}


def test_pictures_of_impossible_shapes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "flat"
    for number in range(10):
        write_picture(folder / f"0001_c{number}.png", number, shape=(4, 400))
    message = refused([str(folder), "--output", str(tmp_path / "occluded")], capsys)
    assert "no occluder covers 10% of a picture of 4 x 400 from inside; take it out of the data set" in message


def test_folders_without_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    message = refused([str(tmp_path / "empty"), "--output", str(tmp_path / "occluded")], capsys)
    assert "expected a data set with pictures (.bmp, " in message


def test_stopping_leaves_nothing_behind(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = []

    def copy_three(source: Path, target: Path) -> None:
        copied.append(source)
        if len(copied) > 3:
            raise KeyboardInterrupt
        target.write_bytes(source.read_bytes())

    monkeypatch.setattr("shutil.copyfile", copy_three)
    assert main([str(market), "--output", str(tmp_path / "occluded")]) == 130
    assert capsys.readouterr().err == f"stopped; {tmp_path / 'occluded'} was not written\n"
    assert {path.name for path in tmp_path.iterdir()} == {"market"}


@pytest.mark.parametrize("extra", [["--seed", "-1"], ["--mode", "release", "--column-0"], ["--mode", "both"]])
def test_wrong_arguments(market: Path, tmp_path: Path, extra: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(market), "--output", str(tmp_path / "occluded"), *extra])
    assert stopped.value.code == 2
