"""Frames in, encoded steps out: in order, bounded, in batches that depend on the frames alone."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from erratic_models import ErraticDetector, ErraticEncoder
from reid_engines.encoders import open_encoder
from reid_engines.protocol import Encoder
from reid_pipeline.core.crops import CropChooser
from reid_pipeline.detect.protocol import Detector
from reid_pipeline.detect.recorded import RecordedDetector
from reid_pipeline.runtime.camera import CameraStage
from reid_pipeline.runtime.pump import AHEAD_STEPS, Pump
from reid_pipeline.runtime.stopwatch import Stopwatch
from reid_pipeline.track.table import TrackerOptions, open_tracker
from reid_pipeline.types import NS_PER_S, EncodedStep, Frame
from tiny_site import FIGURE, TOP, Walk, boxes_of, picture

WALKS = {
    "a": [Walk(0, 0.0, 20.0), Walk(1, 0.0, 20.0, (0.95, 0.05))],
    "b": [Walk(2, 0.0, 20.0, (0.3, 0.4))],
    "empty": [],
}


def detector(folder: Path) -> RecordedDetector:
    for camera, walks in WALKS.items():
        rows = [row for index in range(200) for row in boxes_of(walks, index, index / 10)]
        (folder / f"{camera}.txt").write_text("".join(rows))
    return RecordedDetector({camera: folder / f"{camera}.txt" for camera in WALKS}, 0.25)


def frames(count: int, cameras: Iterable[str] = WALKS) -> list[Frame]:
    """So many frames of every camera in turn."""
    return [
        Frame(camera, index, index * NS_PER_S // 10, picture(WALKS[camera], index / 10))
        for index in range(count)
        for camera in cameras
    ]


def pump(detector: Detector, encoder: Encoder, *, every: int = 1) -> Pump:
    stages = {camera: CameraStage(open_tracker(TrackerOptions(), 10.0), CropChooser(), Stopwatch()) for camera in WALKS}
    return Pump(detector, encoder, stages, every=every, watch=Stopwatch())


def feed(one: Pump, given: Sequence[Frame], steps: list[EncodedStep]) -> None:
    """Push the frames and collect what comes out, also where that ends with an error."""
    for frame in given:
        steps.extend(one.push(frame))


def through(one: Pump, given: Sequence[Frame]) -> list[EncodedStep]:
    steps: list[EncodedStep] = []
    feed(one, given, steps)
    return steps + list(one.drain())


def fingerprint(step: EncodedStep) -> tuple[object, ...]:
    looks = tuple((look.track_id, look.vector.tobytes()) for look in step.observations)
    return step.camera, step.index, step.tracked.xyxy.tobytes(), step.tracked.track_id.tobytes(), looks


@pytest.mark.parametrize("batch", [1, 3])
def test_results_come_in_the_order_of_the_frames_whichever_answer_was_quicker(tmp_path: Path, batch: int) -> None:
    given = frames(30)
    plain = through(pump(detector(tmp_path), open_encoder("color-stripes")), given)
    shuffled_models = (
        ErraticDetector(detector(tmp_path), batch=batch),
        ErraticEncoder(open_encoder("color-stripes"), batch=2 * batch),
    )
    shuffled = through(pump(*shuffled_models), given)
    assert [(step.camera, step.index) for step in shuffled] == [(frame.camera, frame.index) for frame in given]
    assert [fingerprint(step) for step in shuffled] == [fingerprint(step) for step in plain]
    assert sum(len(step.observations) for step in shuffled) > 20
    for model in shuffled_models:
        model.close()


def test_batches_are_cut_from_the_frames_and_not_from_when_answers_come(tmp_path: Path) -> None:
    cuts = []
    for longest_s in (0.0, 0.02):
        looking = ErraticDetector(detector(tmp_path), batch=4, longest_s=longest_s)
        encoding = ErraticEncoder(open_encoder("color-stripes"), batch=3, longest_s=longest_s)
        through(pump(looking, encoding), frames(25))
        cuts.append((looking.batches, encoding.batches))
        looking.close()
        encoding.close()
    assert cuts[0] == cuts[1]
    assert {len(batch) for batch in cuts[0][0][:-1]} == {4}
    assert max(cuts[0][1]) == 3


def test_every_third_frame_is_looked_at_and_all_give_a_step(tmp_path: Path) -> None:
    looking = ErraticDetector(detector(tmp_path), longest_s=0.0)
    steps = through(pump(looking, open_encoder("color-stripes"), every=3), frames(30, "ab"))
    looking.close()
    assert [(step.camera, step.index) for step in steps] == [(c, i) for i in range(30) for c in "ab"]
    assert [seen for batch in looking.batches for seen in batch] == [(c, i) for i in range(0, 30, 3) for c in "ab"]
    tracked = {step.index for step in steps if step.camera == "a" and len(step.tracked)}
    assert tracked == set(range(3, 30, 3)), "tracks are confirmed with their second box and live on between"
    ids = {track_id for step in steps if step.camera == "b" for track_id in step.tracked.track_id.tolist()}
    assert ids == {1}


def test_every_counts_the_frames_that_come_and_not_those_that_were_skipped(tmp_path: Path) -> None:
    """A live camera whose frames are skipped may only ever deliver odd indices."""
    looking = ErraticDetector(detector(tmp_path), longest_s=0.0)
    odd = [frame for frame in frames(40, "a") if frame.index % 2]
    through(pump(looking, open_encoder("color-stripes"), every=2), odd)
    looking.close()
    assert [batch[0][1] for batch in looking.batches] == [frame.index for frame in odd[::2]]


def test_frames_without_people_are_steps_too(tmp_path: Path) -> None:
    steps = through(pump(detector(tmp_path), open_encoder("color-stripes")), frames(200, ["empty"]))
    assert [step.index for step in steps] == list(range(200))
    assert not any(len(step.tracked) or step.observations for step in steps)


@pytest.mark.parametrize("every", [1, 40])
def test_only_so_many_frames_and_crops_are_under_way(tmp_path: Path, every: int) -> None:
    batch, parallel = 2, 3
    looking = ErraticDetector(detector(tmp_path), batch=batch, parallel=parallel, longest_s=0.004)
    encoding = ErraticEncoder(open_encoder("color-stripes"), batch=8, longest_s=0.02)
    one = pump(looking, encoding, every=every)
    alive: list[weakref.ref[np.ndarray]] = []
    waiting, most_images, most_steps = 0, 0, 0
    for frame in (_frame(index) for index in range(600)):
        alive = [image for image in [*alive, weakref.ref(frame.image)] if image() is not None]
        waiting += 1 - len(list(one.push(frame)))
        most_images, most_steps = max(most_images, len(alive)), max(most_steps, waiting)
    list(one.drain())
    looking.close()
    encoding.close()
    assert most_images <= batch * (parallel + 3)
    assert most_steps <= AHEAD_STEPS + every * batch * (parallel + 3)


def _frame(index: int) -> Frame:
    return Frame("a", index, index * NS_PER_S // 10, picture(WALKS["a"], index / 10 % 20))


def test_the_encoder_works_beside_and_is_not_waited_for(tmp_path: Path) -> None:
    encoding = ErraticEncoder(open_encoder("color-stripes"), batch=1, parallel=1, longest_s=0.3)
    one = pump(detector(tmp_path), encoding)
    begun_s = time.monotonic()
    early = [step for frame in frames(40, "b") for step in one.push(frame)]
    pushed_s = time.monotonic() - begun_s
    late = list(one.drain())
    drained_s = time.monotonic() - begun_s
    encoding.close()
    assert len(early) + len(late) == 40
    assert drained_s > 2 * pushed_s, f"{len(encoding.batches)} answers took {drained_s} s, {pushed_s} s of it pushing"


def test_nothing_that_was_finished_is_lost_when_the_detector_breaks_down(tmp_path: Path) -> None:
    looking = ErraticDetector(detector(tmp_path), broken_from=20, error=RuntimeError("out of order"))
    one = pump(looking, open_encoder("color-stripes"))
    steps: list[EncodedStep] = []
    with pytest.raises(RuntimeError, match="out of order"):
        feed(one, frames(40, "a"), steps)
    steps += one.salvage()
    looking.close()
    assert [step.index for step in steps] == list(range(20))
    assert sum(len(step.observations) for step in steps) > 4


def test_nothing_that_was_finished_is_lost_when_the_encoder_breaks_down(tmp_path: Path) -> None:
    encoding = ErraticEncoder(open_encoder("color-stripes"), batch=2, broken_from=4)
    one = pump(detector(tmp_path), encoding)
    steps: list[EncodedStep] = []
    with pytest.raises(RuntimeError, match="broken down"):
        feed(one, frames(100, "a"), steps)
    with pytest.raises(RuntimeError, match="broken down"):
        steps += one.salvage()
    encoding.close()
    assert [step.index for step in steps] == list(range(len(steps))), "no gap where the encoder failed"
    assert sum(len(step.observations) for step in steps) == 4


def test_a_flush_sends_what_waits_for_company(tmp_path: Path) -> None:
    looking = ErraticDetector(detector(tmp_path), batch=64, longest_s=0.0)
    encoding = ErraticEncoder(open_encoder("color-stripes"), batch=64, longest_s=0.0)
    one = pump(looking, encoding)
    given = frames(4, "b")
    assert [step for frame in given for step in one.push(frame)] == []
    steps: list[EncodedStep] = []
    for _ in range(1000):
        steps += one.flush()
        if len(steps) == 4:
            break
        time.sleep(0.002)
    else:
        pytest.fail("nothing came out without a full batch")
    looking.close()
    encoding.close()
    (look,) = steps[1].observations
    assert look.xyxy[3] - look.xyxy[1] == pytest.approx(FIGURE[1], abs=2)
    assert look.xyxy[1] == pytest.approx(TOP, abs=2)
