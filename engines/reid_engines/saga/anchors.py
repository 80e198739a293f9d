"""Where the shared anchors come from: a plain table, or texts that pass through CLIP's frozen text tower.

An anchor's text is a start mark, 4 learnable word vectors, 12 frozen ones that keep it close to its phrase, then
"person." (arXiv 2604.22190). Texts exist while training only: weights files and engines hold the table they come to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from reid_engines.saga.clip import TextTower
    from reid_engines.saga.model import Saga

LEARNED, FROZEN = 4, 12
NOISE = 0.01


class AnchorTable(nn.Module):
    """Anchors (count, width) that are parameters themselves."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(nn.init.trunc_normal_(torch.empty(count, width), std=0.02))

    def forward(self) -> Tensor:
        return self.vectors


class TextAnchors(nn.Module):
    """Anchors (K, width) made from K phrases; only the learned words and `projection` have gradients.

    Raises `ValueError` when a phrase has no words.
    """

    def __init__(self, tower: TextTower, phrases: Sequence[str], width: int) -> None:
        super().__init__()
        words = [tower.words(phrase) for phrase in phrases]
        if not all(len(phrase) for phrase in words):
            raise ValueError(f"anchor phrases: one of {len(words)} has no words")
        learned = torch.stack([phrase[spread(len(phrase), LEARNED)] for phrase in words])
        frame, self.end = tower.frame(LEARNED + FROZEN, "person.")
        self.tower = tower
        self.learned = nn.Parameter(learned + NOISE * torch.randn_like(learned))
        self.register_buffer("frozen", torch.stack([frozen_words(phrase) for phrase in words]))
        self.register_buffer("prefix", frame[:1])
        self.register_buffer("suffix", frame[1 + LEARNED + FROZEN :])
        self.projection = nn.Linear(tower.width, width, bias=False)
        nn.init.xavier_uniform_(self.projection.weight)

    def forward(self) -> Tensor:
        count = self.learned.shape[0]
        prefix, suffix = (part.expand(count, -1, -1) for part in (self.prefix, self.suffix))
        texts = torch.cat([prefix, self.learned, self.frozen, suffix], dim=1)
        return self.projection(self.tower(texts, self.end))


def spread(count: int, wanted: int) -> Tensor:
    """`wanted` evenly spaced indices into `count` things; some come twice when there are too few."""
    return torch.linspace(0, count - 1, wanted).round().long()


def frozen_words(words: Tensor) -> Tensor:
    """Word vectors (n, E) of a phrase -> (12, E): in their order, filled with their mean, or evenly thinned out."""
    if len(words) > FROZEN:
        return words[spread(len(words), FROZEN)]
    filling = words.mean(dim=0, keepdim=True).expand(FROZEN - len(words), -1)
    return torch.cat([words, filling])


def freeze_anchors(model: Saga) -> None:
    """Put a table with the present values in the place of text anchors; the features stay the same."""
    if isinstance(model.anchors, TextAnchors):
        with torch.no_grad():
            vectors = model.anchors()
        table = AnchorTable(*vectors.shape).to(vectors.device)
        table.vectors.data.copy_(vectors)
        model.anchors = table.requires_grad_(False)
