"""The loop around the stages: taken up at any step, stopped by signals, ended by what cannot go on."""

from __future__ import annotations

import math
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import tiny_training
from reid_pipeline.errors import ConfigError, RecordError
from reid_pipeline.runtime.report import Quiet
from reid_tools.train.checkpoint import NAME, Checkpoint, load_checkpoint, save_checkpoint
from reid_tools.train.loop import Run, TrainingError, run_stages
from reid_tools.train.world import World
from tiny_training import (
    RECIPE,
    STEPS,
    Before,
    Crash,
    Fit,
    crash_at,
    interrupt_at,
    no_room_for,
    rows_of,
    train,
    weights_in,
)

EVERY_STEP = [(stage, step) for stage, steps in STEPS.items() for step in range(steps)]
NEVER_S = 1e9
PATIENCE_S = 300


class Notes(Quiet):
    """Keeps what is said and done."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.tasks: list[tuple[str, int | None]] = []
        self.done: list[tuple[str, int]] = []

    def begin(self, task: str, total: int | None) -> None:
        self.tasks.append((task, total))

    def advance(self, task: str, done: int) -> None:
        self.done.append((task, done))

    def end(self, task: str) -> None:
        self.tasks.append((task, None))

    def note(self, text: str) -> None:
        self.notes.append(text)


def nothing(stage: str, step: int) -> None:
    """Nothing happens before a step."""


def place_in(folder: Path) -> tuple[str, int]:
    checkpoint = load_checkpoint(folder, RECIPE)
    assert checkpoint is not None
    return checkpoint.stage, checkpoint.step


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that nothing disturbed."""
    folder = tmp_path_factory.mktemp("straight")
    train(folder, Quiet())
    return folder


def test_stages_run_one_after_the_other_and_say_how_far_they_are(tmp_path: Path) -> None:
    notes = Notes()
    train(tmp_path, notes)
    assert notes.tasks == [("rough", 4), ("rough", None), ("fine", 6), ("fine", None)]
    assert notes.done == [(stage, step + 1) for stage, step in EVERY_STEP]
    assert notes.notes == []
    assert place_in(tmp_path) == ("fine", 6)
    assert {path.name for path in tmp_path.iterdir()} == {NAME, "rough.csv", "fine.csv"}
    losses = [float(row["loss"]) for row in rows_of(tmp_path / "fine.csv")]
    assert losses[-1] < float(rows_of(tmp_path / "rough.csv")[0]["loss"]) / 2


@pytest.mark.parametrize("save_every_s", [0, NEVER_S])
@pytest.mark.parametrize("place", EVERY_STEP)
def test_a_crash_at_any_step_changes_no_bit_of_the_result(
    tmp_path: Path, straight: Path, place: tuple[str, int], save_every_s: float
) -> None:
    with pytest.raises(Crash):
        train(tmp_path, Quiet(), crash_at(place), save_every_s=save_every_s)
    train(tmp_path, Quiet(), save_every_s=save_every_s)
    assert torch.equal(weights_in(tmp_path), weights_in(straight))


@pytest.mark.parametrize("place", EVERY_STEP[:-1])
def test_an_interrupt_at_any_step_is_heeded_after_it(tmp_path: Path, straight: Path, place: tuple[str, int]) -> None:
    notes, handler = Notes(), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, notes, interrupt_at(place))
    stage, step = place
    assert signal.getsignal(signal.SIGINT) is handler
    assert notes.notes == [f"{stage}: stopped after step {step + 1} of {STEPS[stage]}; run it again to go on"]
    assert notes.tasks[-1] == (stage, None)
    assert place_in(tmp_path) == (stage, step + 1)
    train(tmp_path, notes)
    assert torch.equal(weights_in(tmp_path), weights_in(straight))


def test_interrupted_again_and_again_it_comes_to_the_same_end(tmp_path: Path, straight: Path) -> None:
    for place in EVERY_STEP[:-1]:
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, Quiet(), interrupt_at(place))
    train(tmp_path, Quiet())
    assert torch.equal(weights_in(tmp_path), weights_in(straight))
    for name in STEPS:
        wanted, found = (rows_of(folder / f"{name}.csv") for folder in (straight, tmp_path))
        assert [(row["step"], row["loss"]) for row in found] == [(row["step"], row["loss"]) for row in wanted]


