"""What an engine computes: pictures in, unit vectors out. This module is what gets exported."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid_engines.saga.config import Fusion
from reid_engines.saga.features import Features
from reid_engines.saga.model import Saga


def fuse(features: Features, fusion: Fusion) -> Tensor:
    """The final vectors (B, dim), of length 1: the parts of `fusion` one after the other.

    Dividing by the length at the end does not change the ranking by the weighted sum of the parts' cosines (2, 0.2 and
    0.05 in arXiv 2604.22190): every vector has the same length before, the root of the sum of the weights.
    """
    refined = features.aggregated.refined if features.aggregated else None
    weighted = (
        (refined, fusion.refined),
        (features.backbone.cls, fusion.cls),
        (features.backbone.projection, fusion.projection),
    )
    parts = [
        weight**0.5 * (F.normalize(part, dim=-1) if fusion.unit_parts else part) for part, weight in weighted if weight
    ]
    return F.normalize(torch.cat(parts, dim=-1), dim=-1)


class Embedder(nn.Module):
    """Normalisation, the model, fusion and length 1 in one module; it puts the model into evaluation mode.

    `fusion` replaces the model's own, for instance to rank by one part alone.
    """

    def __init__(self, model: Saga, fusion: Fusion | None = None) -> None:
        super().__init__()
        self.model = model
        self.fusion = fusion or model.config.fusion
        self.size = (model.config.height, model.config.width)
        self.register_buffer("mean", torch.tensor(model.config.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(model.config.std).view(3, 1, 1), persistent=False)
        self.eval()

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures uint8 (B, height, width, 3) RGB -> float32 (B, dim) with rows of length 1; B may be 0.

        Raises `ValueError` for pictures of another type or size.
        """
        if pictures.dtype != torch.uint8 or pictures.shape[1:] != (*self.size, 3):
            got = f"{str(pictures.dtype).removeprefix('torch.')} {tuple(pictures.shape)}"
            raise ValueError(f"expected uint8 pictures (N, {self.size[0]}, {self.size[1]}, 3), got {got}")
        return fuse(self.model((pictures.permute(0, 3, 1, 2).float() - self.mean) / self.std), self.fusion)
