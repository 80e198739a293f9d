"""What looking back may still change about tracks that have been over for a while, live and in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from made_up_site import DIM, EMPTY, RULES, Visit, key, time_steps
from reid_pipeline.core.associator import Associator
from reid_pipeline.core.timeline import TimeStep
from reid_pipeline.core.topology import Topology
from reid_pipeline.types import NS_PER_S, EncodedStep, Float32, IdentityEvent, TrackletKey

FIRST, BESIDE, SECOND = Visit("a", 1, 0, 0, 4), Visit("c", 1, 0, 0, 4), Visit("a", 2, 1, 20, 28)
"""Two people, the first in two cameras; the second comes when the track in between has been over for long."""

CLEARLY, SLIGHTLY = 0.62, 0.67
"""How much of the first person a look between both has; the rest is of the second, who is nearer."""


@dataclass(frozen=True, slots=True)
class Course:
    """Who the tracks were while the run went on, and after its last look back."""

    associator: Associator
    live: dict[TrackletKey, str]
    final: dict[TrackletKey, str]
    events: list[IdentityEvent]


def between(share: float) -> Float32:
    """A look that is like two people."""
    vector = np.zeros(DIM, np.float32)
    vector[:2] = share, np.sqrt(1 - share**2)
    return vector


def showing(vector: Float32, track: str, steps: Sequence[TimeStep]) -> list[TimeStep]:
    """The steps with all looks of one track replaced."""

    def redone(step: EncodedStep) -> EncodedStep:
        looks = [
            replace(o, vector=vector) if TrackletKey(o.camera, o.track_id) == key(track) else o
            for o in step.observations
        ]
        return replace(step, observations=tuple(looks))

    return [TimeStep(step.start_ns, tuple(map(redone, step.steps))) for step in steps]


def run(steps: Sequence[TimeStep]) -> Course:
    associator = Associator(RULES, Topology(), EMPTY)
    events = [event for step in steps for event in associator.step(step).events]
    live = {k: assignment.identity for k, assignment in associator.assignments().items()}
    events += associator.finish().events
    return Course(associator, live, {k: a.identity for k, a in associator.assignments().items()}, events)


def passing(*, share: float, length_s: float) -> Course:
    """The first person, then a track that is nearer to the second, who is not known yet, then the second."""
    visits = [FIRST, BESIDE, Visit("b", 1, 0, 6, 6 + length_s), SECOND]
    return run(showing(between(share), "b:1", time_steps(visits)))


def test_a_brief_track_keeps_its_person_while_the_run_goes_on_and_finds_its_own_in_the_end() -> None:
    told = passing(share=CLEARLY, length_s=2)
    assert told.live[key("b:1")] == told.live[key("a:1")] != told.live[key("a:2")]
    assert told.final[key("b:1")] == told.final[key("a:2")] == told.live[key("a:2")]
    assert [event.type for event in told.events if event.tracklet == key("b:1")] == ["linked", "revised"]


def test_a_track_that_stays_against_its_looks_does_not_teach_them() -> None:
    steps = showing(between(CLEARLY), "b:1", time_steps([FIRST, BESIDE, Visit("b", 1, 0, 6, 8), SECOND]))
    associator = Associator(RULES, Topology(), EMPTY)
    for step in steps:
        associator.step(step)
    first = associator.people["P0001"]
    assert first.members.keys() == {key("a:1"), key("c:1"), key("b:1")}
    assert first.trusted == {key("a:1"), key("c:1")}


def test_a_longer_track_is_corrected_late_where_much_speaks_for_it() -> None:
    told = passing(share=CLEARLY, length_s=6)
    assert told.live[key("b:1")] == told.live[key("a:2")]
    assert told.final == told.live


def test_its_person_holds_on_to_a_track_where_little_speaks_against_it() -> None:
    told = passing(share=SLIGHTLY, length_s=6)
    assert told.live[key("b:1")] == told.live[key("a:1")]
    assert told.final[key("b:1")] == told.final[key("a:2")]


def test_who_cannot_be_the_person_any_more_leaves_however_late() -> None:
    """Whom the track was taken for was in its picture all the time, far away, but could not be recognised at first."""
    poor, clear = Visit("b", 9, 0, 6.5, 14, every_s=2, noise=0.4), Visit("b", 9, 0, 14.1, 30)
    visits = [FIRST, BESIDE, Visit("b", 1, 0, 6, 8), poor, clear]
    told = run(showing(between(0.8), "b:1", time_steps(visits)))
    assert told.live[key("b:9")] == told.live[key("a:1")] != told.live[key("b:1")]
    late = [e for e in told.events if e.tracklet == key("b:1") and e.timestamp_ns > 13 * NS_PER_S]
    assert [event.type for event in late] == ["split"]


def test_looking_back_wastes_no_numbers() -> None:
    told = passing(share=CLEARLY, length_s=2)
    change = told.associator.take_change()
    assert change is not None
    assert change.next_number == 3
