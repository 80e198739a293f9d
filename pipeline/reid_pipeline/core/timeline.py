"""From steps of single cameras to steps of the whole site.

Cameras deliver at their own pace. The associator needs everything that happened up to a moment before it decides about
that moment, whatever order it arrived in. So time is cut into steps of fixed length, and a step is complete once every
camera has delivered something later, has ended, or has been given up waiting for. The result depends on the steps'
content alone: live and replay, one thread or many, give the same sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from reid_pipeline.types import NS_PER_S, EncodedStep

STEP_NS = NS_PER_S // 10


@dataclass(frozen=True, slots=True)
class TimeStep:
    """All camera steps with `start_ns <= timestamp_ns < start_ns + STEP_NS`, by time, then camera order."""

    start_ns: int
    steps: tuple[EncodedStep, ...]


def in_time_steps(steps: Iterable[EncodedStep]) -> Iterator[TimeStep]:
    """Cut steps that are in the order of a timeline already, as in a journal, into the same time steps again."""
    for bucket, group in groupby(steps, key=lambda step: step.timestamp_ns // STEP_NS):
        yield TimeStep(bucket * STEP_NS, tuple(group))


@dataclass(slots=True)
class Timeline:
    """Collects camera steps and releases complete time steps in order.

    `starts_ns` says of cameras that begin later than at zero when that is; nobody waits for them before.

    A step that comes after its time was released (its camera had been given up) can no longer be decided about; it is
    counted in `late`.
    """

    cameras: Sequence[str]
    starts_ns: Mapping[str, int] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    _watermark_ns: dict[str, int] = field(default_factory=dict)
    _waiting: dict[int, list[EncodedStep]] = field(default_factory=dict)
    _released: int | None = None

    def __post_init__(self) -> None:
        self._watermark_ns = {camera: self.starts_ns.get(camera, 0) for camera in self.cameras}
        self.late = dict.fromkeys(self.cameras, 0)

    def push(self, step: EncodedStep) -> list[TimeStep]:
        """Take a camera's next step; returns the time steps that are complete now."""
        bucket = step.timestamp_ns // STEP_NS
        if self._released is not None and bucket <= self._released:
            self.late[step.camera] += 1
            return []
        self._waiting.setdefault(bucket, []).append(step)
        self._watermark_ns[step.camera] = step.timestamp_ns
        return self._release()

    def end(self, camera: str) -> list[TimeStep]:
        """Wait for the camera no longer; should it deliver again after all, it counts again."""
        self._watermark_ns.pop(camera, None)
        return self._release()

    def _release(self) -> list[TimeStep]:
        open_bucket = min((mark // STEP_NS for mark in self._watermark_ns.values()), default=None)
        ready = sorted(bucket for bucket in self._waiting if open_bucket is None or bucket < open_bucket)
        return [self._take(bucket) for bucket in ready]

    def _take(self, bucket: int) -> TimeStep:
        order = {camera: i for i, camera in enumerate(self.cameras)}
        steps = sorted(self._waiting.pop(bucket), key=lambda step: (step.timestamp_ns, order[step.camera], step.index))
        self._released = bucket
        return TimeStep(bucket * STEP_NS, tuple(steps))
