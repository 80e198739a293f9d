from __future__ import annotations

import itertools
import random

from reid_pipeline.core.timeline import STEP_NS, Timeline, TimeStep, in_time_steps
from reid_pipeline.types import EncodedStep, TrackedBoxes


def step(camera: str, index: int, timestamp_ns: int) -> EncodedStep:
    return EncodedStep(camera, index, timestamp_ns, TrackedBoxes.empty(), (), ())


def recording(camera: str, count: int, offset_ns: int = 0) -> list[EncodedStep]:
    return [step(camera, i, offset_ns + i * STEP_NS) for i in range(count)]


def everything(timeline: Timeline, arrivals: list[EncodedStep]) -> list[TimeStep]:
    released = [time_step for arrival in arrivals for time_step in timeline.push(arrival)]
    for camera in timeline.cameras:
        released += timeline.end(camera)
    return released


def test_the_order_of_arrival_between_cameras_does_not_matter() -> None:
    cameras = {"a": recording("a", 20), "b": recording("b", 20, 30_000_000), "c": recording("c", 5)}
    in_turn = list(itertools.chain(*cameras.values()))
    expected = everything(Timeline(list(cameras)), in_turn)
    assert len(expected) == 20
    assert [one.camera for one in expected[0].steps] == ["a", "c", "b"]
    rng = random.Random(0)
    for _ in range(20):
        queues = {name: list(steps) for name, steps in cameras.items()}
        shuffled: list[EncodedStep] = []
        while any(queues.values()):
            shuffled.append(queues[rng.choice([name for name, queue in queues.items() if queue])].pop(0))
        assert everything(Timeline(list(cameras)), shuffled) == expected


def test_a_step_is_released_once_every_camera_has_gone_past_it() -> None:
    timeline = Timeline(["a", "b"])
    assert timeline.push(step("a", 0, 0)) == []
    assert timeline.push(step("a", 1, STEP_NS)) == []
    assert timeline.push(step("b", 0, 0)) == []
    released = timeline.push(step("b", 1, STEP_NS))
    assert [one.start_ns for one in released] == [0]


def test_a_silent_camera_is_given_up_and_counts_again_when_it_comes_back() -> None:
    timeline = Timeline(["a", "b"])
    timeline.push(step("b", 0, 0))
    for i in range(5):
        timeline.push(step("a", i, i * STEP_NS))
    assert [one.start_ns // STEP_NS for one in timeline.end("b")] == [0, 1, 2, 3]
    assert timeline.push(step("b", 1, STEP_NS)) == [], "its time has been decided"
    assert timeline.late == {"a": 0, "b": 1}
    timeline.push(step("b", 2, 4 * STEP_NS))
    assert timeline.push(step("a", 5, 5 * STEP_NS)) == [], "b is waited for again"
    assert [len(one.steps) for one in timeline.push(step("b", 3, 5 * STEP_NS))] == [2]


def test_a_journal_is_cut_into_the_same_steps() -> None:
    timeline = Timeline(["a", "b"])
    released = everything(timeline, recording("a", 9) + recording("b", 9, 50_000_000))
    journal = [one for time_step in released for one in time_step.steps]
    assert list(in_time_steps(journal)) == released