def train_by(stages: list[Fit], folder: Path, **settings: Any) -> None:
    run_stages(stages, Run(folder, RECIPE, Quiet(), memory_hint="batch.points", **settings))


def test_an_interrupt_while_the_end_of_a_stage_is_saved_is_heeded(tmp_path: Path) -> None:
    class Interrupting(Fit):
        def state(self) -> dict[str, Any]:
            signal.raise_signal(signal.SIGINT)
            return super().state()

    model = nn.Linear(3, 1)
    with pytest.raises(KeyboardInterrupt):
        train_by([Interrupting("rough", model, nothing), Fit("fine", model, nothing)], tmp_path)
    assert place_in(tmp_path) == ("rough", STEPS["rough"])


def test_an_interrupt_in_the_very_last_step_comes_too_late(tmp_path: Path, straight: Path) -> None:
    train(tmp_path, Quiet(), interrupt_at(EVERY_STEP[-1]))
    assert torch.equal(weights_in(tmp_path), weights_in(straight))


def test_what_is_finished_is_not_done_again(straight: Path) -> None:
    before = {path: path.read_bytes() for path in straight.iterdir()}
    notes = Notes()
    train(straight, notes)
    assert notes.tasks == []
    assert {path: path.read_bytes() for path in straight.iterdir()} == before


def test_outside_the_main_thread_it_trains_the_same(tmp_path: Path, straight: Path) -> None:
    thread = threading.Thread(target=train, args=(tmp_path, Quiet()))
    thread.start()
    thread.join()
    assert torch.equal(weights_in(tmp_path), weights_in(straight))


def test_only_the_writer_writes(tmp_path: Path) -> None:
    second = World(1, 1, torch.device("cpu"))
    train(tmp_path, Quiet(), world=second)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, Quiet(), interrupt_at(("fine", 2)), world=second)
    assert list(tmp_path.iterdir()) == []


# --- as a process of its own


