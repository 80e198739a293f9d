from __future__ import annotations

import os
from pathlib import Path

import pytest

from reid_pipeline.errors import RecordError
from reid_pipeline.records.files import replacing, write_text, writing


def test_a_failed_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "tracks.json"
    write_text(path, "old")

    def fail() -> None:
        with replacing(path) as unfinished:
            unfinished.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["tracks.json"]


def test_a_file_in_the_way_of_the_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(RecordError, match=r"out/tracks.json: cannot be written: .*; a part of the path is a file"):
        write_text(tmp_path / "out" / "tracks.json", "new")


def test_a_full_disk_is_one_line() -> None:
    with pytest.raises(RecordError, match="No space left on device; free some space"), writing(Path("/dev/full")):
        Path("/dev/full").write_text("x")


def test_a_folder_of_that_name_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "tracks.json").mkdir()
    with pytest.raises(
        RecordError, match=r"tracks\.json: cannot be written: Is a directory; it is a folder; name a file"
    ):
        write_text(tmp_path / "tracks.json", "new")
    assert os.listdir(tmp_path) == ["tracks.json"]
