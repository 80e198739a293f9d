"""Which pictures of a data set are covered."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from reid_tools.occlusion.selection import choose_paper, choose_release


def made_up(count: int, seed: int) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    people = sorted(f"{person:04d}" for person in rng.integers(0, max(count // 7, 1), count))
    return people, [str(camera) for camera in rng.integers(1, 5, count)]


@pytest.mark.parametrize("count", [1, 3, 10, 99, 1000, 2210])
@pytest.mark.parametrize("seed", range(4))
def test_paper_mode_takes_30_percent_of_everybody(count: int, seed: int) -> None:
    people, cameras = made_up(count, seed)
    chosen = choose_paper(people, cameras, np.random.default_rng(seed))
    assert abs(len(chosen) - 0.3 * count) < 1
    assert list(chosen) == sorted(set(chosen))
    taken, had = Counter(people[index] for index in chosen), Counter(people)
    assert all(abs(taken[person] - 0.3 * number) < 1 for person, number in had.items())


def test_paper_mode_reaches_all_cameras_of_a_person() -> None:
    cameras = [str(camera) for camera in range(4) for _ in range(10)]
    chosen = choose_paper(["7"] * 40, cameras, np.random.default_rng(1))
    assert Counter(cameras[index] for index in chosen) == {"0": 3, "1": 3, "2": 3, "3": 3}


def test_paper_mode_takes_every_picture_equally_often() -> None:
    people, cameras = made_up(60, 3)
    counts = Counter(int(i) for seed in range(2000) for i in choose_paper(people, cameras, np.random.default_rng(seed)))
    assert max(abs(counts[index] / 2000 - 0.3) for index in range(60)) < 0.05


def test_release_mode_takes_one_picture_of_every_run() -> None:
    people = ["1", "1", "1", "2", "3", "3", "1"]
    taken = {tuple(choose_release(people, np.random.default_rng(seed))) for seed in range(60)}
    assert taken == {(first, 3, second, 6) for first in (0, 1, 2) for second in (4, 5)}


def test_nothing_is_taken_of_nothing() -> None:
    rng = np.random.default_rng(0)
    assert not len(choose_paper([], [], rng))
    assert not len(choose_release([], rng))
