from __future__ import annotations

import pytest

from reid_pipeline.core.topology import Span, Topology, Travel
from reid_pipeline.types import NS_PER_S


def span(camera: str, start_s: float, end_s: float) -> Span:
    return Span(camera, round(start_s * NS_PER_S), round(end_s * NS_PER_S))


@pytest.mark.parametrize("topology", [Topology(), Topology({"a": frozenset({"b"})})])
def test_nobody_is_twice_in_one_camera_at_the_same_time(topology: Topology) -> None:
    assert not topology.compatible(span("a", 0, 5), span("a", 3.4, 9))
    assert topology.compatible(span("a", 0, 5), span("a", 5.1, 9))


def test_a_tracker_may_hand_over_with_a_short_overlap() -> None:
    assert Topology().compatible(span("a", 0, 5), span("a", 4, 9))
    assert not Topology().compatible(span("a", 0, 5), span("a", 4, 5.5)), "a third of a short track is no handover"


def test_two_cameras_may_see_a_person_together_unless_the_layout_says_otherwise() -> None:
    assert Topology().can_see_together("a", "b")
    known = Topology({"a": frozenset({"b"}), "c": frozenset()})
    assert known.can_see_together("a", "b")
    assert known.can_see_together("b", "a")
    assert not known.can_see_together("a", "c")
    assert not known.can_see_together("b", "c"), "c is known to overlap with nothing"
    assert not known.compatible(span("a", 0, 5), span("c", 4, 9))


def test_nobody_is_faster_than_the_travel_time() -> None:
    known = Topology({}, {("a", "b"): Travel(2, 40)})
    assert not known.compatible(span("a", 0, 5), span("b", 6, 9))
    assert not known.compatible(span("b", 6, 9), span("a", 0, 5)), "the order of the arguments does not matter"
    assert known.compatible(span("a", 0, 5), span("b", 7, 9))
    assert known.compatible(span("b", 0, 5), span("a", 6, 9)), "nothing was said about that direction"
