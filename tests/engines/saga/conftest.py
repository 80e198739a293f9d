"""Small models with random weights, quick to run and shaped like the real ones."""

from __future__ import annotations

from typing import Any

import pytest

from reid_engines.saga.config import HALF, AggregationConfig, Fusion, SagaConfig, VitConfig


@pytest.fixture(autouse=True)
def seed() -> None:
    """Random weights and pictures are the same in every run."""
    import torch

    torch.manual_seed(0)


@pytest.fixture
def vit() -> VitConfig:
    """CLIP's tower in small, with patches of 8 pixels every 6."""
    return VitConfig(width=48, layers=4, heads=4, patch=8, stride=6, projection=32, token_layer=3)


@pytest.fixture
def config(vit: VitConfig) -> SagaConfig:
    """SAGA-B in small: 64x32 pixels, 10 x 5 tokens, 24 + 3 anchors."""
    return SagaConfig(vit, AggregationConfig(heads=4), Fusion(), HALF, HALF, height=64, width=32)


@pytest.fixture
def clip() -> Any:
    """A CLIP of `open_clip` that fits `config`, trained on square pictures of 56x56 in patches of 8."""
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg

    vision = CLIPVisionCfg(layers=4, width=48, head_width=12, patch_size=8, image_size=56)
    return CLIP(32, vision, CLIPTextCfg(width=32, heads=2, layers=2), quick_gelu=True).eval()
