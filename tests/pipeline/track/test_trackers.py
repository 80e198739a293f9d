"""What every tracker does, whatever the algorithm."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping

import numpy as np
import pytest

from reid_pipeline.errors import ConfigError
from reid_pipeline.track.protocol import Tracker, TrackUpdate
from reid_pipeline.track.table import ALGORITHMS, TrackerOptions, open_tracker
from reid_pipeline.types import NS_PER_S, Boxes, Frame, as_float32

FPS = 10.0
IMAGE = np.zeros((360, 640, 3), np.uint8)
Row = tuple[float, float, float, float]


@pytest.fixture(params=ALGORITHMS)
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def walker(index: int, start: float = 50, step: float = 6, y: float = 100) -> Row:
    """A person of 40x100 pixels who walks to the right, at frame `index`."""
    x = start + step * index
    return (x, y, x + 40, y + 100)


def step(tracker: Tracker, time_s: float, rows: Iterable[Row], score: float = 0.9) -> TrackUpdate:
    xyxy = np.array(list(rows), np.float32).reshape(-1, 4)
    frame = Frame("lobby", round(time_s * FPS), round(time_s * NS_PER_S), IMAGE)
    return tracker.update(frame, Boxes(xyxy, np.full(len(xyxy), score, np.float32)))


def play(tracker: Tracker, frames: Mapping[int, Iterable[Row]], count: int) -> list[TrackUpdate]:
    """Frames 0 .. `count` - 1; those that are not in `frames` are empty."""
    return [step(tracker, index / FPS, frames.get(index, ())) for index in range(count)]


def ids(update: TrackUpdate) -> list[int]:
    return [int(each) for each in update.tracked.track_id]


def test_each_person_keeps_one_id(algorithm: str) -> None:
    people = {index: (walker(index), walker(index, start=500, step=-6, y=230)) for index in range(30)}
    updates = play(open_tracker(TrackerOptions(algorithm), FPS), people, 30)
    for index, update in enumerate(updates[5:], start=5):
        assert ids(update) == [1, 2]
        by_id = dict(zip(ids(update), update.tracked.xyxy.tolist(), strict=True))
        assert sorted(by_id.values()) == sorted(list(row) for row in people[index])
        assert (by_id[1][1] == 100) == (updates[5].tracked.xyxy[0, 1] == 100)
    assert not any(update.ended for update in updates)


def test_boxes_come_back_unchanged(algorithm: str) -> None:
    updates = play(open_tracker(TrackerOptions(algorithm), FPS), {i: (walker(i),) for i in range(10)}, 10)
    assert updates[-1].tracked.xyxy.tolist() == [list(walker(9))]
    assert updates[-1].tracked.score.tolist() == [np.float32(0.9)]


def test_track_survives_a_gap_within_its_time(algorithm: str) -> None:
    seen = {index: (walker(index, step=2),) for index in range(40) if not 15 <= index < 25}
    updates = play(open_tracker(TrackerOptions(algorithm, lost_s=2.0), FPS), seen, 40)
    assert {each for update in updates for each in ids(update)} == {1}
    assert ids(updates[-1]) == [1]


def test_ended_is_said_once_and_the_id_never_returns(algorithm: str) -> None:
    seen = {index: (walker(index % 50, step=2),) for index in (*range(15), *range(50, 70))}
    tracker = open_tracker(TrackerOptions(algorithm, lost_s=1.0), FPS)
    updates = play(tracker, seen, 70)
    ended = [(index, each) for index, update in enumerate(updates) for each in update.ended]
    assert [each for _, each in ended] == [1]
    assert 24 <= ended[0][0] <= 26  # last seen in frame 14, one second before
    assert {each for update in updates[50:] for each in ids(update)} == {2}


def test_gaps_between_timestamps_count_as_time(algorithm: str) -> None:
    tracker = open_tracker(TrackerOptions(algorithm, lost_s=2.0), FPS)
    for index in range(10):
        step(tracker, index / FPS, [walker(index, step=0)])
    after = [step(tracker, 31.0 + index / FPS, [walker(index, step=0)]) for index in range(5)]
    assert after[0].ended == (1,)
    assert ids(after[-1]) == [2]


def test_frames_may_be_left_out(algorithm: str) -> None:
    """Every third frame alone gives the same people as all of them."""
    tracker = open_tracker(TrackerOptions(algorithm), FPS)
    updates = [step(tracker, index / FPS, [walker(index, step=4)]) for index in range(0, 60, 3)]
    assert {each for update in updates for each in ids(update)} == {1}
    assert ids(updates[-1]) == [1]


def test_repeated_timestamps_do_no_harm(algorithm: str) -> None:
    tracker = open_tracker(TrackerOptions(algorithm), FPS)
    updates = [step(tracker, index // 2 / FPS, [walker(index, step=1)]) for index in range(30)]
    assert ids(updates[-1]) == [1]
    assert {each for update in updates for each in ids(update)} == {1}


def test_time_may_start_anywhere(algorithm: str) -> None:
    people = [[walker(index), walker(index, start=500, step=-6, y=230)] for index in range(20)]
    results = []
    for start_s in (0.0, 1.7e9):
        tracker = open_tracker(TrackerOptions(algorithm), FPS)
        results.append([ids(step(tracker, start_s + index / FPS, rows)) for index, rows in enumerate(people)])
    assert results[0] == results[1]


def test_nobody_is_no_track(algorithm: str) -> None:
    tracker = open_tracker(TrackerOptions(algorithm), FPS)
    updates = play(tracker, {}, 20)
    assert all(len(update.tracked) == 0 and update.ended == () for update in updates)


def test_one_box_alone_is_no_track(algorithm: str) -> None:
    flicker = {10: (walker(0),), 25: (walker(0),)}
    tracker = open_tracker(TrackerOptions(algorithm), FPS)
    assert not any(ids(update) or update.ended for update in play(tracker, flicker, 40))


def test_weak_boxes_start_no_track(algorithm: str) -> None:
    tracker = open_tracker(TrackerOptions(algorithm), FPS)
    updates = [step(tracker, index / FPS, [walker(index)], score=0.3) for index in range(20)]
    assert not any(ids(update) for update in updates)


def noisy_crowd(seed: int, count: int = 80) -> list[Boxes]:
    """Eight people who cross each other, with jitter, misses and false alarms."""
    random = np.random.default_rng(seed)
    start, speed = random.uniform(0, 300, (8, 2)), random.uniform(-5, 5, (8, 2))
    frames = []
    for index in range(count):
        corner = start + speed * index + random.normal(0, 1, (8, 2))
        rows = np.hstack([corner, corner + np.array([40, 100])])[random.random(8) > 0.15]
        alarm = random.uniform(0, 300, (2, 2))
        rows = np.vstack([rows, np.hstack([alarm, alarm + 30])])
        frames.append(Boxes(as_float32(rows), as_float32(random.uniform(0.3, 1, len(rows)))))
    return frames


def follow(tracker: Tracker, boxes: Boxes, index: int) -> tuple[bytes, ...]:
    update = tracker.update(Frame("lobby", index, index * NS_PER_S // 10, IMAGE), boxes)
    tracked = update.tracked
    assert len(set(ids(update))) == len(tracked)
    assert ids(update) == sorted(ids(update))
    return tracked.xyxy.tobytes(), tracked.score.tobytes(), tracked.track_id.tobytes(), bytes(update.ended)


def test_cameras_do_not_touch_each_other(algorithm: str) -> None:
    one, other = noisy_crowd(1), noisy_crowd(2)

    def alone(crowd: list[Boxes]) -> list[tuple[bytes, ...]]:
        tracker = open_tracker(TrackerOptions(algorithm), FPS)
        return [follow(tracker, boxes, index) for index, boxes in enumerate(crowd)]

    first, second = open_tracker(TrackerOptions(algorithm), FPS), open_tracker(TrackerOptions(algorithm), FPS)
    interleaved = [
        (follow(first, a, index), follow(second, b, index)) for index, (a, b) in enumerate(zip(one, other, strict=True))
    ]
    assert interleaved == list(zip(alone(one), alone(other), strict=True))


def test_every_id_ends_exactly_once(algorithm: str) -> None:
    tracker = open_tracker(TrackerOptions(algorithm, lost_s=0.5), FPS)
    seen: set[int] = set()
    ended: list[int] = []
    for index, boxes in enumerate(noisy_crowd(3)):
        update = tracker.update(Frame("lobby", index, index * NS_PER_S // 10, IMAGE), boxes)
        assert not set(ids(update)) & set(ended)
        seen.update(ids(update))
        ended.extend(update.ended)
    assert sorted(seen) == list(range(1, len(seen) + 1))
    assert len(ended) == len(set(ended))
    assert set(ended) < seen


def test_unknown_algorithm_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="expected one of bytetrack, botsort, ocsort, got deepsort"):
        open_tracker(TrackerOptions("deepsort"), FPS)


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_rate_must_be_a_number(fps: float) -> None:
    with pytest.raises(ValueError, match="fps: expected a positive number"):
        open_tracker(TrackerOptions(), fps)


def test_import_warns_of_nothing_and_brings_no_training_stack() -> None:
    code = (
        "import sys, reid_pipeline.track.table; "
        "print([name for name in ('torch', 'matplotlib', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")
