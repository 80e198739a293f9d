from __future__ import annotations

import numpy as np

from reid_pipeline.detect.nms import suppress
from reid_pipeline.types import Float32


def boxes(*rows: tuple[float, float, float, float]) -> Float32:
    return np.array(rows, np.float32).reshape(-1, 4)


def scores(*values: float) -> Float32:
    return np.array(values, np.float32)


def test_better_box_wins() -> None:
    found = suppress(boxes((0, 0, 10, 10), (0, 1, 10, 11), (20, 0, 30, 10)), scores(0.5, 0.9, 0.7), 0.5)
    assert found.tolist() == [1, 2]


def test_equal_scores_go_by_index() -> None:
    same = boxes(*[(0, 0, 10, 10)] * 5)
    assert suppress(same, np.full(5, 0.5, np.float32), 0.5).tolist() == [0]


def test_overlap_at_the_limit_is_kept() -> None:
    half = boxes((0, 0, 10, 10), (0, 0, 10, 5))
    assert suppress(half, scores(0.9, 0.8), 0.5).tolist() == [0, 1]
    assert suppress(half, scores(0.9, 0.8), 0.49).tolist() == [0]


def test_empty_and_degenerate_boxes() -> None:
    assert suppress(boxes(), np.zeros(0, np.float32), 0.5).tolist() == []
    assert suppress(boxes((5, 5, 5, 5), (5, 5, 5, 5)), scores(0.1, 0.2), 0.5).tolist() == [1, 0]


def test_agrees_with_the_definition() -> None:
    random = np.random.default_rng(7)
    corner = random.uniform(0, 60, (200, 2))
    crowd = np.hstack([corner, corner + random.uniform(5, 40, (200, 2))]).astype(np.float32)
    score = random.choice(np.linspace(0, 1, 21), 200).astype(np.float32)
    kept: list[int] = []
    for index in sorted(range(200), key=lambda i: (-score[i], i)):
        if all(overlap(crowd[index], crowd[other]) <= 0.4 for other in kept):
            kept.append(index)
    assert suppress(crowd, score, 0.4).tolist() == kept


def overlap(one: Float32, other: Float32) -> float:
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(width * height / (sum(areas) - width * height))
