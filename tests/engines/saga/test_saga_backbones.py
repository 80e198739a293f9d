from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from reid_engines.errors import ModelFileError
from reid_engines.saga.checkpoints import resize_positions, start_from_clip
from reid_engines.saga.config import MODELS, SagaConfig, VitConfig
from reid_engines.saga.model import Saga


def test_the_tower_is_that_of_clip(config: SagaConfig, vit: VitConfig, clip: Any) -> None:
    square = dataclasses.replace(config, backbone=dataclasses.replace(vit, stride=8), height=56, width=56)
    model = Saga(square).eval()
    start_from_clip(model, clip)
    pictures = torch.randn(2, 3, 56, 56)
    ours = model.backbone(pictures)
    theirs = clip.visual.forward_intermediates(pictures, indices=[2], output_fmt="NLC", normalize_intermediates=False)
    torch.testing.assert_close(ours.projection, clip.encode_image(pictures))
    torch.testing.assert_close(ours.tokens, theirs["image_intermediates"][0])


def test_overlapping_patches_share_the_tower(config: SagaConfig, clip: Any) -> None:
    model = Saga(config).eval()
    start_from_clip(model, clip)
    features = model(torch.randn(2, 3, 64, 32))
    assert features.backbone.tokens.shape == (2, 50, 48)
    assert features.backbone.cls.shape == (2, 48)
    assert features.backbone.projection.shape == (2, 32)


def test_the_token_layer_is_counted_from_one(config: SagaConfig, vit: VitConfig) -> None:
    model = Saga(dataclasses.replace(config, backbone=dataclasses.replace(vit, token_layer=4))).eval()
    seen: list[torch.Tensor] = []
    model.backbone.blocks[3].register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    features = model.backbone(torch.randn(1, 3, 64, 32))
    torch.testing.assert_close(features.tokens, seen[0][:, 1:])
    torch.testing.assert_close(features.cls, model.backbone.norm_out(seen[0][:, 0]))


def test_positions_are_resized_bilinearly_and_the_class_keeps_its_own() -> None:
    ramp = torch.arange(14.0).view(14, 1).expand(14, 14).reshape(-1, 1)
    resized = resize_positions(torch.cat([torch.tensor([[99.0]]), ramp]), (21, 10))
    assert resized.shape == (211, 1)
    assert resized[0, 0] == 99
    rows = resized[1:, 0].view(21, 10)
    torch.testing.assert_close(rows[:, 0], rows[:, 9])
    # Centres of 21 rows over 14: two thirds of a row apart, starting a sixth before the first centre.
    torch.testing.assert_close(rows[1:-1, 0], torch.arange(1, 20) * 2 / 3 - 1 / 6)


def test_positions_that_fit_already_are_left_alone() -> None:
    positions = torch.randn(51, 4)
    assert resize_positions(positions, (10, 5)) is positions


def test_positions_of_another_oblong_grid_are_refused() -> None:
    with pytest.raises(ModelFileError, match="50 patches are no square grid and not 21 x 10"):
        resize_positions(torch.randn(51, 4), (21, 10))


def test_the_small_backbone_gives_128_tokens_and_a_global_feature() -> None:
    backbone = Saga(MODELS["saga-s"]).eval().backbone
    features = backbone(torch.randn(2, 3, 256, 128))
    assert features.tokens.shape == (2, 128, 256)
    assert features.cls.shape == (2, 256)
    assert features.projection is None


def test_a_small_token_sees_what_lies_at_its_place_most() -> None:
    backbone = Saga(MODELS["saga-s"]).eval().backbone
    picture = torch.randn(1, 3, 256, 128)
    covered = picture.clone()
    covered[:, :, 160:176, 48:64] = 0  # the place in row 10, column 3
    change = (backbone(picture).tokens - backbone(covered).tokens).norm(dim=-1).view(16, 8)
    assert divmod(int(change.argmax()), 8) == (10, 3)


def test_vit_defaults_are_clip_b16() -> None:
    assert VitConfig() == VitConfig(width=768, layers=12, heads=12, patch=16, stride=12, projection=512, token_layer=9)
