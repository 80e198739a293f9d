"""Losses against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from reid_tools.train.losses import (
    batch_hard_triplet,
    classifier_diversity,
    diversity,
    prompt_contrast,
    smoothed_cross_entropy,
)


def test_smoothed_cross_entropy() -> None:
    # softmax of (ln 3, 0) is (3/4, 1/4); the target is (0.95, 0.05)
    logits = torch.tensor([[math.log(3), 0.0]])
    expected = -(0.95 * math.log(0.75) + 0.05 * math.log(0.25))
    assert smoothed_cross_entropy(logits, torch.tensor([0])).item() == pytest.approx(expected)


def test_no_smoothing_is_plain_cross_entropy() -> None:
    logits = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]])
    expected = (-math.log(0.25) + math.log(2)) / 2
    assert smoothed_cross_entropy(logits, torch.tensor([1, 0]), smoothing=0).item() == pytest.approx(expected)


def test_triplet_takes_the_hardest_of_each_kind() -> None:
    # On a line: persons 0 at 0 and 3, persons 1 at 4 and 10.
    features = torch.tensor([[0.0], [3.0], [4.0], [10.0]])
    # farthest of the same: 3, 3, 6, 6; nearest of another: 4, 1, 1, 7
    expected = (0 + (3 - 1 + 0.3) + (6 - 1 + 0.3) + 0) / 4
    assert batch_hard_triplet(features, torch.tensor([0, 0, 1, 1])).item() == pytest.approx(expected, abs=1e-5)


def test_triplet_uses_features_as_long_as_they_are() -> None:
    features = torch.tensor([[0.0], [3.0], [4.0], [10.0]])
    labels = torch.tensor([0, 0, 1, 1])
    single, double = (batch_hard_triplet(scale * features, labels, margin=0.0) for scale in (1, 2))
    assert double.item() == pytest.approx(2 * single.item(), abs=1e-5)


def test_triplet_has_gradients_where_two_features_are_equal() -> None:
    features = torch.zeros(4, 3, requires_grad=True)
    loss = batch_hard_triplet(features, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(0.3)
    assert torch.isfinite(features.grad).all()


def test_triplet_without_another_person_counts_nothing() -> None:
    features = torch.tensor([[0.0], [3.0]], requires_grad=True)
    loss = batch_hard_triplet(features, torch.tensor([5, 5]))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(features.grad, torch.zeros(2, 1))


def test_prompt_contrast_of_one_person_each() -> None:
    # logits: rows (ln 3, 0) and (0, ln 3); each row and column gives -ln(3/4)
    pictures, texts = torch.eye(2) * math.log(3), torch.eye(2)
    assert prompt_contrast(pictures, texts, torch.tensor([0, 1])).item() == pytest.approx(-2 * math.log(0.75))


def test_prompt_contrast_averages_over_columns_of_one_person() -> None:
    # Two pictures of person 0, whose text is (1, 0), one of person 1 with (0, 1).
    # Rows of logits: (1, 1, 0), (2, 2, 1), (0, 0, 3).
    pictures = torch.tensor([[1.0, 0.0], [2.0, 1.0], [0.0, 3.0]])
    texts = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    e = math.exp
    by_picture = [math.log(2 * e(1) + 1) - 1, math.log(2 * e(2) + e(1)) - 2, math.log(2 + e(3)) - 3]
    column = math.log(e(1) + e(2) + 1) - 1.5
    last = math.log(1 + e(1) + e(3)) - 3
    expected = sum(by_picture) / 3 + (column + column + last) / 3
    assert prompt_contrast(pictures, texts, torch.tensor([0, 0, 1])).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("vectors", "expected"),
    [
        (torch.eye(3), 0.0),
        (torch.tensor([[1.0, 0.0], [5.0, 0.0]]), 1.0),
        (torch.tensor([[1.0, 0.0], [-1.0, 1.0]]), 0.5),
        (torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]]), (0 + 0.5 + 0.5) / 3),
        (torch.tensor([[1.0, 2.0]]), 0.0),
    ],
)
def test_diversity(vectors: Tensor, expected: float) -> None:
    assert diversity(vectors).item() == pytest.approx(expected, abs=1e-6)


def test_classifier_diversity_compares_whole_matrices() -> None:
    first, second = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    # cosine of (1, 0, 0, 1) and (1, 1, 1, 1) is 2 / (sqrt 2 * 2)
    assert classifier_diversity([first, second]).item() == pytest.approx(0.5)
