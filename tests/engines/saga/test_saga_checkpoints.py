from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from reid_engines.errors import ModelFileError
from reid_engines.saga.aggregation import Aggregation
from reid_engines.saga.anchors import TextAnchors
from reid_engines.saga.checkpoints import (
    import_checkpoint,
    resize_positions,
    start_aggregation,
    start_from_clip,
    start_from_imagenet,
)
from reid_engines.saga.config import MODELS, AggregationConfig, Fusion, MobileNetConfig, SagaConfig, VitConfig
from reid_engines.saga.mobilenet import MobileNet
from reid_engines.saga.model import Saga


@pytest.fixture
def clip_reid(config: SagaConfig) -> SagaConfig:
    return dataclasses.replace(config, aggregation=None, fusion=Fusion(0, 1, 1, unit_parts=False))


@pytest.fixture
def checkpoint(clip: Any) -> dict[str, torch.Tensor]:
    """What CLIP-ReID saves of a 64x32 model with patches every 12 pixels: the tower, and what only training needs."""
    state = {f"image_encoder.{name}": tensor for name, tensor in clip.visual.state_dict().items()}
    state["image_encoder.positional_embedding"] = torch.randn(1 + 5 * 3, 48)
    training = {
        "classifier.weight": torch.randn(5, 48),
        "classifier_proj.weight": torch.randn(5, 32),
        "bottleneck.running_mean": torch.randn(48),
        "bottleneck_proj.weight": torch.randn(32),
        "prompt_learner.cls_ctx": torch.randn(5, 4, 32),
        "text_encoder.positional_embedding": torch.randn(77, 32),
    }
    return {**state, **training}


def saved(state: Any, path: Path) -> Path:
    torch.save(state, path)
    return path


def test_a_clip_reid_checkpoint_is_read_with_its_stride(
    clip_reid: SagaConfig, vit: VitConfig, checkpoint: dict[str, torch.Tensor], clip: Any, tmp_path: Path
) -> None:
    wrapped = {"state_dict": {f"module.{name}": tensor for name, tensor in checkpoint.items()}}
    model = import_checkpoint(saved(wrapped, tmp_path / "model.pth"), clip_reid)
    assert model.config.backbone == dataclasses.replace(vit, stride=12)
    assert not model.training
    theirs = clip.visual.transformer.resblocks[2].attn
    assert torch.equal(model.backbone.blocks[2].attention.qkv.bias, theirs.in_proj_bias)
    assert torch.equal(model.backbone.positions, checkpoint["image_encoder.positional_embedding"])


def test_a_saga_checkpoint_is_read_with_the_names_of_its_visual_module(
    config: SagaConfig, checkpoint: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    ours = Aggregation(48, AggregationConfig(heads=4))
    theirs = {f"refiner.{name}": tensor for name, tensor in ours.state_dict().items() if ".attention." not in name}
    for number, block in enumerate(ours.blocks):
        place, attention = f"refiner.blocks.{number}.attention", block.attention
        theirs[f"{place}.in_proj_weight"] = torch.cat([attention.q.weight, attention.kv.weight])
        theirs[f"{place}.in_proj_bias"] = torch.cat([attention.q.bias, attention.kv.bias])
        theirs[f"{place}.out_proj.weight"] = attention.out.weight
        theirs[f"{place}.out_proj.bias"] = attention.out.bias
    path = saved({**checkpoint, **theirs, "anchor_bank": torch.randn(24, 48)}, tmp_path / "saga.pth")

    with pytest.raises(ModelFileError, match=r"37 missing: anchors\.vectors, .*; 37 unexpected: refiner\.domain"):
        import_checkpoint(path, config)
    model = import_checkpoint(path, config, renames={"refiner.": "aggregation.", "anchor_bank": "anchors.vectors"})
    assert model.aggregation is not None
    for name, tensor in ours.state_dict().items():
        assert torch.equal(model.aggregation.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cv_embed": torch.zeros(6, 48)}, "trained with camera embeddings"),
        ({"image_encoder.positional_embedding": torch.zeros(100, 48)}, "99 patches; no known stride"),
        ({"image_encoder.ln_post.bias": torch.zeros(7)}, r"norm_out.bias is \(7,\) instead of \(48,\)"),
        ({"image_encoder.conv1.weight": torch.full((48, 3, 8, 8), float("nan"))}, "NaN or infinite weights"),
        ({"mystery": torch.zeros(1)}, "1 unexpected: mystery"),
    ],
)
def test_checkpoints_that_do_not_fit_are_refused(
    clip_reid: SagaConfig,
    checkpoint: dict[str, torch.Tensor],
    changes: dict[str, torch.Tensor],
    message: str,
    tmp_path: Path,
) -> None:
    path = saved({**checkpoint, **changes}, tmp_path / "model.pth")
    with pytest.raises(ModelFileError, match=message) as caught:
        import_checkpoint(path, clip_reid)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_what_is_no_checkpoint_is_refused(clip_reid: SagaConfig, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"not a checkpoint")
    for path, message in [
        (tmp_path / "absent.pth", "cannot be read: No such file"),
        (broken, "not a checkpoint of plain tensors"),
        (saved(Path("code"), tmp_path / "code.pth"), "not a checkpoint of plain tensors"),
        (saved({"epoch": 3}, tmp_path / "other.pth"), "expected tensors by name"),
        (saved({"a": torch.zeros(1)}, tmp_path / "resnet.pth"), "expected a CLIP-ReID or SAGA checkpoint"),
    ]:
        with pytest.raises(ModelFileError, match=message) as caught:
            import_checkpoint(path, clip_reid)
        assert str(caught.value).startswith(f"{path}: ")


