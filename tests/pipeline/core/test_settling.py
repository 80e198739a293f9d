"""Which answers stay, said once for each track."""

from __future__ import annotations

from dataclasses import replace

from made_up_site import EMPTY, RULES, Visit, key, time_steps
from reid_pipeline.core.associator import Associator
from reid_pipeline.core.standing import AssociationRules, Decisions
from reid_pipeline.core.topology import Topology
from reid_pipeline.types import NS_PER_S, Assignment, Settlement, TrackletKey

WINDOW_S = 60.0
SHORT = replace(RULES, window_s=WINDOW_S)

PASSING_BY = [Visit("a", n + 1, n % 5, 10.0 * n, 10.0 * n + 8) for n in range(14)] + [
    Visit("b", n + 1, n % 5, 10.0 * n + 12, 10.0 * n + 18) for n in range(14)
]


def told(visits: list[Visit], rules: AssociationRules = SHORT) -> tuple[list[Decisions], Decisions, Associator]:
    """What was decided in each step, and in the end."""
    associator = Associator(rules, Topology(), EMPTY)
    live = [associator.step(step) for step in time_steps(visits)]
    return live, associator.finish(), associator


def by_track(settled: list[Settlement]) -> dict[TrackletKey, Settlement]:
    return {one.assignment.key: one for one in settled}


def test_every_track_is_settled_once_as_who_it_is_in_the_end() -> None:
    for rules in (SHORT, replace(SHORT, revise=False)):
        live, end, associator = told(PASSING_BY, rules)
        settled = [one for decisions in (*live, end) for one in decisions.settled]
        last = {one.key: one.identity for decisions in (*live, end) for one in decisions.assignments}
        assert {k: one.assignment.identity for k, one in by_track(settled).items()} == last
        assert {k: one.assignment for k, one in by_track(end.settled).items()} == associator.assignments()
        assert len(settled) == len(by_track(settled)) == 28


def test_a_track_is_settled_when_it_is_over_for_longer_than_the_window() -> None:
    live, end, _ = told(PASSING_BY)
    early = by_track([one for decisions in live for one in decisions.settled])
    first = early[key("a:1")]
    assert (first.start_ns, first.end_ns) == (0, 8 * NS_PER_S)
    waited_s = [(one.timestamp_ns - one.end_ns) / NS_PER_S for one in early.values()]
    assert WINDOW_S < min(waited_s) <= max(waited_s) < WINDOW_S + 2
    assert {one.timestamp_ns for one in end.settled} == {148 * NS_PER_S}, "the rest when the run ends"
    assert min(one.end_ns for one in end.settled) >= (148 - WINDOW_S - 2) * NS_PER_S


def test_nothing_is_decided_about_a_track_that_is_settled() -> None:
    mixed = [Visit("a", n + 1, n % 3, 7.0 * n, 7.0 * n + 6, noise=0.18) for n in range(30)]
    mixed += [Visit("b", n + 1, (n + 1) % 3, 7.0 * n + 1, 7.0 * n + 5, noise=0.18) for n in range(30)]
    live, end, _ = told(mixed)
    done: dict[TrackletKey, Assignment] = {}
    revised = 0
    for decisions in (*live, end):
        assert done.keys().isdisjoint(one.key for one in decisions.assignments)
        assert done.keys().isdisjoint(event.tracklet for event in decisions.events if event.tracklet is not None)
        done |= {one.assignment.key: one.assignment for one in decisions.settled}
        revised += sum(event.type not in ("new", "linked") for event in decisions.events)
    assert len(done) == 60
    assert revised >= 3, "or nothing was tested here"


def test_a_track_without_an_answer_has_none_that_stays() -> None:
    live, end, associator = told([Visit("a", 1, 0, 0.0, 5.0), Visit("a", 2, 1, 0.0, 80.0)])
    del associator
    assert [str(one.assignment.key) for decisions in (*live, end) for one in decisions.settled] == ["a:1", "a:2"]
    unseen = time_steps([Visit("a", 1, 0, 0.0, 5.0), Visit("a", 2, 1, 0.0, 80.0)])
    blind = [replace(s, steps=tuple(replace(one, observations=()) for one in s.steps)) for s in unseen]
    associator = Associator(SHORT, Topology(), EMPTY)
    assert [one for step in blind for one in associator.step(step).settled] == []
    assert associator.finish().settled == []
