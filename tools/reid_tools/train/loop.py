"""Runs the stages of a training one after the other, so that it can be stopped and taken up at any step.

What a step does depends on the stage's state and the step's number alone, so a run that was interrupted ends with the
same weights as one that was not (on the same machine; other machines round differently).
"""

from __future__ import annotations

import csv
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from reid_pipeline.errors import PipelineError
from reid_pipeline.runtime.report import Progress
from reid_tools.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


class TrainingError(PipelineError):
    """Training cannot go on."""


class Stage(Protocol):
    """One part of a training. All randomness of `step` follows from the recipe's seed, `name` and `index`."""

    name: str
    steps: int

    def prepare(self) -> None:
        """Get ready; may take long. What earlier stages left behind is there unless `load` comes next."""

    def step(self, index: int) -> Mapping[str, float]:
        """One step of optimisation; gives figures to log, `loss` among them."""

    def state(self) -> dict[str, Any]:
        """Tensors and plain values that bring another one to this point."""

    def load(self, state: dict[str, Any]) -> None:
        """Take up a `state`."""


@dataclass(frozen=True, slots=True)
class Run:
    """What holds for all stages of a run.

    `recipe` is a hash of the recipe and its data, `memory_hint` the setting to lower when memory runs out. A process
    that is not the `writer` of a distributed run leaves files alone.
    """

    folder: Path
    recipe: str
    progress: Progress
    memory_hint: str
    save_every_s: float = 120.0
    log_every: int = 20
    writer: bool = True


def run_stages(stages: Sequence[Stage], run: Run) -> None:
    """Train all stages, going on from the folder's checkpoint when there is one.

    Raises `TrainingError` for a loss that is not finite and when memory runs out, `KeyboardInterrupt` after SIGINT once
    the step is done and saved, and what the checkpoint functions raise.
    """
    checkpoint = load_checkpoint(run.folder, run.recipe)
    names = [stage.name for stage in stages]
    first = names.index(checkpoint.stage) if checkpoint else 0
    for stage in stages[first:]:
        done = 0
        stage.prepare()
        if checkpoint and stage.name == checkpoint.stage:
            stage.load(checkpoint.state)
            done = checkpoint.step
        if done < stage.steps:
            _train(stage, done, run)


def _train(stage: Stage, done: int, run: Run) -> None:
    log = _Log(run.folder / f"{stage.name}.csv", run.log_every, done) if run.writer else None
    saved_at = time.monotonic()
    run.progress.begin(stage.name, stage.steps)
    with _gentle_interrupt() as interrupted:
        for index in range(done, stage.steps):
            figures = _guarded(stage, index, run)
            run.progress.advance(stage.name, index + 1)
            if log:
                log.add(index, figures)
            last = index + 1 == stage.steps
            if last or interrupted() or time.monotonic() - saved_at > run.save_every_s:
                if run.writer:
                    save_checkpoint(run.folder, Checkpoint(run.recipe, stage.name, index + 1, stage.state()))
                saved_at = time.monotonic()
            if interrupted() and not last:
                run.progress.end(stage.name)
                run.progress.note(
                    f"{stage.name}: stopped after step {index + 1} of {stage.steps}; run it again to go on"
                )
                raise KeyboardInterrupt
    run.progress.end(stage.name)


def _guarded(stage: Stage, index: int, run: Run) -> Mapping[str, float]:
    try:
        figures = stage.step(index)
    except (torch.OutOfMemoryError, MemoryError):
        raise TrainingError(f"{stage.name}: not enough memory at step {index}; lower {run.memory_hint}") from None
    except RuntimeError as error:
        # How torch says it on a CPU.
        if "can't allocate memory" in str(error):
            raise TrainingError(f"{stage.name}: not enough memory at step {index}; lower {run.memory_hint}") from None
        raise
    broken = [name for name, value in figures.items() if not math.isfinite(value)]
    if broken:
        raise TrainingError(
            f"{stage.name}: {', '.join(broken)} not finite at step {index}; lower the learning rate "
            f"(the last good state is kept in {run.folder})"
        )
    return figures


@contextmanager
def _gentle_interrupt() -> Iterator[Callable[[], bool]]:
    """Take SIGINT as a wish that is asked for between steps; a second one ends the process as usual."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    asked = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def ask(*_: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(slots=True)
class _Log:
    """Means over `every` steps as rows of a CSV file; rows of steps that will be done again are dropped first."""

    path: Path
    every: int
    done: int
    _sums: dict[str, float] = field(default_factory=dict)
    _count: int = 0
    _since: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        rows: list[list[str]] = []
        if self.done and self.path.exists():
            with self.path.open(newline="") as file:
                rows = [row for row in csv.reader(file) if row[0] == "step" or int(row[0]) <= self.done]
        with self.path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)

    def add(self, index: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if (index + 1) % self.every:
            return
        now = time.monotonic()
        means = {name: f"{total / self._count:.5f}" for name, total in self._sums.items()}
        row = {"step": index + 1, **means, "s_per_step": f"{(now - self._since) / self._count:.3f}"}
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(row)
        self._sums, self._count, self._since = {}, 0, now
