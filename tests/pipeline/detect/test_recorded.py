from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reid_pipeline.detect.recorded import RecordedDetector
from reid_pipeline.errors import ConfigError, RecordError
from reid_pipeline.types import Frame


@pytest.fixture
def record(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "lobby.txt"
        path.write_text(text)
        return path

    return write


def test_plays_back_the_rows_of_each_frame(record: Callable[[str], Path], show: Callable[..., Frame]) -> None:
    file = record("# made by hand\n1,7,1,2,3,4,0.9\n\n1,8,10,20,3,4\n3,7,5,5,3,4,0.6,1,1\n3,7,5,5,3,4,0.2\r\n")
    detector = RecordedDetector({"lobby": file}, confidence=0.5)
    found = detector.submit([show(index=index) for index in range(3)]).result()
    assert [boxes.xyxy.tolist() for boxes in found] == [[[1, 2, 4, 6], [10, 20, 13, 24]], [], [[5, 5, 8, 9]]]
    assert [boxes.score.astype(float).round(3).tolist() for boxes in found] == [[0.9, 1.0], [], [0.6]]


def test_boxes_are_clipped_to_the_picture(record: Callable[[str], Path], show: Callable[..., Frame]) -> None:
    file = record("1,-1,-5,60,10,20,1\n1,-1,100,0,10,10,1\n1,-1,5,5,0,10,1\n")
    (found,) = RecordedDetector({"lobby": file}, 0.25).submit([show()]).result()
    assert found.xyxy.tolist() == [[0, 60, 5, 64]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,2,3", "at least six"),
        ("1,-1,a,2,3,4,1", "separated by commas"),
        ("1 -1 1 2 3 4 1", "at least six"),
        ("0,-1,1,2,3,4,1", "counted from 1"),
        ("1.5,-1,1,2,3,4,1", "counted from 1"),
        ("1,-1,1,2,-3,4,1", "not negative"),
        ("1,-1,1,2,nan,4,1", "finite"),
        ("1,-1,1,2,3,4,37.5", "between 0 and 1"),
        ("\x00\xff", "at least six"),
    ],
)
def test_broken_row_is_named(record: Callable[[str], Path], row: str, reason: str) -> None:
    file = record(f"1,-1,1,2,3,4,1\n{row}\n")
    with pytest.raises(RecordError, match=reason) as caught:
        RecordedDetector({"lobby": file}, 0.25)
    assert str(caught.value).startswith(f"{file}:2: expected frame,id,x,y,w,h,score")
    assert "\n" not in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none\.txt: recorded detections cannot be read: No such file"):
        RecordedDetector({"lobby": tmp_path / "none.txt"}, 0.25)


def test_camera_without_recording_is_named(record: Callable[[str], Path], show: Callable[..., Frame]) -> None:
    detector = RecordedDetector({"lobby": record("")}, 0.25)
    with pytest.raises(ConfigError, match="no recorded detections for camera street, only for lobby"):
        detector.submit([show(camera="street")])


def test_hash_follows_the_content(record: Callable[[str], Path]) -> None:
    first = RecordedDetector({"lobby": record("1,-1,1,2,3,4,1\n")}, 0.25).sha256
    assert RecordedDetector({"lobby": record("1,-1,1,2,3,4,1\n")}, 0.25).sha256 == first
    assert RecordedDetector({"lobby": record("1,-1,1,2,3,5,1\n")}, 0.25).sha256 != first
    assert RecordedDetector({"street": record("1,-1,1,2,3,4,1\n")}, 0.25).sha256 != first
