"""Weights of small models with random values, for building and checking: 64x32 pixels, vectors of 128 numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reid_engines.saga.config import HALF, AggregationConfig, Fusion, SagaConfig, VitConfig

DIM = 128
SPEC = "{kind: encoder, licence: CC0-1.0, encoder: {match: 0.55}}"


def small_weights(path: Path, *, seed: int = 0, spec: str | None = SPEC) -> Path:
    """Write a weights file, and what is known of it beside it."""
    import torch

    from reid_engines.saga.model import Saga
    from reid_engines.saga.weights import save_weights

    torch.manual_seed(seed)
    tower = VitConfig(width=48, layers=4, heads=4, patch=8, stride=6, projection=32, token_layer=3)
    config = SagaConfig(tower, AggregationConfig(heads=4), Fusion(), HALF, HALF, height=64, width=32)
    save_weights(Saga(config), path)
    if spec is not None:
        path.with_suffix(".yaml").write_text(spec)
    return path


def needs_nncf(request: pytest.FixtureRequest) -> None:
    """Skip a test where NNCF is missing, and take back what it imports: later imports warn of an old distutils."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "distutils"]:
            del sys.modules[name]

    pytest.importorskip("nncf")
    request.addfinalizer(forget)


def crops(count: int, *, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Crops of different sizes that look as different as people do: coarse patches of colour, and some noise."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        coarse = rng.integers(0, 256, (6, 3, 3), np.uint8)
        size = (24 + number % 9, 60 + number % 17)
        smooth = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
        noisy = smooth + rng.normal(0, 8, smooth.shape)
        made.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return made
