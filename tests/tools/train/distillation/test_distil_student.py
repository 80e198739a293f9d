from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import Tensor, nn

from reid_engines.saga.config import MODELS, MobileNetConfig, SagaConfig
from reid_engines.saga.mobilenet import MobileNet
from reid_engines.saga.model import Saga
from reid_tools.train.distillation.student import FROZEN, Average, freeze_start, model_of, quicken

SIZES = [(64, 32), (128, 64), (192, 96), (256, 128)]


def config(height: int, width: int) -> SagaConfig:
    return dataclasses.replace(MODELS["saga-s"], height=height, width=width)


def saga(height: int, width: int) -> Saga:
    torch.manual_seed(0)
    return Saga(config(height, width))


def mobilenet() -> MobileNet:
    torch.manual_seed(0)
    return MobileNet(MobileNetConfig(width=32), 64, 32)


# --- other sizes


@pytest.mark.parametrize("size", SIZES)
def test_at_the_same_size_all_weights_stay_as_they_are(size: tuple[int, int]) -> None:
    model = saga(*size)
    found = model_of(config(*size), model.state_dict()).state_dict()
    assert all(torch.equal(found[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("start", SIZES)
@pytest.mark.parametrize("end", SIZES)
def test_positions_keep_their_places_in_the_picture(start: tuple[int, int], end: tuple[int, int]) -> None:
    model = saga(*start)
    rows, columns = model.config.backbone.grid(*start)
    state = model.state_dict()
    down, across = torch.meshgrid(torch.arange(rows) / rows, torch.arange(columns) / columns, indexing="ij")
    state["backbone.positions"][:, 0] = down.flatten()
    state["backbone.positions"][:, 1] = across.flatten()
    state["backbone.positions"][:, 2] = 0.5
    given = state["backbone.positions"].clone()
    found = model_of(config(*end), state)
    rows, columns = found.config.backbone.grid(*end)
    places = found.backbone.positions.detach().unflatten(0, (rows, columns))
    assert (places[..., 0].diff(dim=0) >= 0).all()
    assert (places[..., 1].diff(dim=1) >= 0).all()
    torch.testing.assert_close(places[..., 0], places[:, :1, 0].expand(rows, columns))
    torch.testing.assert_close(places[..., 1], places[:1, :, 1].expand(rows, columns))
    torch.testing.assert_close(places[..., 2], torch.full((rows, columns), 0.5))
    assert places[-1, 0, 0] - places[0, 0, 0] > 0.5
    torch.testing.assert_close(places.mean(dim=(0, 1)), given.mean(dim=0), atol=0.1, rtol=0)
    assert torch.equal(state["backbone.positions"], given)


def test_everything_but_positions_is_the_same_at_every_size() -> None:
    state = saga(64, 32).state_dict()
    found = model_of(config(256, 128), state).state_dict()
    assert [name for name, value in state.items() if not torch.equal(value, found[name])] == ["backbone.positions"]


# --- what is kept


def test_the_first_layers_and_their_statistics_do_not_move() -> None:
    backbone = mobilenet().train()
    freeze_start(backbone)
    before = copy.deepcopy(backbone.state_dict())
    optimizer = torch.optim.AdamW([p for p in backbone.parameters() if p.requires_grad], lr=0.01)
    for _ in range(2):
        found = backbone(torch.randn(4, 3, 64, 32))
        (found.tokens.square().sum() + found.cls.square().sum()).backward()
        optimizer.step()
    after = backbone.state_dict()
    kept = tuple(f"features.{layer}." for layer in range(FROZEN))
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if not name.startswith(kept)} - {"features.18.0.bias"}
    assert len(moved) > 200


# --- quicker


def strided_ones(backbone: MobileNet) -> list[nn.Conv2d]:
    return [
        layer
        for layer in backbone.modules()
        if isinstance(layer, nn.Conv2d) and layer.groups > 1 and layer.stride == (2, 2)
    ]


def learned_from(layer: nn.Module, pictures: Tensor) -> tuple[Tensor, ...]:
    """The result, and the gradients of pictures and weights for a loss in which every value counts differently."""
    pictures = pictures.clone().requires_grad_()
    layer.zero_grad()
    made = layer(pictures)
    (made * torch.linspace(-1, 1, made.numel(), dtype=made.dtype).view_as(made)).sum().backward()
    return made.detach(), pictures.grad, *(parameter.grad for parameter in layer.parameters())


@pytest.mark.parametrize("size", [(16, 8), (17, 9), (16, 9), (1, 1), (2, 3)])
def test_a_thinned_convolution_is_the_strided_one(size: tuple[int, int]) -> None:
    plain = mobilenet().double()
    quick = copy.deepcopy(plain)
    quicken(quick)
    pairs = list(zip(strided_ones(plain), strided_ones(quick), strict=True))
    assert len(pairs) == 3
    for strided, thinned in pairs:
        assert type(strided) is not type(thinned)
        pictures = torch.randn(2, strided.in_channels, *size, dtype=torch.float64)
        for wanted, found in zip(learned_from(strided, pictures), learned_from(thinned, pictures), strict=True):
            torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-6)


def test_a_quickened_backbone_is_the_same_function_with_the_same_names() -> None:
    plain = mobilenet().double().train()
    quick = copy.deepcopy(plain)
    quicken(quick)
    assert list(quick.state_dict()) == list(plain.state_dict())
    pictures = torch.randn(3, 3, 64, 32, dtype=torch.float64)
    for wanted, found in zip(plain(pictures)[:2], quick(pictures)[:2], strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-6)


# --- the average


def test_the_average_by_hand() -> None:
    model = nn.BatchNorm1d(1)  # a weight and a counter
    average = Average(model, 0.15)
    for step, value in enumerate((20.0, 30.0, 40.0)):
        model.weight.data.fill_(value)
        model.num_batches_tracked.fill_(step + 5)
        average.update(model, step)
    # decays: 1/10, then 2/11 and 3/12 held at 0.15
    first = 0.1 * 1 + 0.9 * 20
    second = 0.15 * first + 0.85 * 30
    assert average.state["weight"].item() == pytest.approx(0.15 * second + 0.85 * 40)
    assert average.state["num_batches_tracked"].item() == 7


def test_the_average_is_apart_from_the_model() -> None:
    model = nn.BatchNorm1d(1)
    average = Average(model, 0.9)
    model.weight.data.fill_(0.0)
    assert average.state["weight"].item() == 1
    average.update(model, 0)
    average.state["weight"].fill_(7.0)
    assert model.weight.item() == 0
    assert not average.state["weight"].requires_grad


def test_the_average_of_what_does_not_move_is_that() -> None:
    model = mobilenet()
    average = Average(model, 0.999)
    for step in range(3):
        average.update(model, step)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(average.state[name], value)
