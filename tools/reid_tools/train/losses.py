"""What training minimises. Every loss is a mean, takes float32 outside of autocast, and gives a scalar.

Sources: CLIP-ReID (AAAI 2023) for the contrast of pictures and prompts, "In Defense of the Triplet Loss" (2017) for the
batch-hard triplet, SAGA (arXiv 2604.22190) for the two diversities.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

SMOOTHING = 0.1
MARGIN = 0.3
# Below this a squared distance counts as 0; the root of 0 itself has no gradient.
_SMALLEST = 1e-12


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = SMOOTHING) -> Tensor:
    """Cross-entropy of logits (B, C) against (1 - smoothing) * one-hot + smoothing / C; labels int64 (B,)."""
    return F.cross_entropy(logits, labels, label_smoothing=smoothing)


def batch_hard_triplet(features: Tensor, labels: Tensor, margin: float = MARGIN) -> Tensor:
    """Hinge between each row's farthest row of the same label and its nearest of another; features (B, D) as they are.

    Distances are Euclidean. A row that has no row of another label counts 0.
    """
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    distances = _distances(features)
    farthest = distances.masked_fill(~same, 0).amax(dim=1)
    nearest = distances.masked_fill(same, torch.inf).amin(dim=1)
    return F.relu(farthest - nearest + margin).mean()


def prompt_contrast(pictures: Tensor, texts: Tensor, labels: Tensor) -> Tensor:
    """Supervised contrast of pictures (B, D) with the texts (B, D) of their persons, in both directions, summed.

    Neither side is normalised and the temperature is 1, as published.
    """
    logits = pictures @ texts.T
    same = (labels.unsqueeze(0) == labels.unsqueeze(1)).float()
    return _contrast(logits, same) + _contrast(logits.T, same)


def diversity(vectors: Tensor) -> Tensor:
    """Mean squared cosine between different rows of (K, D): 0 when all are orthogonal, also for a single row."""
    count = len(vectors)
    directions = F.normalize(vectors, dim=1)
    squared = (directions @ directions.T).square()
    return (squared.sum() - squared.diagonal().sum()) / max(1, count * (count - 1))


def classifier_diversity(weights: Sequence[Tensor]) -> Tensor:
    """`diversity` of whole classifiers, each a matrix (C, D) taken as one long vector."""
    return diversity(torch.stack([matrix.flatten() for matrix in weights]))


def _distances(features: Tensor) -> Tensor:
    lengths = features.square().sum(dim=1)
    squared = lengths.unsqueeze(0) + lengths.unsqueeze(1) - 2 * features @ features.T
    return squared.clamp(min=_SMALLEST).sqrt()


def _contrast(logits: Tensor, same: Tensor) -> Tensor:
    """Mean over rows of the mean negative log-softmax of a row's own columns; every row has one at least."""
    return -((logits.log_softmax(dim=1) * same).sum(dim=1) / same.sum(dim=1)).mean()
