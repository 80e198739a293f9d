"""The whole model up to its features: backbone, shared anchors, aggregation. What leaves as a vector: `embedder`."""

from __future__ import annotations

from torch import Tensor, nn

from reid_engines.saga.aggregation import Aggregation
from reid_engines.saga.anchors import AnchorTable
from reid_engines.saga.config import SagaConfig, VitConfig
from reid_engines.saga.features import Features
from reid_engines.saga.mobilenet import MobileNet
from reid_engines.saga.vit import Vit


class Saga(nn.Module):
    """A model with random weights and a free anchor table; weights come from `weights`, `checkpoints` or training.

    `anchors` is a module that takes nothing and gives the shared anchors (K, D); with `aggregation` it is None for a
    plain encoder. A trainer that keeps backbone features calls `aggregation(tokens, anchors())` alone.
    """

    def __init__(self, config: SagaConfig) -> None:
        super().__init__()
        self.config = config
        backbone = config.backbone
        if isinstance(backbone, VitConfig):
            self.backbone = Vit(backbone, config.height, config.width)
        else:
            self.backbone = MobileNet(backbone, config.height, config.width)
        self.anchors: nn.Module | None = None
        self.aggregation: nn.Module | None = None
        if config.aggregation is not None:
            self.anchors = AnchorTable(config.aggregation.anchors, backbone.width)
            self.aggregation = Aggregation(backbone.width, config.aggregation)

    def forward(self, pictures: Tensor) -> Features:
        """Pictures float (B, 3, height, width), normalised with the config's mean and std -> all features."""
        backbone = self.backbone(pictures)
        if self.anchors is None or self.aggregation is None:
            return Features(backbone, None)
        return Features(backbone, self.aggregation(backbone.tokens, self.anchors()))
