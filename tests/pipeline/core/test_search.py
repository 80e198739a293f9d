"""Searching many people, while they come, change and go."""

from __future__ import annotations

import numpy as np

from reid_pipeline.core.looks import Look
from reid_pipeline.core.portrait import Portrait, portrait
from reid_pipeline.core.search import COMPARED, UNKNOWN, PeopleIndex
from reid_pipeline.core.similarity import quantise
from reid_pipeline.types import Float32

DIM = 32


def people(count: int, *, looks: int = 5, seed: int = 0) -> dict[str, Portrait]:
    """So many people, each with looks around a direction of their own."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 1, DIM)) + rng.normal(scale=0.6, size=(count, looks, DIM))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return {
        f"P{number:04d}": portrait(Look("a", moment, 0.5, look) for moment, look in enumerate(own))
        for number, own in enumerate(quantise(vectors.astype(np.float32)), start=1)
    }


def filled(known: dict[str, Portrait]) -> PeopleIndex:
    index = PeopleIndex()
    for person, shown in known.items():
        index.put(person, shown)
    return index


def rows(count: int, seed: int = 9) -> Float32:
    return np.stack([shown.mean for shown in people(count, seed=seed).values()])


def check(index: PeopleIndex, known: dict[str, Portrait]) -> None:
    """The people whose means are nearest are told as their portraits say, to the bit, and of nobody else anything."""
    asked = rows(7)
    scores = index.likeness(asked)
    expected = np.full(scores.shape, UNKNOWN)
    slots = index.slots_of(known).tolist()
    assert [index.person(slot) for slot in slots] == list(known)
    for row, mean in enumerate(asked):
        nearest = sorted(zip(known.values(), slots, strict=True), key=lambda one: -float(one[0].mean @ mean))
        for shown, slot in nearest[:COMPARED]:
            expected[row, slot] = shown.likeness(mean[None])[0]
    np.testing.assert_array_equal(scores, expected)
    assert len(index) == len(known)


def test_people_come_change_and_go_and_the_index_stays_exact_and_small() -> None:
    known, fresh = people(50), people(400, seed=2)
    index = filled(known)
    for turn, (person, shown) in enumerate(fresh.items()):
        name = f"P{turn % 60 + 1:04d}"
        index.put(name, shown)
        known[name] = shown
        if turn % 3 == 0:
            index.drop(person)
            known.pop(person, None)
    check(index, known)
    assert index.slots <= 60
    index.drop("nobody of that name")
    for person in list(known):
        index.drop(person)
    assert len(index) == 0
    assert (index.likeness(rows(3)) == UNKNOWN).all()
    check(filled(people(3, seed=3)), people(3, seed=3))


def test_it_follows_portraits_and_says_whose_are_new() -> None:
    known = people(200)
    index = PeopleIndex()
    assert index.follow(known) == list(known)
    assert index.follow(known) == []
    known["P0002"] = known["P0100"]
    del known["P0001"]
    assert index.follow(known) == ["P0001", "P0002"]
    check(index, known)


def test_among_equals_all_are_compared() -> None:
    twins = dict.fromkeys((f"T{n}" for n in range(3 * COMPARED)), people(1)["P0001"])
    index = filled(people(40, seed=1) | twins)
    scores = index.likeness(twins["T0"].mean[None])
    assert index.likeness(np.zeros((0, DIM), np.float32)).shape == (0, index.slots)
    assert np.count_nonzero(scores != UNKNOWN) == 3 * COMPARED


def test_the_bits_do_not_depend_on_what_is_searched_together() -> None:
    index, asked = filled(people(300)), rows(64)
    together = index.likeness(asked)
    for number, row in enumerate(asked):
        np.testing.assert_array_equal(index.likeness(row[None])[0], together[number])


def test_nobody_is_like_anybody() -> None:
    assert PeopleIndex().likeness(rows(3)).shape == (3, 0)
