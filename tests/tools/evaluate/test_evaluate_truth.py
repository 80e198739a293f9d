from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reid_pipeline.errors import RecordError
from reid_tools.evaluate.truth import read_truth


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "gt_lobby.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_become_boxes_with_frames_from_zero(tmp_path: Path) -> None:
    truth = read_truth(write(tmp_path, "# frame,id,x,y,w,h\n\n1,7,10,20,30,40\n3,7,11.5,20,30,40 # later\n"))
    assert truth.frame.tolist() == [0, 2]
    assert truth.person.tolist() == [7, 7]
    np.testing.assert_array_equal(truth.xyxy, [[10, 20, 40, 60], [11.5, 20, 41.5, 60]])
    assert not truth.ignored.any()


def test_seventh_column_is_a_flag_only_in_full_rows(tmp_path: Path) -> None:
    rows = "1,1,0,0,9,9,0\n1,2,0,0,9,9,0,1,0.2\n1,3,0,0,9,9,1,1,0.9\n1,4,0,0,9,9,0.75,proj\n"
    assert read_truth(write(tmp_path, rows)).ignored.tolist() == [False, True, False, False]


def test_a_camera_may_have_seen_nobody(tmp_path: Path) -> None:
    truth = read_truth(write(tmp_path, "# nobody\n"))
    assert truth.xyxy.shape == (0, 4)
    assert truth.frame.dtype == np.int64


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,2,3", "expected frame,id,x,y,w,h,... separated by commas, got '1,2,3'"),
        ("1 1 0 0 9 9", "separated by commas"),
        ("1,man,0,0,9,9", "expected numbers in the first 6 columns"),
        ("1,1,0,0,9,9,yes,1", "expected numbers in the first 7 columns"),
        ("1,1,0,nan,9,9", "expected finite numbers"),
        ("0,1,0,0,9,9", "expected a frame number from 1, got 0"),
        ("1.5,1,0,0,9,9", "expected a frame number from 1, got 1.5"),
        ("1,-1,0,0,9,9", "expected a whole, non-negative id, got -1"),
        ("1,1,0,0,0,9", "expected a box with a width and a height, got 0 x 9"),
        ("4,1,5,5,9,9", "id 1 is already in frame 4 (line 1); expected each id once per frame"),
    ],
)
def test_a_wrong_row_is_named_with_its_line(tmp_path: Path, row: str, message: str) -> None:
    path = write(tmp_path, f"4,1,0,0,9,9\n{row}\n")
    with pytest.raises(RecordError) as caught:
        read_truth(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"missing\.txt: cannot read the truth file: No such file"):
        read_truth(tmp_path / "missing.txt")
    (tmp_path / "clip.txt").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(RecordError, match=r"clip\.txt: cannot read the truth file: not a text file"):
        read_truth(tmp_path / "clip.txt")
