from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from drawn_people import drawn_people
from reid_pipeline.errors import ConfigError
from reid_pipeline.types import Image
from reid_tools.train.distillation.batches import Batch, Batches, Mix
from reid_tools.train.distillation.pictures import Pool

SMALL, FULL, STRIDE = (64, 32), (256, 128), 16
MIX = Mix(pictures=5, persons=2, views=3, hidden=0.6, redressed=0.3, recoloured=0.5)
STRANGERS_ALONE = replace(MIX, persons=0)


def unknown_pool(pictures: Image) -> Pool:
    count = len(pictures)
    return Pool(pictures, np.full(count, 1 / count), np.full(count, -1, np.int64))


def known_pool(persons: int = 4, views: int = 5) -> Pool:
    pictures, labels = drawn_people(persons, views, first=50)
    return Pool(pictures, np.full(len(labels), 1 / len(labels)), labels)


@pytest.fixture(scope="module")
def strangers() -> Pool:
    return unknown_pool(drawn_people(12)[0])


@pytest.fixture(scope="module")
def known() -> Pool:
    return known_pool()


def batches(
    unknown: Pool, known: Pool | None, mix: Mix = MIX, *, seed: int = 1, size: tuple[int, int] = SMALL
) -> Batches:
    return Batches(unknown, known, mix, seed=seed, size=size, stride=STRIDE)


