from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from reid_pipeline.core.clustering import agglomerate, better_parts, matching, reconcile


def groups_of(
    pairs: dict[tuple[int, int], float],
    count: int,
    apart: Collection[tuple[int, int]] = (),
    weights: Sequence[float] | None = None,
    join: Callable[..., list[list[int]]] = agglomerate,
) -> list[list[int]]:
    similarity, possible = np.zeros((count, count)), np.ones((count, count), np.bool_)
    for (i, j), value in pairs.items():
        similarity[i, j] = similarity[j, i] = value
    for i, j in apart:
        possible[i, j] = possible[j, i] = False
    given = np.ones(count) if weights is None else np.array(weights, np.float64)
    return join(similarity, possible, given, 0.5)


def test_what_is_alike_is_joined_and_the_rest_is_not() -> None:
    assert groups_of({(0, 1): 0.9, (2, 3): 0.8}, 5) == [[0, 1], [2, 3], [4]]


def test_the_mean_over_all_pairs_decides() -> None:
    assert groups_of({(0, 1): 0.9, (1, 2): 0.8, (0, 2): 0.1}, 3) == [[0, 1], [2]]
    assert groups_of({(0, 1): 0.9, (1, 2): 0.8, (0, 2): 0.3}, 3) == [[0, 1, 2]]


def test_what_is_known_better_counts_more() -> None:
    pairs = {(0, 1): 0.9, (1, 2): 0.8, (0, 2): 0.1}
    assert groups_of(pairs, 3, weights=[1, 9, 1]) == [[0, 1, 2]]


def test_one_bad_item_does_not_keep_two_groups_apart() -> None:
    """A track that went over from one person to another stands in the way of both; it is left alone."""
    alike = {(i, j): 0.9 for i in range(5) for j in range(i)}

    def joined(*clues: Any) -> list[list[int]]:
        return reconcile([[0, 1, 2], [3, 4]], *clues)

    assert groups_of(alike, 5, join=joined, weights=[8, 8, 2, 8, 8], apart={(2, 3)}) == [[0, 1, 3, 4], [2]]
    assert groups_of(alike, 5, join=joined, weights=[8, 8, 99, 8, 8], apart={(2, 3)}) == [[0, 1, 2, 4], [3]]


def test_groups_that_nothing_can_bring_together_stay_apart() -> None:
    alike = {(i, j): 0.9 for i in range(4) for j in range(i)}
    every = {(i, j) for i in (0, 1) for j in (2, 3)}
    assert groups_of(alike, 4, join=lambda *clues: reconcile([[0, 1], [2, 3]], *clues), apart=every) == [[0, 1], [2, 3]]
    unlike = {(0, 1): 0.9, (2, 3): 0.9}
    assert groups_of(unlike, 4, join=lambda *clues: reconcile([[0, 1], [2, 3]], *clues)) == [[0, 1], [2, 3]]


def test_a_must_not_link_holds_through_a_third_one() -> None:
    alike = {(0, 1): 0.95, (1, 2): 0.9, (0, 2): 0.99}
    assert groups_of(alike, 3, apart={(0, 2)}) == [[0, 1], [2]]


def test_nothing_and_one() -> None:
    assert groups_of({}, 0) == []
    assert groups_of({}, 1) == [[0]]


def test_names_go_to_the_group_with_most_votes_each_once() -> None:
    votes = [(0, "P1", 10), (1, "P1", 30), (1, "P2", 5), (0, "P2", 4)]
    assert matching(votes) == {1: "P1", 0: "P2"}
    assert matching([(0, "P1", 1), (1, "P1", 2)]) == {1: "P1"}


def parts_of(before: Sequence[Sequence[int]], anew: Sequence[Sequence[int]], **given: Any) -> list[list[int]]:
    """Items 0 to 4; 0, 1 and 2 are hardly more alike together than 0 and 1 alone, and so are 3 and 4 than apart."""
    pairs = {(0, 1): 0.9, (0, 2): 0.51, (1, 2): 0.492, (3, 4): given.pop("alike", 0.8)}

    def join(*items: Any) -> list[list[int]]:
        return better_parts(before, anew, *items)

    return groups_of(pairs, 5, join=join, **given)


def test_what_was_told_stays_where_the_new_is_hardly_better() -> None:
    assert parts_of([[0, 1], [2], [3], [4]], [[0, 1, 2], [3, 4]]) == [[0, 1], [2], [3, 4]]
    assert parts_of([[0, 1, 2], [3, 4]], [[0, 1], [2], [3], [4]]) == [[0, 1, 2], [3, 4]]


def test_what_was_told_and_cannot_be_goes_however_alike_it_is() -> None:
    assert parts_of([[0, 1], [2], [3, 4]], [[0], [1], [2], [3, 4]], apart=[(0, 1)]) == [[0], [1], [2], [3, 4]]


def test_a_part_is_as_wide_as_the_groups_of_both_sides_reach() -> None:
    """2 goes over from one group to the other, so both groups are one decision; taken apart it would be in both."""
    before, anew = [[0, 1], [2, 3, 4]], [[0, 1, 2], [3, 4]]
    assert parts_of(before, anew) == anew
    assert parts_of(anew, before) == anew