def started(folder: Path, seconds_per_step: float, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, tiny_training.__file__, str(folder), str(seconds_per_step)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", **variables}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(line: str, process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for written in process.stdout:
        if written.strip() == line:
            return
    raise AssertionError(f"{line!r} never came: {process.stderr.read() if process.stderr else ''}")


def test_a_real_interrupt_lets_the_step_be_done_and_saved(tmp_path: Path, straight: Path) -> None:
    with started(tmp_path, 0.2) as process:
        wait_for("fine 2", process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    (line,) = said.splitlines()
    stage, step = place_in(tmp_path)
    assert line == f"{stage}: stopped after step {step} of 6; run it again to go on"
    assert step >= 3
    with started(tmp_path, 0) as process:
        shown, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (0, "")
    assert shown.splitlines() == [f"fine {index}" for index in range(step, 6)]
    assert torch.equal(weights_in(tmp_path), weights_in(straight))


def test_processes_that_train_together_stop_together(tmp_path: Path, straight: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    with ExitStack() as ending:
        writer, other = (
            ending.enter_context(started(tmp_path, 0.1, **meeting, RANK=rank, LOCAL_RANK=rank)) for rank in "01"
        )
        ending.callback(writer.kill)
        ending.callback(other.kill)
        wait_for("fine 1", other)
        other.send_signal(signal.SIGINT)
        said = [process.communicate(timeout=PATIENCE_S)[1] for process in (writer, other)]
    assert (writer.returncode, other.returncode) == (1, 1)
    stage, step = place_in(tmp_path)
    assert (stage, step < STEPS["fine"]) == ("fine", True)
    assert said[0].splitlines()[-1] == f"fine: stopped after step {step} of 6; run it again to go on"
    train(tmp_path, Quiet())
    assert torch.equal(weights_in(tmp_path), weights_in(straight))


def test_a_second_interrupt_ends_it_in_the_middle_of_a_step(tmp_path: Path, straight: Path) -> None:
    with pytest.raises(Crash):
        train(tmp_path, Quiet(), crash_at(("fine", 2)), save_every_s=0)
    with started(tmp_path, 300) as process:
        wait_for("fine 2", process)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=2)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (1, "")
    assert place_in(tmp_path) == ("fine", 2)
    train(tmp_path, Quiet())
    assert torch.equal(weights_in(tmp_path), weights_in(straight))


# --- what cannot go on


def claiming(loss: float, step: int) -> Before:
    return lambda stage, index: loss if (stage, index) == ("fine", step) else None


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_ends_it_and_keeps_what_was_saved(tmp_path: Path, loss: float) -> None:
    with pytest.raises(TrainingError) as caught:
        train(tmp_path, Quiet(), claiming(loss, 3), save_every_s=0)
    assert str(caught.value) == (
        f"fine: loss not finite at step 3; lower the learning rate (the last good state is kept in {tmp_path})"
    )
    assert place_in(tmp_path) == ("fine", 3)
    assert [row["step"] for row in rows_of(tmp_path / "fine.csv")] == ["1", "2", "3"]


def test_where_nothing_was_saved_none_is_said_to_be_kept(tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as caught:
        train(tmp_path, Quiet(), lambda stage, step: math.nan)
    assert str(caught.value) == "rough: loss not finite at step 0; lower the learning rate"
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize(("save_every_s", "found_at", "kept"), [(0, 3, 3), (NEVER_S, 5, None)])
def test_weights_that_are_not_finite_are_never_saved(
    tmp_path: Path, save_every_s: float, found_at: int, kept: int | None
) -> None:
    """A loss is of the weights before its step: a good one says nothing of what the step made of them."""

    class Spoiling(Fit):
        def step(self, index: int) -> dict[str, float]:
            super().step(index)
            if index >= 3:
                nn.init.constant_(self._model.weight, math.nan)
            return {"loss": 0.5}

    with pytest.raises(TrainingError, match=f"fine: weights not finite after step {found_at}; lower the learning rate"):
        train_by([Spoiling("fine", nn.Linear(3, 1), nothing)], tmp_path, save_every_s=save_every_s)
    assert (tmp_path / NAME).exists() == (kept is not None)
    if kept is not None:
        assert place_in(tmp_path) == ("fine", kept)


def torch_alone(stage: str, step: int) -> None:
    torch.empty(2**58)


def numpy_alone(stage: str, step: int) -> None:
    np.empty(2**58)


def accelerator(stage: str, step: int) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize("hungry", [torch_alone, numpy_alone, accelerator])
def test_too_little_memory_names_the_setting_to_lower(tmp_path: Path, hungry: Callable[[str, int], None]) -> None:
    with pytest.raises(TrainingError) as caught:
        train(tmp_path, Quiet(), hungry)
    assert str(caught.value) == "rough: not enough memory at step 0; lower batch.points"


@pytest.mark.parametrize("hungry", [torch_alone, numpy_alone, accelerator])
def test_too_little_memory_to_begin_with(tmp_path: Path, hungry: Callable[[str, int], None]) -> None:
    class Large(Fit):
        def prepare(self) -> None:
            hungry(self.name, 0)

    with pytest.raises(TrainingError) as caught:
        train_by([Large("rough", nn.Linear(3, 1), nothing)], tmp_path)
    assert str(caught.value) == "rough: not enough memory to begin; lower batch.points"


def test_other_errors_are_not_taken_for_a_lack_of_memory(tmp_path: Path) -> None:
    def mistaken(stage: str, step: int) -> None:
        torch.zeros(2) + torch.zeros(3)

    with pytest.raises(RuntimeError, match="size of tensor a"):
        train(tmp_path, Quiet(), mistaken)


def test_a_checkpoint_of_another_recipe_is_refused_before_anything_starts(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, Checkpoint("another", "rough", 1, {}))
    notes = Notes()
    with pytest.raises(ConfigError, match="was written by another recipe or other data"):
        train(tmp_path, notes)
    assert notes.tasks == []


def test_a_full_disk_ends_it_and_keeps_what_was_saved(tmp_path: Path, straight: Path) -> None:
    with pytest.raises(Crash):
        train(tmp_path, Quiet(), crash_at(("fine", 2)), save_every_s=0)
    with no_room_for(1500), pytest.raises(RecordError, match=r"cannot be written: .*; free some space and start again"):
        train(tmp_path, Quiet(), save_every_s=0)
    assert place_in(tmp_path) == ("fine", 2)
    train(tmp_path, Quiet())
    assert torch.equal(weights_in(tmp_path), weights_in(straight))
