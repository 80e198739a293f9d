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
from reid_pipeline.records.files import reading, write_text, writing
from reid_pipeline.runtime.report import Progress
from reid_tools.train.checkpoint import NAME, Checkpoint, load_checkpoint, save_checkpoint
from reid_tools.train.world import World

_ALONE = World(0, 1, torch.device("cpu"))


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

    `recipe` is a hash of the recipe and its data, `memory_hint` the setting to lower when memory runs out. Of the
    processes of a `world` only the writer touches files, and all stop when one of them is asked to.
    """

    folder: Path
    recipe: str
    progress: Progress
    memory_hint: str
    save_every_s: float = 120.0
    log_every: int = 20
    world: World = _ALONE


def run_stages(stages: Sequence[Stage], run: Run) -> None:
    """Train all stages, going on from the folder's checkpoint when there is one.

    Raises `TrainingError` for losses or weights that are not finite and when memory runs out, `KeyboardInterrupt` after
    SIGINT once the step is done and saved, `RecordError` for a log that cannot be written, and what the checkpoint
    functions raise.
    """
    checkpoint = load_checkpoint(run.folder, run.recipe)
    names = [stage.name for stage in stages]
    first = names.index(checkpoint.stage) if checkpoint else 0
    for stage in stages[first:]:
        done = 0
        with _enough_memory(f"{stage.name}: not enough memory to begin", run):
            stage.prepare()
            if checkpoint and stage.name == checkpoint.stage:
                stage.load(checkpoint.state)
                done = checkpoint.step
        if done < stage.steps:
            _train(stage, done, run, final=stage is stages[-1])


def _train(stage: Stage, done: int, run: Run, *, final: bool) -> None:
    log = _Log(run.folder / f"{stage.name}.csv", run.log_every, done) if run.world.writer else None
    saved_at = time.monotonic()
    run.progress.begin(stage.name, stage.steps)
    with _gentle_interrupt() as interrupted:
        for index in range(done, stage.steps):
            figures = _figures(stage, index, run)
            run.progress.advance(stage.name, index + 1)
            if log:
                log.add(index, figures)
            last = index + 1 == stage.steps
            saved = last or time.monotonic() - saved_at > run.save_every_s
            if saved:
                _save(stage, index + 1, run)
                saved_at = time.monotonic()
            # After the very last step everything is done, and a wish to stop comes too late.
            if not (last and final) and _anyone(interrupted(), run.world):
                if not saved:
                    _save(stage, index + 1, run)
                run.progress.end(stage.name)
                run.progress.note(
                    f"{stage.name}: stopped after step {index + 1} of {stage.steps}; run it again to go on"
                )
                raise KeyboardInterrupt
    run.progress.end(stage.name)


def _figures(stage: Stage, index: int, run: Run) -> Mapping[str, float]:
    """Do a step; gives its figures, all of them finite."""
    with _enough_memory(f"{stage.name}: not enough memory at step {index}", run):
        figures = stage.step(index)
    broken = [name for name, value in figures.items() if not math.isfinite(value)]
    if broken:
        raise _diverged(f"{stage.name}: {', '.join(broken)} not finite at step {index}", run)
    return figures


def _save(stage: Stage, done: int, run: Run) -> None:
    """Save where the stage stands, unless the step that gave good figures has spoilt the weights all the same."""
    if not run.world.writer:
        return
    state = stage.state()
    if not _is_finite(state):
        raise _diverged(f"{stage.name}: weights not finite after step {done - 1}", run)
    save_checkpoint(run.folder, Checkpoint(run.recipe, stage.name, done, state))


def _is_finite(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return not value.is_floating_point() or bool(value.isfinite().all())
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    return not isinstance(value, list | tuple) or all(map(_is_finite, value))


def _diverged(what: str, run: Run) -> TrainingError:
    kept = f" (the last good state is kept in {run.folder})" if (run.folder / NAME).exists() else ""
    return TrainingError(f"{what}; lower the learning rate{kept}")


@contextmanager
def _enough_memory(otherwise: str, run: Run) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # On a GPU torch has an error of its own for it, on a CPU it says it in words.
        out = isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
        if not out:
            raise
        raise TrainingError(f"{otherwise}; lower {run.memory_hint}") from None


def _anyone(wish: bool, world: World) -> bool:
    """Whether any process wishes so. A signal reaches them in different steps, and they can only stop in the same."""
    return bool(world.total(torch.tensor(float(wish), device=world.device)).item())


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
        write_text(self.path, "".join(self._rows_of_what_stays()) if self.done and self.path.exists() else "")

    def _rows_of_what_stays(self) -> Iterator[str]:
        with reading(self.path):
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines:
            # A power cut may have left something that is no row.
            step = line.partition(",")[0]
            if step == "step" or (step.isdecimal() and int(step) <= self.done):
                yield f"{line}\n"

    def add(self, index: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if (index + 1) % self.every:
            return
        now = time.monotonic()
        means = {name: f"{total / self._count:.5f}" for name, total in self._sums.items()}
        row = {"step": index + 1, **means, "s_per_step": f"{(now - self._since) / self._count:.3f}"}
        with writing(self.path), self.path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(row)
        self._sums, self._count, self._since = {}, 0, now
