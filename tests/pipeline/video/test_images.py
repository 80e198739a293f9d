from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reid_pipeline.errors import SourceError
from reid_pipeline.video.images import ImageSource
from reid_pipeline.video.options import SourceEvent, SourceOptions
from reid_pipeline.video.sources import open_source

MS = 1_000_000
WriteImage = Callable[..., Path]


def test_a_folder_plays_in_natural_order(tmp_path: Path, write_image: WriteImage) -> None:
    for index in (0, 2, 9, 10, 11):
        write_image(tmp_path / f"img{index}.png", index)
    (tmp_path / "notes.txt").write_text("not an image")
    source = open_source("lobby", str(tmp_path), start_ns=7, options=SourceOptions(fps=4))
    opened = source.open()
    assert (opened.width, opened.height, opened.fps, opened.frames) == (160, 120, 4.0, 5)
    frames = list(source.frames())
    assert [frame.timestamp_ns for frame in frames] == [7 + n * 250 * MS for n in range(5)]
    assert [round((int(np.median(frame.image)) - 20) / 8) for frame in frames] == [0, 2, 9, 10, 11]
    assert (source.live, source.health.frames) == (False, 5)


def test_a_glob_takes_what_it_matches(tmp_path: Path, write_image: WriteImage) -> None:
    write_image(tmp_path / "a" / "left_1.JPG", 1)
    write_image(tmp_path / "a" / "right_1.jpg", 2)
    write_image(tmp_path / "b" / "left_2.png", 3)
    source = open_source("lobby", str(tmp_path / "*" / "left_*"))
    assert source.open().frames == 2


def test_images_of_two_sizes_keep_theirs(tmp_path: Path, write_image: WriteImage) -> None:
    write_image(tmp_path / "1.png", 0)
    write_image(tmp_path / "2.png", 0, size=(64, 48))
    source = open_source("lobby", str(tmp_path))
    source.open()
    assert [frame.image.shape for frame in source.frames()] == [(120, 160, 3), (48, 64, 3)]


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5])
def test_a_broken_image_is_left_out_and_named(
    tmp_path: Path, write_image: WriteImage, capfd: pytest.CaptureFixture[str], suffix: str, keep: float
) -> None:
    for index in range(4):
        write_image(tmp_path / f"{index}{suffix}", index)
    broken = tmp_path / f"1{suffix}"
    content = broken.read_bytes()
    broken.write_bytes(content[: int(len(content) * keep)])
    events: list[SourceEvent] = []
    source = open_source("lobby", str(tmp_path), report=events.append)
    source.open()
    frames = list(source.frames())
    assert [(frame.index, frame.timestamp_ns) for frame in frames] == [(0, 0), (1, 200 * MS), (2, 300 * MS)]
    assert [event.type for event in events] == ["decode_error"]
    assert str(broken) in events[0].message
    assert source.health.dropped == 1
    assert capfd.readouterr() == ("", "")


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not an image")
    for pattern in (tmp_path, tmp_path / "*.png"):
        with pytest.raises(SourceError, match=r"^lobby: .*expected images \(.*\), found none; check the path$"):
            open_source("lobby", str(pattern)).open()


def test_a_folder_of_broken_images_is_refused(tmp_path: Path) -> None:
    for index in range(3):
        (tmp_path / f"{index}.png").write_bytes(b"no image")
    with pytest.raises(SourceError, match=r"none of the 3 files can be read \(the first is 0\.png\)"):
        open_source("lobby", str(tmp_path)).open()


def test_closing_ends_the_frames(tmp_path: Path, write_image: WriteImage) -> None:
    for index in range(3):
        write_image(tmp_path / f"{index}.png", index)
    source = ImageSource("lobby", str(tmp_path), fps=10)
    source.open()
    frames = source.frames()
    next(frames)
    source.close()
    assert list(frames) == []
