"""Weights made elsewhere: CLIP, CLIP-ReID and SAGA checkpoints, and ImageNet's for the small backbone.

CLIP-ReID (AAAI 2023, MIT) stores CLIP's own names under `image_encoder.`. A SAGA checkpoint is taken to hold its frozen
backbone the same way; the names of its visual module are not published, so they must be given as `renames` to the ones
here: `aggregation.*` for the refinement blocks and domain anchors, `anchors.vectors` for the table of shared anchors
after their projection. Nothing is guessed: a name that is neither known nor renamed is refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from reid_engines.errors import ModelFileError
from reid_engines.saga.aggregation import Aggregation
from reid_engines.saga.anchors import TextAnchors
from reid_engines.saga.clip import TextTower
from reid_engines.saga.config import SagaConfig, VitConfig
from reid_engines.saga.mobilenet import MobileNet
from reid_engines.saga.model import Saga
from reid_engines.saga.phrases import PHRASES
from reid_engines.saga.tensors import fill, read_checkpoint
from reid_engines.saga.vit import Vit

# CLIP's names -> ours, applied to every name in this order.
_CLIP_NAMES = (
    ("conv1.", "patches."),
    ("class_embedding", "class_token"),
    ("positional_embedding", "positions"),
    ("ln_pre.", "norm_in."),
    ("transformer.resblocks.", "blocks."),
    (".ln_1.", ".norm1."),
    (".attn.in_proj_", ".attention.qkv."),
    (".attn.out_proj.", ".attention.out."),
    (".ln_2.", ".norm2."),
    (".mlp.c_fc.", ".mlp.0."),
    (".mlp.c_proj.", ".mlp.2."),
    ("ln_post.", "norm_out."),
    ("proj", "projection"),
)
_IMAGE = "image_encoder."
# What only training needs.
_TRAINING = ("classifier", "bottleneck", "prompt_learner.", "text_encoder.")
# The strides that such models are trained with.
_STRIDES = (12, 16)


def start_from_clip(model: Saga, clip: Any) -> None:
    """Give the model an `open_clip` model's image tower, warm refinement blocks and, if it wants them, text anchors.

    Raises `ModelFileError` when the tower has other sizes, `ValueError` when the model has none or wants another number
    of anchors than there are phrases.
    """
    backbone = model.config.backbone
    if not isinstance(backbone, VitConfig):
        raise ValueError(f"expected a model with CLIP's image tower, got a {backbone.kind}")
    state = _vit_state(clip.visual.state_dict(), "", backbone.grid(model.config.height, model.config.width))
    fill(model.backbone, state, origin="CLIP")
    start_aggregation(model)
    aggregation = model.config.aggregation
    if aggregation is not None and aggregation.source == "text":
        if aggregation.anchors != len(PHRASES):
            raise ValueError(f"aggregation.anchors {aggregation.anchors}: there are {len(PHRASES)} anchor phrases")
        model.anchors = TextAnchors(TextTower(clip), PHRASES, backbone.width)


def start_aggregation(model: Saga) -> None:
    """Start the refinement blocks from the block of the image tower that the tokens leave; again after it was tuned."""
    if isinstance(model.aggregation, Aggregation) and isinstance(model.backbone, Vit):
        model.aggregation.start_from(model.backbone.blocks[model.backbone.token_layer - 1])


def start_from_imagenet(backbone: MobileNet, path: Path) -> None:
    """Give the small backbone torchvision's MobileNetV2 weights; what is not part of MobileNetV2 stays as it is.

    Raises `ModelFileError` when the file does not hold exactly that network.
    """
    fill(backbone.features, _below(read_checkpoint(path), "features."), origin=str(path))


def import_checkpoint(path: Path, config: SagaConfig, *, renames: Mapping[str, str] | None = None) -> Saga:
    """The model of `config` with the weights of a CLIP-ReID or SAGA checkpoint, in evaluation mode on the CPU.

    The stride of the patches is read off the checkpoint. `renames` maps the start of a name in the checkpoint to the
    start of its name in the model, for what CLIP-ReID does not have.

    Raises `ModelFileError` naming what is missing, unexpected or of another shape.
    """
    state = {_renamed(name, renames or {}): tensor for name, tensor in read_checkpoint(path).items()}
    if "cv_embed" in state:
        raise ModelFileError(
            f"{path}: was trained with camera embeddings (cv_embed), whose cameras mean nothing elsewhere; "
            "use a checkpoint trained without SIE"
        )
    positions = state.get(f"{_IMAGE}positional_embedding")
    if positions is None:
        raise ModelFileError(f"{path}: expected a CLIP-ReID or SAGA checkpoint, got one without {_IMAGE}* weights")
    config = _with_stride(config, len(positions) - 1, path)
    model = Saga(config)
    rest = {name: tensor for name, tensor in state.items() if not name.startswith((_IMAGE, *_TRAINING))}
    grid = config.backbone.grid(config.height, config.width)
    tower = {f"backbone.{name}": tensor for name, tensor in _vit_state(state, _IMAGE, grid).items()}
    fill(model, {**tower, **_split_attention(rest)}, origin=str(path))
    model.eval()
    return model


def resize_positions(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """Position embeddings (1 + n, D), the first for the class token -> (1 + rows * columns, D), resized bilinearly.

    CLIP's own grid is square; one that has as many places as `grid` already is left alone.
    """
    if len(positions) == 1 + grid[0] * grid[1]:
        return positions
    side = round((len(positions) - 1) ** 0.5)
    if side * side != len(positions) - 1:
        raise ModelFileError(
            f"positions: {len(positions) - 1} patches are no square grid and not {grid[0]} x {grid[1]}"
        )
    square = positions[1:].float().T.reshape(1, -1, side, side)
    resized = F.interpolate(square, size=grid, mode="bilinear", align_corners=False)
    return torch.cat([positions[:1].float(), resized.flatten(2)[0].T])


def _vit_state(state: Mapping[str, Tensor], prefix: str, grid: tuple[int, int]) -> dict[str, Tensor]:
    renamed = {}
    for theirs, tensor in _below(state, prefix).items():
        ours = theirs
        for old, new in _CLIP_NAMES:
            if ours.startswith(old) or (old.startswith(".") and old in ours):
                ours = ours.replace(old, new, 1)
        renamed[ours] = resize_positions(tensor, grid) if ours == "positions" else tensor
    return renamed


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _renamed(name: str, renames: Mapping[str, str]) -> str:
    for old, new in renames.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _with_stride(config: SagaConfig, patches: int, path: Path) -> SagaConfig:
    backbone = config.backbone
    if not isinstance(backbone, VitConfig):
        raise ModelFileError(f"{path}: is for models with CLIP's image tower, got a config with a {backbone.kind}")
    for stride in _STRIDES:
        candidate = dataclasses.replace(config, backbone=dataclasses.replace(backbone, stride=stride))
        if candidate.tokens == patches:
            return candidate
    raise ModelFileError(
        f"{path}: {patches} patches; no known stride gives that many at {config.height}x{config.width}"
    )


def _split_attention(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Torch's own attention keeps query, key and value in one matrix; here the query is by itself."""
    split: dict[str, Tensor] = {}
    for name, tensor in state.items():
        place, fused, kind = name.partition("in_proj_")
        if fused:
            width = len(tensor) // 3
            split[f"{place}q.{kind}"], split[f"{place}kv.{kind}"] = tensor[:width], tensor[width:]
        else:
            split[name.replace(".out_proj.", ".out.")] = tensor
    return split
