from __future__ import annotations

import numpy as np
import pytest

from reid_pipeline.core.motion import (
    COST,
    EVERY_NS,
    FLOOR_KEPT,
    TRAIL,
    WORTH,
    Homography,
    Walk,
    apart_m,
    nearness,
    nearnesses,
    within_reach,
)
from reid_pipeline.types import NS_PER_S

METRES = Homography(((0.01, 0.0, 0.0), (0.0, 0.01, 0.0), (0.0, 0.0, 1.0)))
"""A floor seen from right above, a centimetre to a pixel."""


def walk(*places: tuple[float, float, float], homography: Homography | None = METRES, height: float = 100.0) -> Walk:
    """Through (second, x, y), feet in pixels."""
    gone = Walk()
    for second, x, y in places:
        gone.go(round(second * NS_PER_S), (x - 20, y - height, x + 20, y), homography)
    return gone


def standing(x: float, seconds: int = 5) -> Walk:
    return walk(*((second / 2, x, 300.0) for second in range(2 * seconds)))


def test_a_homography_leads_to_the_floor_and_nowhere_from_the_horizon() -> None:
    tilted = Homography(((0.01, 0.0, 0.0), (0.0, 0.02, 0.0), (0.0, -0.01, 2.0)))
    assert tilted.to_floor(100.0, 100.0) == (1.0, 2.0)
    assert tilted.to_floor(100.0, 200.0) is None


def test_the_distance_of_two_walks_is_the_median_over_common_moments() -> None:
    here = standing(100.0)
    there = walk(*((second / 2, 400.0 if second < 8 else 9000.0, 300.0) for second in range(10)))
    assert apart_m(here, there) == pytest.approx(3.0), "two wrong boxes do not matter"
    assert apart_m(there, here) == apart_m(here, there)


def test_walks_that_share_too_few_moments_have_no_distance() -> None:
    early, late = walk((0, 0, 0), (1, 0, 0)), walk((1, 0, 0), (2, 0, 0))
    assert apart_m(early, late) is None
    assert nearness(early, late) == 0.0
    assert apart_m(standing(0.0), walk((0, 0, 0), (5, 0, 0), homography=None)) is None


@pytest.mark.parametrize(
    ("metres", "expected"), [(0.0, WORTH), (0.6, WORTH), (0.9, WORTH / 2), (1.2, 0.0), (2.1, -COST / 2), (9.0, -COST)]
)
def test_the_same_place_speaks_for_one_person_and_another_one_against(metres: float, expected: float) -> None:
    assert nearness(standing(0.0), standing(100 * metres)) == pytest.approx(expected)


def test_a_place_is_kept_twice_a_second() -> None:
    gone = walk(*((frame / 10, frame, 0.0) for frame in range(20)))
    assert list(gone.floor) == [0, 1, 2, 3]
    assert gone.floor[1] == (0.05, 0.0)
    assert EVERY_NS == NS_PER_S // 2


def test_nobody_crosses_a_picture_in_no_time() -> None:
    before = walk((0, 100, 300), (1, 110, 300), homography=None)
    assert within_reach(before, walk((1.2, 180, 300), (2, 200, 300), homography=None))
    assert not within_reach(before, walk((1.2, 900, 300), (2, 910, 300), homography=None))
    assert not within_reach(walk((1.2, 900, 300), (2, 910, 300), homography=None), before), "in either order"
    assert within_reach(before, walk((9, 900, 300), homography=None)), "after some seconds one can be anywhere"


def test_the_reach_grows_with_the_size_of_the_people() -> None:
    near = walk((0, 100, 600), (1, 110, 600), homography=None, height=500.0)
    assert within_reach(near, walk((1.2, 500, 600), homography=None, height=500.0))


def test_tracks_at_one_time_are_not_judged_by_speed() -> None:
    assert within_reach(standing(0.0), standing(900.0))
    assert within_reach(Walk(), standing(0.0))


def test_all_walks_at_once_say_what_each_two_say() -> None:
    rng = np.random.default_rng(0)
    walks = [Walk()]
    for start in range(20):
        begin, steps = start / 2, np.cumsum(rng.normal(scale=20.0, size=(16, 2)), axis=0) + 300.0
        kept = [(begin + n / 2, x, y) for n, (x, y) in enumerate(steps.tolist()) if rng.random() < 0.7]
        walks.append(walk(*kept))
    pairs = rng.random((4, len(walks))) < 0.8
    rows = [0, 3, 9, 20]
    told = nearnesses(walks, rows, pairs)
    assert len(np.unique(told)) > 20
    for row, asked, values in zip(rows, pairs.tolist(), told.tolist(), strict=True):
        assert values == [nearness(walks[row], other) if ask else 0.0 for ask, other in zip(asked, walks, strict=True)]


def test_a_corrected_clock_moves_places_to_when_they_were() -> None:
    path = [(frame / 10 + 0.02, 13.0 * frame, 300.0) for frame in range(100)]
    truth, ahead = walk(*path), walk(*((second + 1.4, x, y) for second, x, y in path))
    assert apart_m(truth, ahead) == pytest.approx(1.3 * 1.4, abs=0.1)
    ahead.correct(round(1.4 * NS_PER_S))
    assert apart_m(truth, ahead) == pytest.approx(0.0, abs=0.1)
    ahead.go(round(12.0 * NS_PER_S), (0.0, 0.0, 40.0, 300.0), METRES)
    assert max(ahead.floor) == 21, "what comes afterwards is at its true time at once"


def test_places_before_a_gap_do_not_fill_it() -> None:
    gone = walk((0.0, 0, 0), (0.5, 0, 0), (1.0, 0, 0), (9.0, 0, 0), (9.5, 0, 0))
    gone.correct(NS_PER_S // 5)
    assert set(gone.floor) <= {0, 1, 2, 18, 19}


def test_a_walk_without_a_floor_can_be_corrected_too() -> None:
    gone = walk((0.0, 0, 0), homography=None)
    gone.correct(NS_PER_S)
    assert (gone.ahead_ns, gone.floor) == (NS_PER_S, {})


def test_the_trail_is_the_last_minute_by_half_seconds() -> None:
    gone = walk(*((frame / 10, frame, 0.0) for frame in range(900)))
    assert len(gone.trail) == TRAIL
    assert [stand.timestamp_ns for stand in list(gone.trail)[-2:]] == [89 * NS_PER_S, round(89.5 * NS_PER_S)]


def test_who_stands_there_all_day_is_remembered_for_its_last_minutes() -> None:
    stood = Walk()
    for half_second in range(FLOOR_KEPT + 50):
        stood.go(half_second * EVERY_NS, (0.0, 0.0, 100.0, 200.0), METRES)
    assert list(stood.floor) == list(range(50, FLOOR_KEPT + 50))
