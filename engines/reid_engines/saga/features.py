"""What the parts of a model hand to each other; B pictures, N tokens, D wide."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class BackboneFeatures(NamedTuple):
    """What a backbone sees: `tokens` (B, N, D) row by row, `cls` (B, C) for the whole, CLIP's `projection` of it."""

    tokens: Tensor
    cls: Tensor
    projection: Tensor | None


class Aggregated(NamedTuple):
    """What aggregation makes of the tokens.

    `refined` is the picture's vector (B, D), not normalised; `tokens` (B, N, D) as they were pooled; `attention`
    (B, N, K + M) of each token over the anchors in the last block, rows summing to 1, averaged over heads; `weights`
    (B, N) the tokens were pooled with, summing to 1.
    """

    refined: Tensor
    tokens: Tensor
    attention: Tensor
    weights: Tensor


class Features(NamedTuple):
    """All a model says of its pictures; `aggregated` is None for a model without aggregation."""

    backbone: BackboneFeatures
    aggregated: Aggregated | None
