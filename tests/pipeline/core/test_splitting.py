from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from made_up_site import Visit, time_steps
from reid_pipeline.core.splitting import CUT, Splitter, before_cuts
from reid_pipeline.core.timeline import STEP_NS, TimeStep
from reid_pipeline.types import NS_PER_S, EncodedStep, TrackedBoxes

FAMILIAR = 0.6


def one_track(*parts: tuple[int, float, float]) -> list[TimeStep]:
    """Track 1 of one camera, showing (person, start_s, end_s) one after the other."""
    visits = [Visit("a", 1, person, start_s, end_s) for person, start_s, end_s in parts]
    steps: list[TimeStep] = []
    for visit in visits:
        steps += [step for step in time_steps([visit]) if visit.start_s <= step.start_ns / NS_PER_S <= visit.end_s]
    return steps


def after(steps: Sequence[TimeStep]) -> list[EncodedStep]:
    splitter = Splitter(FAMILIAR)
    return [camera for step in steps for camera in splitter.split(step).steps]


def numbers(steps: Sequence[EncodedStep]) -> list[int]:
    """The track's numbers in the order they were used for boxes."""
    return list(dict.fromkeys(track_id for step in steps for track_id in step.tracked.track_id.tolist()))


def test_a_track_of_one_person_stays_as_it_is() -> None:
    steps = one_track((1, 0, 10))
    seen = [camera for step in steps for camera in step.steps]
    told = after(steps)
    assert numbers(told) == [1]
    assert [len(step.observations) for step in told] == [len(step.observations) for step in seen]


def test_a_track_that_goes_over_to_somebody_else_is_cut() -> None:
    """In PETS2009 a track changes person where two cross; it made them one, or lost one of them."""
    told = after(one_track((1, 0, 5), (2, 5.1, 10)))
    assert numbers(told) == [1, 1 + CUT]
    cut_s = next(step.timestamp_ns for step in told if 1 + CUT in step.tracked.track_id) / NS_PER_S
    assert 5.1 < cut_s <= 6.2, "two looks, half a second apart, are enough"
    assert before_cuts(1 + CUT) == 1


def test_the_looks_that_told_go_to_the_new_part() -> None:
    told = after(one_track((1, 0, 5), (2, 5.1, 10)))
    looks = [look for step in told for look in step.observations]
    of_new = [look for look in looks if look.track_id == 1 + CUT]
    assert min(look.timestamp_ns for look in of_new) < 5.2 * NS_PER_S, "the first odd look came before the cut"
    assert all(look.vector.argmax() == 2 for look in of_new)
    assert all(look.vector.argmax() == 1 for look in looks if look.track_id == 1)


def test_somebody_who_passes_in_front_teaches_nothing_and_cuts_nothing() -> None:
    told = after(one_track((1, 0, 5), (2, 5.1, 5.4), (1, 5.5, 9)))
    assert numbers(told) == [1]
    assert {int(look.vector.argmax()) for step in told for look in step.observations} == {1}


def test_a_track_may_be_cut_more_than_once() -> None:
    told = after(one_track((1, 0, 5), (2, 5.1, 10), (1, 10.1, 15)))
    assert numbers(told) == [1, 1 + CUT, 1 + 2 * CUT]


def test_odd_looks_that_are_unlike_each_other_cut_nothing() -> None:
    parts = [(1, 0.0, 5.0)] + [(person, 5.1 + 0.5 * person, 5.2 + 0.5 * person) for person in range(2, 8)]
    assert numbers(after(one_track(*parts))) == [1]


def test_a_track_of_few_looks_is_not_known_well_enough_to_be_cut() -> None:
    assert numbers(after(one_track((1, 0, 0.9), (2, 1.0, 3)))) == [1]


def test_an_ended_track_ends_under_its_last_number_and_is_forgotten() -> None:
    steps = one_track((1, 0, 5), (2, 5.1, 10))
    last = steps[-1].steps[0]
    end = EncodedStep("a", last.index + 1, last.timestamp_ns + STEP_NS, _nothing(), (), ended=(1,))
    splitter = Splitter(FAMILIAR)
    for step in steps:
        splitter.split(step)
    assert splitter.split(TimeStep(end.timestamp_ns, (end,))).steps[0].ended == (1 + CUT,)
    again = splitter.split(TimeStep(0, (steps[0].steps[0],))).steps[0]
    assert again.tracked.track_id.tolist() == [1], "a tracker that starts anew has its numbers to itself"


def _nothing() -> TrackedBoxes:
    return TrackedBoxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))


def test_steps_without_a_cut_track_pass_untouched() -> None:
    steps = one_track((1, 0, 3))
    assert all(told is step.steps[0] for told, step in zip(after(steps), steps, strict=True))
