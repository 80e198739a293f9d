from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from reid_pipeline.errors import RecordError
from reid_pipeline.records.crops import CropSaver
from reid_pipeline.types import Crop


@pytest.fixture
def crop() -> Crop:
    red = np.zeros((64, 32, 3), np.uint8)
    red[..., 0] = 200
    return Crop("lobby", 3, 41, 0, np.array([0, 0, 32, 64], np.float32), 0.9, red)


def test_a_crop_is_stored_by_camera_track_and_frame(tmp_path: Path, crop: Crop) -> None:
    path = CropSaver(tmp_path / "crops").save(crop)
    assert path == tmp_path / "crops" / "lobby" / "00003_0000041.jpg"
    stored = cv2.imread(str(path))
    assert stored is not None
    blue, green, red = stored.reshape(-1, 3).mean(axis=0)
    assert red == pytest.approx(200, abs=3)
    assert max(blue, green) < 5


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, crop: Crop) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="file: cannot be written"):
        CropSaver(tmp_path / "file")
    saver = CropSaver(tmp_path / "crops")
    (tmp_path / "crops" / "lobby").write_text("")
    with pytest.raises(RecordError, match=r"00003_0000041\.jpg: cannot be written"):
        saver.save(crop)
