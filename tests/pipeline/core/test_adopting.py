from __future__ import annotations

import numpy as np

from made_up_site import key
from reid_pipeline.core.consolidation import _adopt, _Evidence
from reid_pipeline.core.looks import Look
from reid_pipeline.core.standing import Standing
from reid_pipeline.core.tracklets import Tracklet


def evidence(*looks: tuple[float, ...]) -> _Evidence:
    """Tracklets of one look each, every two of which can be one person."""
    standings = []
    for number, vector in enumerate(looks):
        tracklet = Tracklet(key(f"a:{number + 1}"), 0, 0)
        tracklet.looks.add_look(Look("a", 0, 1.0, np.array(vector, np.float32)))
        standings.append(Standing(tracklet))
    count = len(standings)
    possible = ~np.eye(count, dtype=np.bool_)
    return _Evidence(
        standings=standings,
        seeds=(),
        similarity=np.zeros((count, count)),
        possible=possible,
        weights=np.ones(count),
        apart=frozenset(),
        steps=None,
        names=[""] * count,
        resting=np.zeros(count, np.bool_),
    )


def test_a_lone_tracklet_joins_the_group_that_covers_it_best() -> None:
    seen = evidence((1.0, 0.0), (0.5, 0.5), (0.0, 1.0), (0.75, 0.0))
    assert _adopt([[0], [1, 2], [3]], seen, 0.6) == [[1, 2], [0, 3]]
    assert _adopt([[0], [1, 2], [3]], seen, 0.9) == [[0], [1, 2], [3]]


def test_who_was_joined_does_not_leave_again() -> None:
    """The second was taken elsewhere after the first had joined it, and the first was left without anybody."""
    seen = evidence((0.9, 0.0), (1.0, 0.0), (0.8, 0.5), (0.8, 0.4))
    assert _adopt([[0], [1], [2, 3]], seen, 0.6) == [[0, 1], [2, 3]]


def test_nobody_joins_who_cannot_be_them() -> None:
    seen = evidence((1.0, 0.0), (1.0, 0.0), (0.5, 0.0))
    seen.possible[0, 1] = seen.possible[1, 0] = False
    assert _adopt([[0], [1, 2]], seen, 0.4) == [[0], [1, 2]]


def test_who_rests_is_not_given_away() -> None:
    seen = evidence((1.0, 0.0), (1.0, 0.0), (1.0, 0.0))
    seen.resting[0] = True
    assert _adopt([[0], [1, 2]], seen, 0.6) == [[0], [1, 2]]
