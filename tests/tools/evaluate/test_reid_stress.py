"""What hides people: how much of a picture, where, and always the same for the same question."""

from __future__ import annotations

import numpy as np
import pytest

from reid_tools.evaluate.stress import MASKS, Draw, covered, masked

FILL = (124, 116, 104)
SIZES = [(256, 128), (384, 128), (64, 32), (72, 24), (100, 90)]


def plain(height: int = 256, width: int = 128, value: int = 7) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((height, width, 3), value, np.uint8)


def hidden_share(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> float:
    return float((picture == FILL).all(axis=2).mean())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("kind", MASKS)
def test_masks_hide_the_share_asked_for(kind: str, share: float, size: tuple[int, int]) -> None:
    shares = [hidden_share(masked(plain(*size), Draw("a.png", kind, share, seed), FILL)) for seed in range(20)]
    # Cells along the border of a small picture are cut.
    tolerance = 0.12 if kind == "cells" and size != (256, 128) else 0.02
    assert np.abs(np.array(shares) - share).max() < tolerance


def test_rectangles_keep_their_shape_within_bounds() -> None:
    for seed in range(50):
        rows, columns = np.nonzero((masked(plain(), Draw("a", "rectangle", 0.2, seed), FILL) == FILL).all(axis=2))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert height * width == len(rows)
        assert 0.28 < height / width < 3.5


def test_strips_lie_along_all_four_sides() -> None:
    found = set()
    for seed in range(30):
        gone = (masked(plain(), Draw("a", "strip", 0.25, seed), FILL) == FILL).all(axis=2)
        rows, columns = gone.all(axis=1), gone.all(axis=0)
        assert rows.sum() == 64 or columns.sum() == 32
        found.add((bool(rows[0]), bool(rows[-1]), bool(columns[0]), bool(columns[-1])))
    assert len(found) == 4


def test_cells_are_whole() -> None:
    gone = (masked(plain(), Draw("a", "cells", 0.3, 0), FILL) == FILL).all(axis=2)
    cells = gone.reshape(16, 16, 8, 16).mean(axis=(1, 3))
    assert set(np.unique(cells)) == {0.0, 1.0}
    assert cells.sum() == round(0.3 * 128)


@pytest.mark.parametrize("kind", MASKS)
def test_masks_depend_on_name_level_kind_and_seed_alone(kind: str) -> None:
    def of(name: str, share: float, seed: int) -> bytes:
        return masked(plain(), Draw(name, kind, share, seed), FILL).tobytes()

    assert of("a", 0.3, 1) == of("a", 0.3, 1)
    assert len({of(name, 0.3, seed) for name in "abcdefgh" for seed in range(3)}) > 3


def test_nothing_hidden_is_the_picture_itself() -> None:
    picture = plain()
    assert all(masked(picture, Draw("a", kind, 0.0, 0), FILL) is picture for kind in MASKS)
    assert covered(picture, plain(value=9), Draw("a", "distractor", 0.0, 0)) is picture
    masked(picture, Draw("a", "strip", 0.5, 0), FILL)
    covered(picture, plain(value=9), Draw("a", "distractor", 0.5, 0))
    assert (picture == 7).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_a_person_in_front_leaves_the_middle_visible(share: float, size: tuple[int, int]) -> None:
    height, width = size
    lower = []
    for seed in range(40):
        rows, columns = np.nonzero((covered(plain(*size), plain(*size, 9), Draw("a", "d", share, seed)) == 9).all(2))
        assert len(rows) / (height * width) == pytest.approx(share, abs=0.03)
        assert columns.max() < width // 2 or columns.min() >= width - width // 2
        lower.append(rows.mean() + 0.5 - height / 2)
    assert np.mean(lower) > 0 or share == 0.5


def test_the_person_in_front_is_cut_out_of_the_upper_middle() -> None:
    donor = plain()
    donor[:, :] = np.arange(128, dtype=np.uint8)[:, None] + 100
    changed = covered(plain(), donor, Draw("a", "d", 0.2, 0))
    values = np.unique(changed[changed != 7])
    assert values.mean() == pytest.approx(100 + 63.5, abs=1)
