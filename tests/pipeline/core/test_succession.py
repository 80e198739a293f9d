"""Groups that looks leave open are joined by the time that their person would have taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from made_up_site import RULES, Visit, associate, key
from reid_pipeline.core.similarity import Float64
from reid_pipeline.core.succession import join_in_time
from reid_pipeline.core.transit import EDGES_S, Steps
from reid_pipeline.types import NS_PER_S

USUAL_S = 9.0


def steps(*spans_s: tuple[float, float]) -> Steps:
    """Tracklets of one camera, which people usually come back to after nine seconds, and else never."""
    times = np.rint(np.array(spans_s) * NS_PER_S).astype(np.int64).reshape(-1, 2)
    said = np.full((1, 1, len(EDGES_S) - 1), -0.04)
    said[0, 0, np.searchsorted(EDGES_S, USUAL_S) - 1] = 0.08
    return Steps(np.zeros(len(times), np.int64), times[:, 0], times[:, 1], said)


def alike(count: int, *pairs: tuple[int, int, float]) -> Float64:
    similarity = np.zeros((count, count))
    for i, j, value in pairs:
        similarity[i, j] = similarity[j, i] = value
    return similarity


def joined(
    groups: Sequence[Sequence[int]], when: Steps, similarity: Float64, *apart: tuple[int, int]
) -> list[list[int]]:
    possible = ~np.eye(len(similarity), dtype=bool)
    for i, j in apart:
        possible[i, j] = possible[j, i] = False
    weights = np.ones(len(similarity))
    return join_in_time(groups, when, similarity=similarity, possible=possible, weights=weights, threshold=0.5)


USUAL, LATE = ((0.0, 5.0), (14.0, 20.0)), ((0.0, 5.0), (65.0, 70.0))


@pytest.mark.parametrize(
    ("likeness", "when", "one"),
    [
        (0.45, USUAL, True),
        (0.45, LATE, False),
        (0.52, LATE, False),
        (0.55, LATE, True),
        (0.41, USUAL, False),
    ],
)
def test_time_decides_where_looks_leave_it_open(
    likeness: float, when: Sequence[tuple[float, float]], one: bool
) -> None:
    found = joined([[0], [1]], steps(*when), alike(2, (0, 1, likeness)))
    assert found == ([[0, 1]] if one else [[0], [1]])


def test_what_cannot_be_one_person_is_never_joined() -> None:
    spans = (0.0, 5.0), (14.0, 20.0), (29.0, 35.0)
    similarity = alike(3, (0, 1, 0.49), (1, 2, 0.48), (0, 2, 0.49))
    assert joined([[0], [1], [2]], steps(*spans), similarity) == [[0, 1, 2]]
    assert joined([[0], [1], [2]], steps(*spans), similarity, (0, 2)) == [[0, 1], [2]]


def test_who_was_refused_is_asked_again_when_somebody_comes_between() -> None:
    """From 0 to 2 is too long, but not from 0 to 1 to 2."""
    spans = (0.0, 5.0), (14.0, 20.0), (29.0, 35.0)
    similarity = alike(3, (0, 2, 0.5), (0, 1, 0.46), (1, 2, 0.46))
    assert joined([[0], [1], [2]], steps(*spans), similarity) == [[0, 1, 2]]


def test_nothing_to_join() -> None:
    assert joined([], steps(), np.zeros((0, 0))) == []
    assert joined([[0]], steps((0.0, 1.0)), np.zeros((1, 1))) == [[0]]


def test_bad_looks_are_made_up_for_by_coming_when_one_would() -> None:
    """Twenty walk from `a` to `b` in nine seconds, and so does one who is hardly recognised."""
    walks = [
        Visit(camera, n + 1, n, 5.0 * n + later, 5.0 * n + later + 3.0, every_s=1.0)
        for n in range(20)
        for camera, later in (("a", 0.0), ("b", 12.0))
    ]
    unclear = [Visit("a", 90, 40, 20.0, 26.0, noise=0.185), Visit("b", 91, 40, 35.0, 41.0, noise=0.185)]
    for heeded in (True, False):
        told = associate([*walks, *unclear], rules=replace(RULES, travel_times=heeded, calibrate=False))
        assert (told.final[key("a:90")] == told.final[key("b:91")]) is heeded
        assert all(told.final[key(f"a:{n}")] == told.final[key(f"b:{n}")] for n in range(1, 21))