def assert_equal(first: Batch, second: Batch) -> None:
    for name in ("whole", "seen", "covered", "labels"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


@pytest.mark.parametrize("size", [SMALL, (192, 96), FULL])
def test_what_a_batch_is_made_of(strangers: Pool, known: Pool, size: tuple[int, int]) -> None:
    made = batches(strangers, known, size=size)
    assert made.persons == 4
    batch = made[0]
    count = MIX.pictures + MIX.persons * MIX.views
    assert batch.whole.shape == (count, 256, 128, 3)
    assert batch.whole.dtype == np.uint8
    assert batch.seen.shape == (count, *size, 3)
    assert batch.seen.dtype == np.uint8
    assert batch.covered.shape == (count, size[0] // STRIDE, size[1] // STRIDE)
    assert batch.covered.dtype == np.float32
    assert batch.covered.min() >= 0
    assert batch.covered.max() <= 1


def test_a_batch_is_the_same_whenever_and_in_whatever_order(strangers: Pool, known: Pool) -> None:
    numbers = range(7)  # the known people last for three batches, so these are of three epochs
    straight = batches(strangers, known)
    wanted = [straight[number] for number in numbers]
    backwards, straight_to_one = batches(strangers, known), batches(strangers, known)
    for number in reversed(numbers):
        assert_equal(backwards[number], wanted[number])
    assert_equal(straight_to_one[5], wanted[5])
    assert_equal(straight_to_one[5], wanted[5])
    with ThreadPoolExecutor(1) as worker:
        assert_equal(worker.submit(batches(strangers, known).__getitem__, 4).result(), wanted[4])
    assert len({batch.seen.tobytes() for batch in wanted}) == len(wanted)


def test_another_seed_gives_other_batches(strangers: Pool, known: Pool) -> None:
    first, second = batches(strangers, known, seed=1)[0], batches(strangers, known, seed=2)[0]
    assert not np.array_equal(first.seen, second.seen)
    assert not np.array_equal(first.whole, second.whole)


def test_known_people_come_after_the_unknown_ones_with_their_pictures_together(strangers: Pool, known: Pool) -> None:
    made = batches(strangers, known)
    for number in range(6):
        labels = made[number].labels
        assert labels.dtype == np.int64
        assert (labels[:5] == -1).all()
        first, second = labels[5:8], labels[8:]
        assert len(set(first.tolist())) == len(set(second.tolist())) == 1
        assert first[0] != second[0]
        assert set(labels[5:].tolist()) <= set(range(4))


def test_the_teacher_sees_known_people_in_their_own_colours(known: Pool) -> None:
    """Their labels are of those clothes; strangers get other clothes and colours."""
    black = unknown_pool(np.zeros((3, *FULL, 3), np.uint8))
    batch = batches(black, known)[0]
    shown = np.concatenate([known.pictures, known.pictures[:, :, ::-1]]).astype(int)
    for picture, label in zip(batch.whole[5:], batch.labels[5:], strict=True):
        nearest = np.abs(shown - picture).mean(axis=(1, 2, 3)).argmin()
        assert known.labels[nearest % len(known.labels)] == label


def test_without_known_people(strangers: Pool) -> None:
    made = batches(strangers, None, STRANGERS_ALONE)
    assert made.persons == 0
    batch = made[3]
    assert batch.labels.tolist() == [-1] * 5
    assert_equal(batches(strangers, None, STRANGERS_ALONE)[3], batch)


def test_more_known_people_than_there_are_is_refused(strangers: Pool, known: Pool) -> None:
    with pytest.raises(ConfigError, match="batches of 5 persons: the training pictures show 4; lower the persons"):
        batches(strangers, known, replace(MIX, persons=5))


def test_pictures_are_drawn_by_their_chances() -> None:
    pictures = np.stack([np.full((*FULL, 3), value, np.uint8) for value in (0, 100, 200)])
    pool = Pool(pictures, np.array([0.0, 0.25, 0.75]), np.full(3, -1, np.int64))
    mix = Mix(pictures=40, persons=0, views=1, hidden=0.0, redressed=0.0, recoloured=0.0)
    found, count = np.unique(batches(pool, None, mix)[0].whole[:, 0, 0, 0], return_counts=True)
    assert found.tolist() == [100, 200]
    assert count[0] < count[1]


def test_the_teacher_sees_nothing_of_what_is_in_front() -> None:
    black = unknown_pool(np.zeros((3, *FULL, 3), np.uint8))
    made = batches(black, None, replace(STRANGERS_ALONE, pictures=12, hidden=1.0))
    batch = made[0]
    assert not batch.whole.any()
    assert batch.seen.max() > 100


def test_nothing_is_covered_where_nothing_is_to_be_hidden(strangers: Pool, known: Pool) -> None:
    made = batches(strangers, known, replace(MIX, hidden=0.0))
    assert not any(made[number].covered.any() for number in range(3))


def test_as_many_are_hidden_as_the_mix_says(strangers: Pool) -> None:
    made = batches(strangers, None, replace(STRANGERS_ALONE, pictures=20, hidden=0.6))
    hidden = np.concatenate([made[number].covered.any(axis=(1, 2)) for number in range(8)])
    assert 0.48 < hidden.mean() < 0.72


@pytest.mark.parametrize("size", [(64, 32), (128, 64)])
def test_covered_shares_are_those_of_the_resized_picture(strangers: Pool, known: Pool, size: tuple[int, int]) -> None:
    """The same draws at full size: a token of a smaller picture covers as many tokens there as it is coarser."""
    full, small = batches(strangers, known, size=FULL)[2], batches(strangers, known, size=size)[2]
    factor = FULL[0] // size[0]
    count, rows, columns = full.covered.shape
    blocks = full.covered.reshape(count, rows // factor, factor, columns // factor, factor)
    np.testing.assert_allclose(small.covered, blocks.mean(axis=(2, 4)), atol=1e-6)
    assert small.covered.any()


@pytest.mark.parametrize("size", [(128, 64), (192, 96), FULL])
def test_covered_is_where_the_student_sees_something_else(size: tuple[int, int]) -> None:
    """In front of white people, dark places are what covers them; a free token is as bright as its picture is."""
    white = unknown_pool(np.full((3, *FULL, 3), 255, np.uint8))
    mix = Mix(pictures=16, persons=0, views=1, hidden=1.0, redressed=0.0, recoloured=0.0)
    darker, covered = [], []
    for number in range(3):
        batch = batches(white, None, mix, size=size)[number]
        count, rows, columns = batch.covered.shape
        tokens = batch.seen.astype(int).min(axis=3).reshape(count, rows, STRIDE, columns, STRIDE).mean(axis=(2, 4))
        darker.append((tokens.max(axis=(1, 2), keepdims=True) - tokens).ravel())
        covered.append(batch.covered.ravel())
    by_how_much, share = np.concatenate(darker), np.concatenate(covered)
    assert np.mean(by_how_much[share == 0] < 40) > 0.97
    assert share[by_how_much > 60].mean() > 0.65
    # Other people in front are white as well; things, grey and noise are not.
    assert np.mean(by_how_much[share > 0.9] > 60) > 0.25
