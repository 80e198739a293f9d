from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from reid_pipeline.errors import ConfigError
from reid_tools.train.sampler import PersonBatches, Plan, shuffled_batches

# person 7 has 5 pictures, 3 has 4, 11 has 1, 2 has 8
LABELS = [7, 3, 7, 11, 2, 2, 3, 7, 2, 2, 7, 3, 2, 2, 7, 3, 2, 2]


def test_each_batch_holds_so_many_persons_and_pictures() -> None:
    for batch in PersonBatches(LABELS, persons=3, pictures=2, seed=0).epoch(0):
        people = np.array(LABELS)[batch].reshape(3, 2)
        assert (people[:, 0] == people[:, 1]).all()
        assert len(set(people[:, 0])) == 3


def test_pictures_come_once_unless_a_person_has_too_few() -> None:
    batches = PersonBatches(LABELS, persons=2, pictures=2, seed=4).epoch(0)
    counts = Counter(np.concatenate(batches).tolist())
    assert all(count == 1 for picture, count in counts.items() if LABELS[picture] != 11)
    assert counts[3] in (0, 2)


def test_too_few_pictures_are_all_used() -> None:
    (batch,) = PersonBatches([0, 0, 0, 1, 1, 1], persons=2, pictures=4, seed=1).epoch(0)
    assert set(batch.tolist()) == {0, 1, 2, 3, 4, 5}


def test_an_epoch_ends_when_too_few_persons_are_left() -> None:
    # chunks of 2: persons have 2, 2, 1 and 4; batches of all four stop after the person with one chunk
    assert len(PersonBatches(LABELS, persons=4, pictures=2, seed=0).epoch(3)) == 1
    # all of one person at a time: every chunk comes
    assert len(PersonBatches(LABELS, persons=1, pictures=2, seed=0).epoch(3)) == 9


def test_an_epoch_follows_from_seed_and_number() -> None:
    def epoch(seed: int, number: int) -> list[list[int]]:
        sampler = PersonBatches(LABELS, persons=2, pictures=2, seed=seed)
        return [batch.tolist() for batch in sampler.epoch(number)]

    sampler = PersonBatches(LABELS, persons=2, pictures=2, seed=5)
    sampler.epoch(0)
    assert [batch.tolist() for batch in sampler.epoch(1)] == epoch(5, 1)
    assert epoch(5, 1) != epoch(5, 2)
    assert epoch(5, 1) != epoch(6, 1)


@pytest.mark.parametrize("labels", [LABELS, []])
def test_too_few_persons_are_refused(labels: list[int]) -> None:
    with pytest.raises(ConfigError, match=r"batches of 5 persons: the training pictures show \d; lower"):
        PersonBatches(labels, persons=5, pictures=2, seed=0)


def test_a_plan_joins_epochs_of_different_lengths() -> None:
    epochs = [[np.array([0]), np.array([1])], [np.array([2])], [np.array([3]), np.array([4])]]
    plan = Plan(lambda epoch: epochs[epoch], 3)
    assert plan.steps == 5
    assert [int(plan.batch(step)[0]) for step in range(5)] == [0, 1, 2, 3, 4]
    assert [plan.epoch(step) for step in range(5)] == [1, 1, 2, 3, 3]


def test_shuffled_batches_hold_every_picture_once() -> None:
    epoch = shuffled_batches(10, 4, seed=2)
    batches = epoch(0)
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert sorted(np.concatenate(batches).tolist()) == list(range(10))
    assert [batch.tolist() for batch in epoch(0)] == [batch.tolist() for batch in batches]
    assert [batch.tolist() for batch in epoch(1)] != [batch.tolist() for batch in batches]
