from __future__ import annotations

import numpy as np
import pytest

from reid_pipeline.core.lags import passage_lags_s, picture_lags_s, walk_lag_s
from reid_pipeline.core.similarity import Float64
from strolls import Place, Stroll, box_of

AROUND: tuple[Place, ...] = ((0.0, 0.0), (5.0, 1.0), (6.0, 5.0), (2.0, 6.0))


def on_floor(stroll: Stroll, *, ahead_s: float = 0.0, until_s: float = 30.0) -> Float64:
    """Rows of time and place by half seconds of a clock that is ahead."""
    shown = np.arange(0.1, until_s, 0.5)
    places = [(time_s, stroll.at(time_s - ahead_s)) for time_s in shown.tolist()]
    return np.array([(time_s, *place) for time_s, place in places if place is not None]).reshape(-1, 3)


def in_picture(stroll: Stroll, camera: str, *, ahead_s: float = 0.0) -> Float64:
    """Rows of time, foot point and height."""
    rows = []
    for time_s, x, y in on_floor(stroll, ahead_s=ahead_s).tolist():
        left, top, right, bottom = box_of(camera, (x, y))
        rows.append((time_s, (left + right) / 2, bottom, bottom - top))
    return np.array(rows).reshape(-1, 4)


@pytest.mark.parametrize("ahead_s", [-2.0, -0.35, 0.0, 1.4, 3.5])
def test_a_walk_that_another_clock_saw_lies_closest_at_its_lag(ahead_s: float) -> None:
    stroll = Stroll(1, 5.0, AROUND)
    assert walk_lag_s(on_floor(stroll), on_floor(stroll, ahead_s=ahead_s)) == pytest.approx(ahead_s, abs=0.06)


def test_who_stands_still_tells_nothing_of_time() -> None:
    still = np.array([(n / 2, 3.0, 3.0) for n in range(40)])
    assert walk_lag_s(still, still) is None


def test_walks_that_are_never_close_are_not_one() -> None:
    away = Stroll(2, 5.0, tuple((x + 4.0, y) for x, y in AROUND))
    assert walk_lag_s(on_floor(Stroll(1, 5.0, AROUND)), on_floor(away)) is None


def test_too_short_a_walk_tells_nothing() -> None:
    stroll = Stroll(1, 5.0, AROUND)
    assert walk_lag_s(on_floor(stroll)[:4], on_floor(stroll)) is None
    assert walk_lag_s(on_floor(stroll), np.zeros((0, 3))) is None


def test_a_clock_that_is_too_far_off_is_not_found() -> None:
    stroll = Stroll(1, 5.0, AROUND)
    assert walk_lag_s(on_floor(stroll), on_floor(stroll, ahead_s=6.0)) is None


WAYS: tuple[tuple[Place, ...], ...] = (
    AROUND,
    AROUND[::-1],
    ((0.0, 6.0), (6.0, 0.0)),
    ((6.0, 1.0), (0.0, 5.0)),
    ((3.0, 0.0), (3.0, 8.0), (0.0, 8.0)),
    ((1.0, 7.0), (1.0, 1.0), (5.0, 1.0)),
)


@pytest.mark.parametrize("ahead_s", [-1.9, 0.0, 0.6, 2.0])
def test_pictures_of_one_floor_tell_the_lag(ahead_s: float) -> None:
    strolls = [Stroll(n, 5.0 + n, way) for n, way in enumerate(WAYS)]
    pairs = [(in_picture(stroll, "left"), in_picture(stroll, "right", ahead_s=ahead_s)) for stroll in strolls]
    lags_s = picture_lags_s(pairs)
    assert len(lags_s) >= 4
    assert np.median(lags_s) == pytest.approx(ahead_s, abs=0.1)


def test_a_wrong_pair_does_not_matter() -> None:
    strolls = [Stroll(n, 5.0 + n, way) for n, way in enumerate(WAYS)]
    pairs = [(in_picture(stroll, "left"), in_picture(stroll, "right", ahead_s=1.0)) for stroll in strolls]
    pairs.append((pairs[0][0], pairs[3][1]))
    assert np.median(picture_lags_s(pairs)) == pytest.approx(1.0, abs=0.1)


def test_people_who_all_walk_one_way_tell_no_lag() -> None:
    strolls = [Stroll(n, 5.0 + n, ((0.0, y), (8.0, y))) for n, y in enumerate((1.0, 2.0, 3.0, 4.0, 5.0, 6.0))]
    assert not picture_lags_s([(in_picture(s, "left"), in_picture(s, "right", ahead_s=1.0)) for s in strolls])


def test_no_walks_tell_no_lag() -> None:
    assert not picture_lags_s([])
    assert not picture_lags_s([(np.zeros((0, 4)), np.zeros((0, 4)))])


def test_half_of_what_one_way_takes_longer_is_the_clocks_doing() -> None:
    assert np.median(passage_lags_s([5.4, 5.5, 20.0], [2.5, 2.6, 2.4])) == pytest.approx(1.5)
    assert passage_lags_s([], [1.0]) == []
