"""Greedy non-maximum suppression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.types import Float32


def suppress(xyxy: Float32, score: Float32, max_iou: float) -> NDArray[np.int64]:
    """Which boxes stay when the better of two that overlap by more than `max_iou` wins.

    Args:
        xyxy: boxes (N, 4).
        score: scores (N,).
        max_iou: intersection over union up to which two boxes may be two people.

    Returns:
        Indices of the kept boxes, best score first; equal scores in the order of their index.
    """
    order = np.argsort(-score, kind="stable")
    boxes = xyxy[order]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    rest = np.arange(len(order))
    while len(rest):
        best, rest = rest[0], rest[1:]
        kept.append(int(order[best]))
        corner = np.minimum(boxes[best, 2:], boxes[rest, 2:]) - np.maximum(boxes[best, :2], boxes[rest, :2])
        shared = np.prod(np.maximum(corner, 0), axis=1)
        # shared / union > max_iou without the division, so that empty boxes need no special case
        rest = rest[shared <= max_iou * (area[best] + area[rest] - shared)]
    return np.array(kept, np.int64)
