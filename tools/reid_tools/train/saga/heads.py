"""What only training has: classifiers of the training persons behind a batch norm."""

from __future__ import annotations

from torch import Tensor, nn

_DEVIATION = 0.001


class Heads(nn.Module):
    """A batch norm without trained bias, then `count` classifiers without bias, side by side."""

    def __init__(self, width: int, persons: int, count: int = 1) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.norm.bias.requires_grad_(False)
        self.classifiers = nn.ModuleList(nn.Linear(width, persons, bias=False) for _ in range(count))
        self.draw_classifiers()

    def forward(self, features: Tensor) -> list[Tensor]:
        """Features (B, width) -> logits (B, persons) of every classifier."""
        features = self.norm(features)
        return [classifier(features) for classifier in self.classifiers]

    def draw_classifiers(self) -> None:
        """Give the classifiers new random weights."""
        for classifier in self.classifiers:
            nn.init.normal_(classifier.weight, std=_DEVIATION)
