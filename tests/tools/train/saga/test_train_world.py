"""Several processes train what one would."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from runpy import run_path

import pytest
import torch

from reid_engines.saga.config import AggregationConfig
from reid_engines.saga.weights import load_weights
from reid_pipeline.errors import ConfigError
from reid_tools.train.saga.recipe import Backbone, Prompts, SagaRecipe, Visual
from reid_tools.train.schedule import Schedule
from reid_tools.train.world import World, open_world

SCRIPT = Path(__file__).with_name("one_process.py")


@pytest.fixture
def short(recipe: SagaRecipe) -> SagaRecipe:
    """A few steps of every stage without dropout, whose draws differ between processes."""
    one = Schedule(epochs=1, learning_rate=1e-3)
    model = recipe.model.model_copy(update={"aggregation": AggregationConfig(heads=4, dropout=0)})
    stages = {
        "model": model,
        "prompts": Prompts(batch=50, schedule=one),
        "backbone": Backbone(schedule=one),
        "visual": Visual(views=1, classifiers=1, first=one, second=one),
    }
    return recipe.model_copy(update=stages)


def run_processes(recipe: SagaRecipe, folder: Path, count: int) -> None:
    shared = {"MASTER_ADDR": "127.0.0.1", "WORLD_SIZE": str(count), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    shared |= dict(zip(("MASTER_PORT", "SECOND_PORT"), free_ports(2), strict=True))
    arguments = (recipe.model_dump_json(), str(recipe.clip.weights.parent), str(folder))
    running = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), *arguments],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    try:
        outcomes = [process.communicate(timeout=500)[1] for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0] * count, "\n".join(outcomes)


def free_ports(count: int) -> list[str]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for taken in sockets:
            taken.bind(("127.0.0.1", 0))
        return [str(taken.getsockname()[1]) for taken in sockets]


@pytest.mark.slow
def test_two_processes_go_down_the_gradient_of_one(short: SagaRecipe, tmp_path: Path) -> None:
    run_processes(short, tmp_path, 2)
    together = torch.load(tmp_path / "gradients.pt", weights_only=True)
    alone = run_path(str(SCRIPT))["gradients"](short, tmp_path, World(0, 1, torch.device("cpu")))
    assert together.keys() == alone.keys()
    for name, gradient in alone.items():
        scale = float(gradient.abs().max())
        torch.testing.assert_close(together[name], gradient, rtol=1e-3, atol=1e-3 * scale + 1e-6, msg=name)
    load_weights(tmp_path / "trained" / "saga-b.safetensors")


def test_processes_on_several_machines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WORLD_SIZE", "4"), ("RANK", "0"), ("LOCAL_RANK", "0"), ("LOCAL_WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    with (
        pytest.raises(ConfigError, match="4 processes, 2 of them here; start all of them on one machine"),
        open_world(),
    ):
        pass
