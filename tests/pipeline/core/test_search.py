"""Searching the looks of many people: against everybody, against a shortlist, and while people come and go."""

from __future__ import annotations

import numpy as np
import pytest

from reid_pipeline.core.looks import LookSet
from reid_pipeline.core.search import BLOCK_LOOKS, UNKNOWN, LookIndex, coverage
from reid_pipeline.core.similarity import cosine, quantise
from reid_pipeline.types import Float32

DIM = 32


def people(count: int, *, looks: int = 5, seed: int = 0) -> dict[str, Float32]:
    """So many people, each with looks around a direction of their own."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, 1, DIM))
    vectors = centres + rng.normal(scale=0.6, size=(count, looks, DIM))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return {f"P{number:04d}": quantise(own.astype(np.float32)) for number, own in enumerate(vectors, start=1)}


def filled(known: dict[str, Float32], *, shortlist: int = 0) -> LookIndex:
    index = LookIndex(shortlist=shortlist)
    for person, vectors in known.items():
        index.put(person, vectors)
    return index


def check(index: LookIndex, known: dict[str, Float32], rows: Float32) -> None:
    """The index says of everybody what comparing with each look says, to the bit, and of free slots nothing."""
    best = index.best(rows)
    expected = np.full(best.shape, UNKNOWN)
    for person, slot in zip(known, index.slots_of(known).tolist(), strict=True):
        expected[:, slot] = cosine(rows, known[person]).max(axis=1)
        assert index.person(slot) == person
    np.testing.assert_array_equal(best, expected)
    assert len(index) == len(known)


def test_everybody_is_compared_look_by_look_over_all_blocks() -> None:
    known = people(3 * BLOCK_LOOKS // 16, looks=16)
    index = filled(known)
    check(index, known, next(iter(people(1, looks=7, seed=1).values())))


def test_people_come_change_and_go_and_the_index_stays_exact_and_small() -> None:
    known, fresh = people(50), people(400, looks=20, seed=2)
    index = filled(known)
    rows = known["P0007"]
    for turn, (person, vectors) in enumerate(fresh.items()):
        name = f"P{turn % 60 + 1:04d}"
        index.put(name, vectors[: 1 + turn % 20])
        known[name] = vectors[: 1 + turn % 20]
        if turn % 3 == 0:
            index.drop(person)
            known.pop(person, None)
    check(index, known, rows)
    assert index.slots <= 60
    index.drop("nobody of that name")
    for person in list(known):
        index.drop(person)
    assert len(index) == 0
    assert (index.best(rows) == UNKNOWN).all()
    known = people(3, seed=3)
    for person, vectors in known.items():
        index.put(person, vectors)
    check(index, known, rows)


def test_blocks_that_are_mostly_dead_are_let_go() -> None:
    index = LookIndex()
    vectors = people(1, looks=32)["P0001"]
    for turn in range(20 * BLOCK_LOOKS // 32):
        index.put(f"P{turn % 10}", vectors)
    assert sum(len(block.vectors) for block in index._blocks) <= 3 * BLOCK_LOOKS


def test_an_array_is_taken_over_and_later_looks_go_elsewhere() -> None:
    known = people(900, looks=9)
    array = np.concatenate(list(known.values()))
    before = array.copy()
    array.flags.writeable = False
    sets, first = {}, 0
    for person, vectors in known.items():
        notes = [("a", n, 0.5) for n in range(len(vectors))]
        sets[person] = LookSet.of(32, notes, array[first : first + len(vectors)])
        first += len(vectors)
    index = LookIndex()
    index.adopt(array, sets)
    check(index, known, known["P0003"])
    assert all(np.shares_memory(array, block.vectors) for block in index._blocks)
    assert index.follow(sets) == []
    sets["P0002"].add("a", 99, 0.9, known["P0500"][0])
    del sets["P0001"]
    assert index.follow(sets) == ["P0001", "P0002"]
    known["P0002"] = sets["P0002"].vectors
    del known["P0001"]
    check(index, known, known["P0003"])
    np.testing.assert_array_equal(array, before)


def test_the_nearest_come_first_and_of_equals_the_lower_slot() -> None:
    known = people(40)
    twin = known["P0005"]
    index = filled(known | {"twin": twin, "third": twin})
    slots, scores = index.nearest(twin[:1], 4)
    assert [index.person(slot) for slot in slots[0].tolist()][:3] == ["P0005", "twin", "third"]
    assert scores[0, 0] == scores[0, 2] > scores[0, 3]
    slots, scores = index.nearest(twin, 2)
    assert [[index.person(slot) for slot in row] for row in slots.tolist()] == [["P0005", "twin"]] * len(twin)
    assert index.nearest(twin, 1000)[0].shape == (len(twin), 42)
    assert LookIndex().nearest(twin, 3)[0].shape == (len(twin), 0)


def test_a_shortlist_finds_who_is_alike_and_scores_them_exactly() -> None:
    known = people(600)
    exact, listed = filled(known), filled(known, shortlist=20)
    for person in ("P0001", "P0300", "P0600"):
        rows = known[person][:2]
        full, short = exact.best(rows), listed.best(rows)
        compared = short[0] != UNKNOWN
        assert 20 <= np.count_nonzero(compared) < 60
        np.testing.assert_array_equal(short[:, compared], full[:, compared])
        assert exact.nearest(rows, 1)[0].tolist() == listed.nearest(rows, 1)[0].tolist()


def test_a_shortlist_knows_of_those_who_came_left_and_changed() -> None:
    known = people(80)
    index = filled(known, shortlist=5)
    rows = known["P0010"]
    index.drop("P0010")
    assert "P0010" not in {index.person(slot) for slot in index.nearest(rows, 5)[0].ravel().tolist()}
    index.put("P0020", rows)
    assert {index.person(slot) for slot in index.nearest(rows, 1)[0].ravel().tolist()} == {"P0020"}


def test_a_list_that_is_longer_than_there_are_people_is_everybody() -> None:
    known = people(10)
    check(filled(known, shortlist=10), known, known["P0001"])


@pytest.mark.parametrize("shortlist", [0, 2])
def test_the_bits_do_not_depend_on_what_is_searched_together(shortlist: int) -> None:
    known = people(30)
    index = filled(known, shortlist=shortlist)
    rows = np.concatenate([known["P0001"], known["P0001"][::-1]])
    together, alone = index.best(rows), index.best(known["P0001"])
    np.testing.assert_array_equal(together[: len(alone)], alone)
    np.testing.assert_array_equal(together[len(alone) :][::-1], alone)


def test_coverage_is_the_weighted_mean_of_a_sets_rows() -> None:
    best = np.array([[1.0, 0.0], [0.5, 0.5], [0.25, UNKNOWN]], np.float32)
    covered = coverage(best, [np.array([1.0, 3.0]), np.array([0.5])])
    np.testing.assert_array_equal(covered, [[0.625, 0.375], [0.25, UNKNOWN]])
