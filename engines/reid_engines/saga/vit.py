"""CLIP's image tower (Radford et al., 2021) for pictures that are not square, with overlapping patches.

The tokens leave in the middle, as a raw residual stream; the class token goes on to the end. Weights come from any CLIP
with QuickGELU or from CLIP-ReID, see `checkpoints`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reid_engines.saga.attention import SelfAttention
from reid_engines.saga.config import VitConfig
from reid_engines.saga.features import BackboneFeatures


class QuickGELU(nn.Module):
    """The cheaper GELU that CLIP was trained with."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """One pre-norm transformer block."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), QuickGELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    """Pictures (B, 3, height, width), normalised, to tokens of block `token_layer`, class token and its projection."""

    def __init__(self, config: VitConfig, height: int, width: int) -> None:
        super().__init__()
        rows, columns = config.grid(height, width)
        scale = config.width**-0.5
        self.token_layer = config.token_layer
        self.patches = nn.Conv2d(3, config.width, config.patch, config.stride, bias=False)
        self.class_token = nn.Parameter(scale * torch.randn(config.width))
        self.positions = nn.Parameter(scale * torch.randn(1 + rows * columns, config.width))
        self.norm_in = nn.LayerNorm(config.width)
        self.blocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.layers))
        self.norm_out = nn.LayerNorm(config.width)
        self.projection = nn.Parameter(scale * torch.randn(config.width, config.projection))

    def forward(self, pictures: Tensor) -> BackboneFeatures:
        x = self.patches(pictures).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(x.shape[0], 1, -1), x], dim=1)
        x = self.norm_in(x + self.positions)
        for block in self.blocks[: self.token_layer]:
            x = block(x)
        tokens = x[:, 1:]
        for block in self.blocks[self.token_layer :]:
            x = block(x)
        cls = self.norm_out(x[:, 0])
        return BackboneFeatures(tokens, cls, cls @ self.projection)
