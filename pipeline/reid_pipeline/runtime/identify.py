"""From encoded steps of single cameras to people: time is put in order, identities are decided, both are kept."""

from __future__ import annotations

from collections.abc import Iterable

from reid_pipeline.core.associator import Associator
from reid_pipeline.core.splitting import Splitter
from reid_pipeline.core.timeline import STEP_NS, Timeline, TimeStep
from reid_pipeline.runtime.memory import Memory
from reid_pipeline.runtime.outputs import Outputs
from reid_pipeline.runtime.stopwatch import Stopwatch
from reid_pipeline.types import NS_PER_S, EncodedStep


class Identify:
    """`commit_every_s` of recorded time passes between two commits to the gallery; None commits once, at the end."""

    def __init__(
        self,
        associator: Associator,
        memory: Memory,
        outputs: Outputs,
        *,
        timeline: Timeline,
        commit_every_s: float | None,
        watch: Stopwatch,
    ) -> None:
        self.associator = associator
        self._splitter = Splitter(associator.rules.familiar)
        self._memory = memory
        self._outputs = outputs
        self._timeline = timeline
        self._commit_every_ns = None if commit_every_s is None else round(commit_every_s * NS_PER_S)
        self._committed_ns: int | None = None
        self._watch = watch

    @property
    def late(self) -> dict[str, int]:
        """Frames per camera that came after their time had been decided."""
        return self._timeline.late

    def take(self, steps: Iterable[EncodedStep]) -> None:
        """Go on with steps as they come out of the pump."""
        for step in steps:
            self.decide(self._timeline.push(step))

    def wait_no_longer_for(self, camera: str) -> None:
        """The camera has ended, or has been silent for too long."""
        self.decide(self._timeline.end(camera))

    def decide(self, time_steps: Iterable[TimeStep]) -> None:
        """Go on with time steps that are complete."""
        for seen in time_steps:
            time_step = self._splitter.split(seen)
            with self._watch.measure("write"):
                for raw, step in zip(seen.steps, time_step.steps, strict=True):
                    self._outputs.step(raw, step)
                self._outputs.tell_held(before_ns=time_step.start_ns + STEP_NS)
                self._memory.witness(time_step.steps)
            with self._watch.measure("associate"):
                decisions = self.associator.step(time_step)
            self._outputs.decided(decisions)
            self._memory.learn(decisions.assignments)
            self._commit_when_due(time_step.start_ns)
            forgotten = self._memory.tick(time_step.start_ns)
            if forgotten:
                self.associator.forget(forgotten)

    def finish(self) -> None:
        """The last word on everything; the gallery does not know of it yet."""
        with self._watch.measure("associate"):
            decisions = self.associator.finish()
        self._outputs.tell_held()
        self._outputs.decided(decisions)
        self._memory.learn(decisions.assignments)

    def commit(self) -> None:
        """Let the gallery know what is new."""
        with self._watch.measure("write"):
            change = self.associator.take_change()
            if change is not None:
                self._memory.commit(change)

    def _commit_when_due(self, now_ns: int) -> None:
        if self._commit_every_ns is None:
            return
        if self._committed_ns is None:
            self._committed_ns = now_ns
        elif now_ns - self._committed_ns >= self._commit_every_ns:
            self._committed_ns = now_ns
            self.commit()
            self.associator.hear(self._memory.news())
