from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from reid_engines.encoders.crops import resized
from reid_engines.protocol import Image
from reid_tools.train.augment import ERASED_SHARE, Augmentation, Frame, erase, shifted

FRAME = Frame(256, 128, (127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
STILL = Augmentation(FRAME, mirror=0, shift_px=0, erase=0)


def picture(height: int = 128, width: int = 64, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_pixels_are_scaled_as_the_frame_says() -> None:
    frame = Frame(4, 2, (0, 100, 200), (1, 50, 100))
    prepared = frame.plain(np.full((4, 2, 3), 200, np.uint8))
    assert prepared.dtype == np.float32
    assert prepared.shape == (3, 4, 2)
    assert prepared[:, 0, 0].tolist() == [200, 2, 0]


def test_plain_pictures_are_resized_as_engines_do() -> None:
    original = picture()
    assert np.array_equal(FRAME.plain(original), FRAME.normalised(resized(original, 128, 256)))


@pytest.mark.parametrize("size", [(128, 64), (256, 128), (400, 150), (400, 60), (1, 1)])
def test_any_size_comes_out_as_the_frame(size: tuple[int, int]) -> None:
    prepared = Augmentation(FRAME)(picture(*size), rng())
    assert prepared.shape == (3, 256, 128)
    assert prepared.dtype == np.float32
    assert np.isfinite(prepared).all()


def test_without_chance_only_the_size_changes() -> None:
    flat = np.full((100, 50, 3), 255, np.uint8)
    assert (STILL(flat, rng()) == 1).all()


def test_the_same_generator_gives_the_same_picture() -> None:
    augmentation = Augmentation(FRAME)
    first, again, other = (augmentation(picture(), rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_mirroring_swaps_left_and_right() -> None:
    original = picture(256, 128)
    mirrored = dataclasses.replace(STILL, mirror=1)(original, rng())
    assert np.array_equal(mirrored, STILL(original, rng())[:, :, ::-1])


def test_shifts_reach_as_far_as_allowed_and_bring_in_black() -> None:
    white = np.full((30, 20, 3), 255, np.uint8)
    moved = [shifted(white, 2, rng(seed)) for seed in range(60)]
    assert {picture.shape for picture in moved} == {(30, 20, 3)}
    black_rows = {int((picture[:, 10] == 0).all(axis=1).sum()) for picture in moved}
    assert black_rows == {0, 1, 2}


def test_a_rectangle_of_the_published_size_is_erased_with_noise() -> None:
    shares = []
    for seed in range(50):
        prepared = np.full((3, 256, 128), 9, np.float32)
        erase(prepared, rng(seed))
        gone = prepared[0] != 9
        rows, columns = np.flatnonzero(gone.any(axis=1)), np.flatnonzero(gone.any(axis=0))
        assert gone.sum() == len(rows) * len(columns)
        assert abs(prepared[:, gone].std() - 1) < 0.1
        shares.append(gone.mean())
    assert ERASED_SHARE[0] * 0.9 < min(shares)
    assert max(shares) < ERASED_SHARE[1] * 1.1


def test_erasing_happens_as_often_as_asked() -> None:
    black = np.zeros((256, 128, 3), np.uint8)
    often = dataclasses.replace(STILL, erase=0.5)
    touched = sum((often(black, rng(seed)) != -1).any() for seed in range(200))
    assert 75 < touched < 125
