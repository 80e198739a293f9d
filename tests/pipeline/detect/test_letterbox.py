from __future__ import annotations

import numpy as np
import pytest

from reid_pipeline.detect.letterbox import Letterbox

SIZES = [(128, 64), (64, 128), (64, 64), (1288, 728), (719, 1281), (3, 500), (640, 1), (17, 23)]


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_picture_fills_its_part_of_the_canvas_only(size: tuple[int, int], center: bool) -> None:
    letterbox = Letterbox(64, 96, center=center, pad=114)
    canvas = letterbox.canvas(1)
    placement = letterbox.place(np.full((size[1], size[0], 3), 200, np.uint8), canvas[0])
    covered = (canvas[0] == 200).all(axis=2)
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    assert covered[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert (canvas[0][~covered] == 114).all()
    assert (placement.left, placement.top) == (columns[0], rows[0])
    assert len(columns) == 64 or len(rows) == 96
    slack = (64 - len(columns), 96 - len(rows))
    assert (placement.left, placement.top) == ((slack[0] // 2, slack[1] // 2) if center else (0, 0))


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_boxes_come_back_into_the_picture(size: tuple[int, int], center: bool) -> None:
    letterbox = Letterbox(64, 96, center=center)
    placement = letterbox.place(np.zeros((size[1], size[0], 3), np.uint8), letterbox.canvas(1)[0])
    whole = np.array([[0, 0, 64, 96]], np.float32)  # the canvas covers the picture, with room to spare
    np.testing.assert_allclose(placement.to_picture(whole), [[0, 0, *size]], atol=1e-3)
    assert placement.to_picture(whole).dtype == np.float32
    assert placement.to_picture(np.zeros((0, 4), np.float32)).shape == (0, 4)


def test_picture_is_scaled_smoothly_and_in_place() -> None:
    ramp = np.tile(np.arange(128, dtype=np.uint8)[None, :, None], (128, 1, 3))
    letterbox = Letterbox(64, 64, center=False)
    canvas = letterbox.canvas(2)
    letterbox.place(ramp, canvas[1])
    assert (canvas[0] == 114).all()
    np.testing.assert_allclose(canvas[1][0, :, 0], np.arange(64) * 2 + 0.5, atol=1)
