"""A training of two stages in milliseconds; as a program it is one to send signals to: FOLDER SECONDS_PER_STEP.

With the variables that torchrun sets it is one of several processes.
"""

from __future__ import annotations

import csv
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reid_pipeline.cli.terminal import progress
from reid_pipeline.runtime.report import Progress, Quiet
from reid_tools.train.checkpoint import load_checkpoint
from reid_tools.train.loop import Run, run_stages
from reid_tools.train.world import open_world

RECIPE = "fit a line"
STEPS = {"rough": 4, "fine": 6}

Before = Callable[[str, int], "float | None"]


class Fit:
    """Fits a plane by SGD with momentum to points drawn by the step's number; the model goes from stage to stage.

    `before` is called with the stage's name and the step when a step begins; what it gives, if anything, is the loss.
    """

    def __init__(self, name: str, model: nn.Linear, before: Before) -> None:
        self.name, self.steps = name, STEPS[name]
        self._model, self._before = model, before

    def prepare(self) -> None:
        self._optimizer = torch.optim.SGD(self._model.parameters(), lr=0.1, momentum=0.9)

    def step(self, index: int) -> dict[str, float]:
        claimed = self._before(self.name, index)
        points = torch.randn(8, 3, generator=torch.Generator().manual_seed(len(self.name) * 1000 + index))
        loss = (self._model(points)[:, 0] - points.sum(dim=1)).square().mean()
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return {"loss": loss.item() if claimed is None else claimed}

    def state(self) -> dict[str, Any]:
        return {"model": self._model.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])


def train(folder: Path, shown: Progress, before: Before = lambda stage, index: None, **settings: Any) -> None:
    """Both stages, going on from what is in the folder; `settings` are those of `Run`."""
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    settings = {"log_every": 1, "memory_hint": "batch.points", **settings}
    run_stages([Fit(name, model, before) for name in STEPS], Run(folder, RECIPE, shown, **settings))


def weights_in(folder: Path) -> Tensor:
    """Weights and bias in the folder's checkpoint."""
    checkpoint = load_checkpoint(folder, RECIPE)
    assert checkpoint is not None
    return torch.cat([value.flatten() for value in checkpoint.state["model"].values()])


class Crash(Exception):
    """Ends a process where it is, as a power cut would."""


def crash_at(place: tuple[str, int]) -> Before:
    """A crash before that step of a stage."""

    def before(stage: str, step: int) -> None:
        if (stage, step) == place:
            raise Crash

    return before


def interrupt_at(place: tuple[str, int]) -> Before:
    """SIGINT before that step of a stage."""

    def before(stage: str, step: int) -> None:
        if (stage, step) == place:
            signal.raise_signal(signal.SIGINT)

    return before


def rows_of(path: Path) -> list[dict[str, str]]:
    """What is in a log."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@contextmanager
def no_room_for(size: int) -> Iterator[None]:
    """Files cannot grow beyond `size` bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def main(folder: Path, seconds_per_step: float) -> int:
    def announced(stage: str, index: int) -> None:
        print(stage, index, flush=True)
        time.sleep(seconds_per_step)

    try:
        with open_world() as world, progress() as shown:
            train(folder, shown if world.writer else Quiet(), announced, save_every_s=0, world=world)
    except KeyboardInterrupt:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))
