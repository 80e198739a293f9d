from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import pytest

from reid_pipeline.core.clocks import Clocks
from reid_pipeline.core.meetings import meetings
from reid_pipeline.core.similarity import Float64, likenesses
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import NS_PER_S
from strolls import Place, Stroll, filmed, topology

SURE = 0.8
IN: tuple[tuple[Place, ...], ...] = (
    ((2.0, -12.0), (2.0, 2.0), (6.0, 3.0), (6.0, 8.0)),
    ((4.0, -12.0), (4.0, 6.0), (0.0, 6.0)),
    ((1.0, -12.0), (1.0, 1.0), (5.0, 7.0)),
    ((3.0, -12.0), (3.0, 4.0), (1.0, 7.0)),
    ((5.0, -12.0), (5.0, 2.0), (0.0, 4.0)),
    ((2.5, -12.0), (2.5, 7.0), (5.0, 7.0)),
    ((3.5, -12.0), (3.5, 1.0), (0.0, 2.0)),
)
"""From the yard into the hall."""

STROLLS = [
    Stroll(2 * n + turned, 5.0 + 12.0 * n + 5.0 * turned, way[::-1] if turned else way)
    for n, way in enumerate(IN)
    for turned in (0, 1)
]
UNTIL_S = 120.0


@cache
def _seen(clocks_s: tuple[tuple[str, float], ...]) -> list[Tracklet]:
    return filmed(STROLLS, dict(clocks_s))


def seen(**clocks_s: float) -> list[Tracklet]:
    return _seen(tuple(clocks_s.items()))


def alike(tracklets: Sequence[Tracklet]) -> Float64:
    looks = [t.looks.vectors for t in tracklets], [t.looks.weights for t in tracklets]
    return likenesses(*looks, range(len(tracklets)))


def learned(clocks_s: Mapping[str, float], *, calibrated: bool, given_s: Mapping[str, float] | None = None) -> Clocks:
    layout = topology(calibrated=calibrated, ahead_s=given_s)
    clocks = Clocks(layout.ahead_s, layout.floor)
    tracklets = seen(**clocks_s)
    clocks.learn(tracklets, alike(tracklets), layout, sure=SURE, now_ns=None)
    return clocks


@pytest.mark.parametrize(("calibrated", "precision_s"), [(True, 0.1), (False, 0.15)])
@pytest.mark.parametrize("ahead_s", [1.7, -0.6])
def test_a_clock_that_is_off_is_found_by_those_whom_two_cameras_see(
    calibrated: bool, precision_s: float, ahead_s: float
) -> None:
    clocks = learned({"left": 0.0, "right": ahead_s}, calibrated=calibrated)
    told = {offset.camera: offset for offset in clocks.offsets()}
    (sure,) = [offset for offset in told.values() if offset.sure]
    assert told["right"].ahead_s - told["left"].ahead_s == pytest.approx(ahead_s, abs=precision_s)
    assert sure.tracks >= 6
    corrected_s = (clocks.ahead_ns("right") - clocks.ahead_ns("left")) / NS_PER_S
    assert corrected_s == pytest.approx(ahead_s, abs=precision_s)


@pytest.mark.parametrize("calibrated", [True, False])
def test_clocks_that_agree_are_left_alone(calibrated: bool) -> None:
    layout = topology(calibrated=calibrated)
    clocks = Clocks({}, layout.floor)
    tracklets = seen(left=0.0, right=0.0)
    assert not clocks.learn(tracklets, alike(tracklets), layout, sure=SURE, now_ns=None)
    assert not [offset for offset in clocks.offsets() if offset.sure]
    assert clocks.ahead_ns("right") == 0


def test_people_who_pass_both_ways_tell_of_cameras_that_share_no_view() -> None:
    (lag,) = learned({"left": 0.0, "yard": 1.5}, calibrated=True).lags()
    assert (lag.first, lag.second) == ("left", "yard")
    assert lag.lag_s == pytest.approx(1.5, abs=0.2)
    assert lag.error_s >= 0.15


def test_passages_tell_less_where_the_floor_is_not_known() -> None:
    (lag,) = learned({"left": 0.0, "yard": 1.5}, calibrated=False).lags()
    assert lag.lag_s == pytest.approx(1.5, abs=0.4)
    assert lag.error_s >= 0.35


def test_passages_one_way_tell_nothing() -> None:
    layout = topology(calibrated=True)
    clocks = Clocks({}, layout.floor)
    one_way = filmed([stroll for stroll in STROLLS if stroll.person % 2 == 0], {"left": 0.0, "yard": 2.0})
    assert not clocks.learn(one_way, alike(one_way), layout, sure=SURE, now_ns=None)
    assert clocks.lags() == []


def test_what_was_given_is_corrected_from_the_start_and_the_rest_comes_on_top() -> None:
    agreed = learned({"left": 0.0, "right": 1.7}, calibrated=True, given_s={"right": 1.7})
    assert agreed.ahead_ns("right") == round(1.7 * NS_PER_S)
    assert not [offset for offset in agreed.offsets() if offset.sure]
    wrong = learned({"left": 0.0, "right": 1.7}, calibrated=True, given_s={"right": 1.0})
    (offset,) = [offset for offset in wrong.offsets() if offset.sure]
    assert offset.given_s == 1.0
    assert offset.total_s == pytest.approx(1.7, abs=0.1)


def test_learning_as_it_happens_ends_where_learning_at_once_does() -> None:
    layout, tracklets = topology(calibrated=True), seen(left=0.0, right=1.7, yard=0.2)
    live, whole = Clocks({}, layout.floor), Clocks({}, layout.floor)
    for now_s in range(5, round(UNTIL_S), 5):
        begun = [tracklet for tracklet in tracklets if tracklet.last_ns <= now_s * NS_PER_S]
        live.learn(begun, alike(begun), layout, sure=SURE, now_ns=now_s * NS_PER_S)
    live.learn(tracklets, alike(tracklets), layout, sure=SURE, now_ns=None)
    whole.learn(tracklets, alike(tracklets), layout, sure=SURE, now_ns=None)
    assert sum(lag.tracks for lag in live.lags()) == sum(lag.tracks for lag in whole.lags())
    told, said = ({offset.camera: offset.ahead_s for offset in clocks.offsets()} for clocks in (live, whole))
    assert told == pytest.approx(said)


def test_only_tracks_that_are_each_others_best_meet() -> None:
    layout = topology(calibrated=False)
    twins = [Stroll(1, 5.0, IN[1]), Stroll(2, 6.0, IN[2])]
    tracklets = filmed(twins, {"left": 0.0, "right": 0.0})
    met = meetings(tracklets, alike(tracklets), {tracklet.key for tracklet in tracklets}, layout, sure=SURE)
    assert sorted((str(m.first.key), str(m.second.key)) for m in met) == [
        ("left:2", "right:2"),
        ("left:3", "right:3"),
    ]
    assert not meetings(tracklets, alike(tracklets), set(), layout, sure=SURE)
    assert not meetings(tracklets, alike(tracklets), {tracklet.key for tracklet in tracklets}, layout, sure=1.1)
