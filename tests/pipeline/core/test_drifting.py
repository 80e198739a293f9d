from __future__ import annotations

import numpy as np
import pytest

from made_up_site import key, look
from reid_pipeline.core import drifting
from reid_pipeline.core.calibration import Calibration
from reid_pipeline.core.drifting import Drifts, have_drifted
from reid_pipeline.core.kinship import Kinship
from reid_pipeline.core.similarity import Float64
from reid_pipeline.core.topology import Topology
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import NS_PER_S, Float32, Observation

MATCH = 0.5
HEIGHT = 24


def track(name: str, *shows: tuple[int | Float32, float, float], x: float = 0.0) -> Tracklet:
    """A track that shows somebody from a time to a time, then somebody else; it stands at `x` body heights."""
    box = np.array([x * HEIGHT, 0, x * HEIGHT + 8, HEIGHT], np.float32)
    one = Tracklet(key(name), round(shows[0][1] * NS_PER_S), 0)
    for who, start_s, end_s in shows:
        for half in range(round(2 * start_s), round(2 * end_s)):
            when = half * NS_PER_S // 2
            vector = look(who, 0.05, (one.key.track_id, half)) if isinstance(who, int) else who
            one.see(when, box.tolist(), None)
            one.observe(Observation(one.key.camera, one.key.track_id, half, when, box, 0.8, vector))
    return one


def alike(first: int, second: int, share: float) -> Float32:
    """Somebody who looks like two people."""
    vector = np.zeros(64, np.float32)
    vector[[first, second]] = share, np.sqrt(1 - share**2)
    return vector


def found(*tracklets: Tracklet) -> list[list[bool]]:
    kinship = Kinship(Topology(), Calibration(MATCH, trust=0.0))
    kinship.update(tracklets, now_ns=0)
    assert not kinship.possible.any()
    told: list[list[bool]] = kinship.drifted(kinship.possible, MATCH).tolist()
    return told


LOST = track("a:1", (1, 0, 8), (2, 8, 11))
"""Follows the first person, then somebody who came by."""
NEW = track("a:2", (1, 8, 20), x=1.0)
"""Whom it has lost."""


def test_a_track_that_goes_over_to_somebody_else_is_no_proof_against_the_new_one() -> None:
    assert have_drifted(LOST, NEW, MATCH)
    assert have_drifted(NEW, LOST, MATCH)
    assert found(LOST, NEW) == [[False, True], [True, False]]


def test_a_track_that_takes_somebody_over_is_none_either() -> None:
    assert have_drifted(track("a:1", (1, 0, 8)), track("a:2", (2, 5, 8), (1, 8, 20)), MATCH)


def test_two_who_are_dressed_alike_stay_two_while_their_tracks_follow_them() -> None:
    twins = track("a:1", (1, 0, 8)), track("a:2", (alike(1, 2, 0.9), 5, 20))
    assert not have_drifted(*twins, MATCH)
    assert found(*twins) == [[False, False], [False, False]]


def test_a_track_that_shows_somebody_else_meanwhile_proves_nothing_of_those_whom_it_never_showed() -> None:
    assert not have_drifted(LOST, track("a:2", (3, 8, 20)), MATCH)


def test_nobody_is_taken_over_from_far_away() -> None:
    assert found(LOST, track("a:2", (1, 8, 20), x=3.0)) == [[False, False], [False, False]]


def test_a_track_that_is_hardly_seen_alone_tells_nothing() -> None:
    assert not have_drifted(track("a:1", (1, 0, 1), (2, 1, 9)), track("a:2", (1, 1, 9)), MATCH)


def test_a_track_without_looks_has_not_drifted() -> None:
    assert not have_drifted(LOST, Tracklet(key("a:2"), 0, 0), MATCH)


def test_it_is_asked_again_only_when_there_are_new_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(a: Tracklet, b: Tracklet, match: float) -> bool:
        asked.append(f"{a.key} {b.key}")
        return have_drifted(a, b, match)

    monkeypatch.setattr(drifting, "have_drifted", counted)
    drifts, everything = Drifts(), np.ones((2, 2), np.bool_)
    grown = track("a:2", (1, 8, 12), x=1.0)
    for _ in range(3):
        assert drifts.among([LOST, grown], everything, {"a": MATCH})[0, 1]
    assert asked == ["a:1 a:2"]
    assert drifts.among([LOST, NEW], everything, {"a": MATCH})[0, 1]
    assert len(asked) == 2


def test_where_two_met_is_remembered_when_the_walks_are_not() -> None:
    drifts, everything = Drifts(), np.ones((2, 2), np.bool_)
    assert drifts.among([LOST, NEW], everything, {"a": MATCH})[0, 1]
    later = track("a:2", (1, 8, 20), (1, 20, 90), x=1.0)
    assert min(stand.timestamp_ns for stand in later.walk.trail) > LOST.last_ns
    assert drifts.among([LOST, later], everything, {"a": MATCH})[0, 1]
    assert not Drifts().among([LOST, later], everything, {"a": MATCH})[0, 1]


def test_nobody_to_ask_about() -> None:
    nothing: Float64 = np.zeros((0, 0))
    assert Drifts().among([], nothing.astype(np.bool_), {}).shape == (0, 0)