def test_training_starts_from_clip(config: SagaConfig, clip: Any) -> None:
    model = Saga(config)
    start_from_clip(model, clip)
    block = clip.visual.transformer.resblocks[2]  # the third, which the tokens leave
    assert isinstance(model.anchors, TextAnchors)
    assert model.aggregation is not None
    for refinement in model.aggregation.blocks:
        assert torch.equal(refinement.attention.q.weight, block.attn.in_proj_weight[:48])
    expected = resize_positions(clip.visual.positional_embedding, (10, 5))
    assert torch.equal(model.backbone.positions, expected)


def test_clip_does_not_fit_the_small_model(clip: Any, checkpoint: dict[str, torch.Tensor], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a model with CLIP's image tower, got a mobilenet"):
        start_from_clip(Saga(MODELS["saga-s"]), clip)
    with pytest.raises(ModelFileError, match=r"clip-reid\.pth: is for models with CLIP's image tower"):
        import_checkpoint(saved(checkpoint, tmp_path / "clip-reid.pth"), MODELS["saga-s"])


def test_free_anchors_need_no_texts(config: SagaConfig, clip: Any) -> None:
    model = Saga(dataclasses.replace(config, aggregation=AggregationConfig(anchors=7, source="free", heads=4)))
    table = model.anchors
    start_from_clip(model, clip)
    assert model.anchors is table


def test_there_are_no_texts_for_another_number_of_anchors(config: SagaConfig, clip: Any) -> None:
    model = Saga(dataclasses.replace(config, aggregation=AggregationConfig(anchors=7, heads=4)))
    with pytest.raises(ValueError, match=r"aggregation.anchors 7: there are 24 anchor phrases"):
        start_from_clip(model, clip)


def test_refinement_starts_again_from_a_tuned_tower(config: SagaConfig) -> None:
    model = Saga(config)
    torch.nn.init.constant_(model.backbone.blocks[2].norm1.weight, 3.0)
    start_aggregation(model)
    assert model.aggregation is not None
    assert (model.aggregation.blocks[1].norm_kv.weight == 3).all()


def test_imagenet_weights_fit_the_small_backbone(tmp_path: Path) -> None:
    torchvision = pytest.importorskip("torchvision")
    network = torchvision.models.mobilenet_v2(weights=None).eval()
    backbone = MobileNet(MobileNetConfig(), 256, 128).eval()
    start_from_imagenet(backbone, saved(network.state_dict(), tmp_path / "mobilenet_v2.pth"))
    # Only the last stride differs, so the features before it are the same.
    picture = torch.randn(1, 3, 256, 128)
    assert torch.equal(backbone.features[:14](picture), network.features[:14](picture))

    wrong = saved({"features.0.0.weight": torch.zeros(1)}, tmp_path / "wrong.pth")
    with pytest.raises(ModelFileError, match=r"wrong.pth: does not fit the model: 311 missing"):
        start_from_imagenet(backbone, wrong)
