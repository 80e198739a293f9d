"""The model that learns, at one picture size after the other."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid_engines.saga.config import SagaConfig
from reid_engines.saga.mobilenet import MobileNet
from reid_engines.saga.model import Saga

# The stem and the stages at a half and a quarter of the size: a third of the work of training, for edges and colours
# that ImageNet has taught them already.
FROZEN = 3


def model_of(config: SagaConfig, state: Mapping[str, Tensor]) -> Saga:
    """The model of `config` with the weights of one that may have been for pictures of another size."""
    model = Saga(config)
    positions = state["backbone.positions"]
    grid = config.backbone.grid(config.height, config.width)
    if len(positions) != grid[0] * grid[1]:
        # A picture of a person is twice as high as wide, at any size.
        columns = round((len(positions) / 2) ** 0.5)
        square = positions.T.reshape(1, -1, len(positions) // columns, columns)
        resized = F.interpolate(square, size=grid, mode="bilinear", align_corners=False)
        state = {**state, "backbone.positions": resized.flatten(2)[0].T}
    model.load_state_dict(dict(state))
    return model


def freeze_start(backbone: MobileNet) -> None:
    """Keep the first layers, their batch statistics included, as they are."""
    for layer in backbone.features[:FROZEN]:
        layer.eval().requires_grad_(False)


class _Thinned(nn.Conv2d):
    """A strided depthwise convolution as a whole one of which every other place is kept.

    The same function; on CPUs its gradient is several times quicker.
    """

    def forward(self, x: Tensor) -> Tensor:
        whole = F.conv2d(x, self.weight, None, 1, self.padding, 1, self.groups)
        return whole[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last)


def quicken(backbone: MobileNet) -> None:
    """Replace what a CPU is slow to train by the same in another form; names and weights stay."""
    for layer in backbone.modules():
        if isinstance(layer, nn.Conv2d) and layer.groups > 1 and layer.stride == (2, 2):
            layer.__class__ = _Thinned


class Average:
    """The mean of a model's weights over its last steps, which is what ships; `decay` is near 1."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self.state = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after step `step`, counted from 0; at first the mean is over fewer steps."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            mean = self.state[name]
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)
