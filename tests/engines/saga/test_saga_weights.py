from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from reid_engines.errors import ModelFileError
from reid_engines.saga.anchors import TextAnchors
from reid_engines.saga.checkpoints import start_from_clip
from reid_engines.saga.config import MODELS, SagaConfig, VitConfig, to_json
from reid_engines.saga.model import Saga
from reid_engines.saga.weights import FORMAT, load_weights, save_weights


@pytest.fixture
def saved(config: SagaConfig, tmp_path: Path) -> tuple[Saga, Path]:
    model, path = Saga(config).eval(), tmp_path / "saga.safetensors"
    save_weights(model, path)
    return model, path


def rewritten(path: Path, **changes: torch.Tensor | None) -> Path:
    """The same file with other tensors; None takes one out."""
    with safe_open(path, framework="pt") as file:
        metadata, state = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    state = {name: tensor for name, tensor in {**state, **changes}.items() if tensor is not None}
    save_file(state, path, metadata)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        load_weights(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_a_file_alone_rebuilds_its_model(saved: tuple[Saga, Path]) -> None:
    model, path = saved
    again = load_weights(path)
    assert again.config == model.config
    assert not again.training
    pictures = torch.randn(2, 3, 64, 32)
    assert torch.equal(again(pictures).aggregated.refined, model(pictures).aggregated.refined)
    assert list(path.parent.iterdir()) == [path]


def test_the_small_model_keeps_its_batch_statistics(tmp_path: Path) -> None:
    model, path = Saga(MODELS["saga-s"]), tmp_path / "saga-s.safetensors"
    model(torch.randn(2, 3, 256, 128))
    save_weights(model, path)
    picture = torch.randn(1, 3, 256, 128)
    assert torch.equal(load_weights(path)(picture).backbone.cls, model.eval()(picture).backbone.cls)


def test_text_anchors_are_stored_as_their_table(config: SagaConfig, clip: Any, tmp_path: Path) -> None:
    model, path = Saga(config).eval(), tmp_path / "saga.safetensors"
    start_from_clip(model, clip)
    save_weights(model, path)
    assert isinstance(model.anchors, TextAnchors)
    again = load_weights(path)
    assert again.anchors is not None
    assert torch.equal(again.anchors(), model.anchors())
    pictures = torch.randn(2, 3, 64, 32)
    assert torch.equal(again(pictures).aggregated.refined, model(pictures).aggregated.refined)


def test_missing_unexpected_and_misshapen_weights_are_all_listed(saved: tuple[Saga, Path]) -> None:
    path = rewritten(
        saved[1], **{"anchors.vectors": None, "head.weight": torch.zeros(2), "backbone.norm_in.bias": torch.zeros(5)}
    )
    assert refusal(path).endswith(
        "does not fit the model: 1 missing: anchors.vectors; 1 unexpected: head.weight; "
        "1 of another shape: backbone.norm_in.bias is (5,) instead of (48,)"
    )


def test_long_lists_are_cut(saved: tuple[Saga, Path]) -> None:
    path = rewritten(saved[1], **{f"extra{number}": torch.zeros(1) for number in range(9)})
    assert refusal(path).endswith("9 unexpected: extra0, extra1, extra2, extra3 and 5 more")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_broken_numbers_are_refused(saved: tuple[Saga, Path], value: float) -> None:
    path = rewritten(saved[1], **{"anchors.vectors": torch.full((24, 48), value)})
    assert "1 with NaN or infinite weights: anchors.vectors" in refusal(path)


def test_the_same_weights_are_the_same_bytes(saved: tuple[Saga, Path], tmp_path: Path) -> None:
    model, path = saved
    for number in range(4):
        again = tmp_path / f"{number}.safetensors"
        save_weights(model, again)
        assert again.read_bytes() == path.read_bytes()


def test_large_tensors_can_be_stored_in_half_precision(saved: tuple[Saga, Path], tmp_path: Path) -> None:
    model, path = saved
    assert model.anchors is not None
    torch.nn.init.constant_(model.anchors.vectors, 1e6)
    halved = tmp_path / "halved.safetensors"
    save_weights(model, halved, halved=True)
    assert halved.stat().st_size < 0.7 * path.stat().st_size
    found = load_weights(halved).state_dict()
    for name, tensor in model.state_dict().items():
        assert found[name].dtype == tensor.dtype
        rounded = tensor.half() if tensor.numel() >= 1024 and tensor.abs().max() < 65504 else tensor
        assert torch.equal(found[name], rounded.to(tensor.dtype)), name
    assert torch.equal(found["anchors.vectors"], torch.full_like(found["anchors.vectors"], 1e6))


def test_broken_numbers_are_not_written(config: SagaConfig, tmp_path: Path) -> None:
    model = Saga(config)
    torch.nn.init.constant_(model.backbone.class_token, float("nan"))
    with pytest.raises(ModelFileError, match=r"NaN or infinite weights: backbone\.class_token"):
        save_weights(model, tmp_path / "saga.safetensors")
    assert not list(tmp_path.iterdir())


def test_files_of_other_kinds_are_refused(config: SagaConfig, tmp_path: Path) -> None:
    assert "not a readable safetensors file" in refusal(tmp_path / "absent.safetensors")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(b"\x10\x00\x00")
    assert "not a readable safetensors file" in refusal(cut)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(1)}, foreign)
    assert f"expected weights of format '{FORMAT}', got 'none'" in refusal(foreign)
    newer = tmp_path / "newer.safetensors"
    text = to_json(config).replace('"blocks"', '"layers"')
    save_file({"weight": torch.zeros(1)}, newer, {"format": FORMAT, "config": text})
    assert "its config is not one of this version" in refusal(newer)


def test_a_model_of_another_width_does_not_fit(saved: tuple[Saga, Path], vit: VitConfig) -> None:
    model, path = saved
    wider = dataclasses.replace(model.config, backbone=dataclasses.replace(vit, width=96))
    with safe_open(path, framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(state, path, {"format": FORMAT, "config": to_json(wider)})
    assert "backbone.class_token is (48,) instead of (96,)" in refusal(path)


def test_an_unwritable_place_is_one_line(config: SagaConfig, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be written: No such file or directory"):
        save_weights(Saga(config), tmp_path / "absent" / "saga.safetensors")
