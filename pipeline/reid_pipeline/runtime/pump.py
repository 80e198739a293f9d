"""Frames in, encoded steps out, with the models working beside the Python code.

Detection and encoding are submitted ahead and collected in the order of submission, so several requests are always
under way and the order of results never depends on which request was quicker. Batches are cut from what was pushed, not
from when it arrived: the same frames give the same batches.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reid_engines.protocol import Encoder
from reid_pipeline.detect.protocol import Detector
from reid_pipeline.runtime.camera import CameraStage, unseen
from reid_pipeline.runtime.stopwatch import Stopwatch
from reid_pipeline.types import Boxes, CameraStep, Crop, EncodedStep, Frame, Observation

Vectors = NDArray[np.float32]

PATIENCE_STEPS = 32
"""A batch of crops is submitted after so many steps even when it is not full."""

AHEAD_STEPS = 2 * PATIENCE_STEPS
"""So many steps may wait for their vectors before the pump waits for the oldest."""


@dataclass(frozen=True, slots=True)
class _Detecting:
    frames: Sequence[Frame]
    boxes: Future[list[Boxes]]


@dataclass(slots=True)
class _Encoding:
    step: CameraStep
    vectors: list[tuple[Future[Vectors], int]] = field(default_factory=list)

    def is_submitted(self) -> bool:
        return len(self.vectors) == len(self.step.crops)

    def is_done(self) -> bool:
        return all(vectors.done() for vectors, _ in self.vectors)


class Pump:
    """Detection, tracking, cropping and encoding of all cameras.

    The detector looks at every `every`-th frame that is pushed of a camera; the others give empty steps. What comes out
    is iterated over, so a model that fails takes nothing along that was finished before.
    """

    def __init__(
        self, detector: Detector, encoder: Encoder, cameras: Mapping[str, CameraStage], *, every: int, watch: Stopwatch
    ) -> None:
        self._detector = detector
        self._encoder = encoder
        self._cameras = cameras
        self._every = every
        self._watch = watch
        self._pushed: Counter[str] = Counter()
        self._patience = 0
        self._frames: list[Frame] = []
        self._submitted = 0
        self._detecting: deque[_Detecting | CameraStep] = deque()
        self._crops: list[tuple[_Encoding, Crop]] = []
        self._encoding: deque[_Encoding] = deque()

    def push(self, frame: Frame) -> Iterator[EncodedStep]:
        """Take one more frame; gives the steps that are finished, waiting for the oldest when too many are not."""
        skipped = self._pushed[frame.camera] % self._every
        self._pushed[frame.camera] += 1
        if skipped:
            self._cut_detection()
            self._detecting.append(unseen(frame))
        else:
            self._frames.append(frame)
            if len(self._frames) >= self._detector.batch:
                self._cut_detection()
        yield from self._collect(ahead=self._detector.parallel + 1)

    def flush(self) -> Iterator[EncodedStep]:
        """Submit what waits for a full batch; gives what is finished, without waiting for more."""
        self._cut_detection()
        yield from self._collect(ahead=self._detector.parallel + 1)
        self._cut_encoding()
        yield from self._emit(ahead=AHEAD_STEPS)

    def drain(self) -> Iterator[EncodedStep]:
        """Everything that is still under way."""
        self._cut_detection()
        yield from self._collect(ahead=0)
        self._cut_encoding()
        yield from self._emit(ahead=0)

    def salvage(self) -> Iterator[EncodedStep]:
        """After a failure: what the detector had done before. Raises again if it is the encoder that failed."""
        self._cut_encoding()
        yield from self._emit(ahead=0)

    def _cut_detection(self) -> None:
        if self._frames:
            frames, self._frames = self._frames, []
            with self._watch.measure("detect"):
                self._detecting.append(_Detecting(frames, self._detector.submit(frames)))
            self._submitted += 1

    def _cut_encoding(self) -> None:
        self._patience = 0
        if self._crops:
            batch, self._crops = self._crops, []
            with self._watch.measure("encode"):
                vectors = self._encoder.submit([crop.image for _, crop in batch])
            for row, (encoding, _) in enumerate(batch):
                encoding.vectors.append((vectors, row))

    def _collect(self, ahead: int) -> Iterator[EncodedStep]:
        """Go on with detections that are done; wait while more than `ahead` are not."""
        while self._detecting:
            head = self._detecting[0]
            if isinstance(head, CameraStep):
                self._queue(head)
            elif self._submitted > ahead or head.boxes.done():
                with self._watch.measure("detect"):
                    found = head.boxes.result()
                for frame, boxes in zip(head.frames, found, strict=True):
                    self._queue(self._cameras[frame.camera].step(frame, boxes))
                self._submitted -= 1
            else:
                break
            self._detecting.popleft()
        yield from self._emit(ahead=AHEAD_STEPS)

    def _queue(self, step: CameraStep) -> None:
        encoding = _Encoding(step)
        self._encoding.append(encoding)
        for crop in step.crops:
            self._crops.append((encoding, crop))
            if len(self._crops) >= self._encoder.batch:
                self._cut_encoding()
        self._patience += 1
        if self._patience >= PATIENCE_STEPS:
            self._cut_encoding()

    def _emit(self, ahead: int) -> Iterator[EncodedStep]:
        """The steps at the head of the line whose vectors are there; wait for them while more than `ahead` are left."""
        while self._encoding:
            head = self._encoding[0]
            if not head.is_submitted() or not (head.is_done() or len(self._encoding) > ahead):
                break
            with self._watch.measure("encode"):
                rows = [vectors.result()[row] for vectors, row in head.vectors]
            self._encoding.popleft()
            yield encoded(head.step, rows)


def encoded(step: CameraStep, vectors: Sequence[Vectors]) -> EncodedStep:
    """The step with its crops turned into observations."""
    observations = tuple(
        Observation(c.camera, c.track_id, c.frame_index, c.timestamp_ns, c.xyxy, c.quality, vector)
        for c, vector in zip(step.crops, vectors, strict=True)
    )
    return EncodedStep(step.camera, step.index, step.timestamp_ns, step.tracked, observations, step.ended)
