"""MobileNetV2 (Sandler et al., 2018) as a backbone of patch tokens.

The last stride is taken out, so a picture of 256x128 leaves the trunk as 16x8 = 128 places. A token joins three depths
at its place: stride 8, where it still sees its own surroundings only; the middle; and the end. So a visible part stays
describable when something else covers the rest. Names inside `features` are torchvision's, whose ImageNet weights fit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reid_engines.saga.config import MobileNetConfig
from reid_engines.saga.features import BackboneFeatures

# expansion, channels, repeats, first stride; the last two stages stay at stride 16
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 1), (6, 320, 1, 1))
FINE, MIDDLE, DEEP = 2, 4, 6  # the stages that tokens are taken from
HEAD = 1280


def conv_unit(inside: int, outside: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU6."""
    conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outside), nn.ReLU6())


class InvertedResidual(nn.Module):
    """Widen, filter each channel by itself, narrow; added to the input where the shape stays."""

    def __init__(self, inside: int, outside: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inside * expansion
        widen = [conv_unit(inside, hidden, 1)] if expansion > 1 else []
        filtering = conv_unit(hidden, hidden, 3, stride=stride, groups=hidden)
        narrow = nn.Conv2d(hidden, outside, 1, bias=False)
        self.conv = nn.Sequential(*widen, filtering, narrow, nn.BatchNorm2d(outside))
        self.adds = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.adds else self.conv(x)


class MobileNet(nn.Module):
    """Pictures (B, 3, height, width), normalised, to tokens of stride 16 and a pooled feature, all `width` wide."""

    def __init__(self, config: MobileNetConfig, height: int, width: int) -> None:
        super().__init__()
        rows, columns = config.grid(height, width)
        layers: list[nn.Module] = [conv_unit(3, 32, 3, stride=2)]
        inside, ends = 32, []
        for expansion, channels, repeats, first_stride in STAGES:
            for repeat in range(repeats):
                stride = first_stride if repeat == 0 else 1
                layers.append(InvertedResidual(inside, channels, stride=stride, expansion=expansion))
                inside = channels
            ends.append(len(layers))
        self.features = nn.Sequential(*layers, conv_unit(inside, HEAD, 1))
        self.cuts = (ends[FINE], ends[MIDDLE], ends[DEEP])
        fine, middle, deep = (STAGES[stage][1] for stage in (FINE, MIDDLE, DEEP))
        # Four places of stride 8 become one of stride 16.
        self.from_fine = nn.Conv2d(fine, config.width, kernel_size=2, stride=2)
        self.from_middle = nn.Conv2d(middle, config.width, kernel_size=1)
        self.from_deep = nn.Conv2d(deep, config.width, kernel_size=1)
        self.positions = nn.Parameter(0.02 * torch.randn(rows * columns, config.width))
        self.norm = nn.LayerNorm(config.width)
        self.to_cls = nn.Linear(HEAD, config.width)

    def forward(self, pictures: Tensor) -> BackboneFeatures:
        first, second, third = self.cuts
        fine = self.features[:first](pictures)
        middle = self.features[first:second](fine)
        deep = self.features[second:third](middle)
        places = self.from_fine(fine) + self.from_middle(middle) + self.from_deep(deep)
        tokens = self.norm(places.flatten(2).transpose(1, 2) + self.positions)
        cls = self.to_cls(self.features[third:](deep).mean(dim=(2, 3)))
        return BackboneFeatures(tokens, cls, None)
