from __future__ import annotations

from collections.abc import Collection

import numpy as np

from reid_pipeline.core.clustering import agglomerate, matching


def groups_of(
    pairs: dict[tuple[int, int], float], count: int, apart: Collection[tuple[int, int]] = ()
) -> list[list[int]]:
    similarity, possible = np.zeros((count, count)), np.ones((count, count), np.bool_)
    for (i, j), value in pairs.items():
        similarity[i, j] = similarity[j, i] = value
    for i, j in apart:
        possible[i, j] = possible[j, i] = False
    return agglomerate(similarity, possible, 0.5)


def test_what_is_alike_is_joined_and_the_rest_is_not() -> None:
    assert groups_of({(0, 1): 0.9, (2, 3): 0.8}, 5) == [[0, 1], [2, 3], [4]]


def test_the_mean_over_all_pairs_decides() -> None:
    assert groups_of({(0, 1): 0.9, (1, 2): 0.8, (0, 2): 0.1}, 3) == [[0, 1], [2]]
    assert groups_of({(0, 1): 0.9, (1, 2): 0.8, (0, 2): 0.3}, 3) == [[0, 1, 2]]


def test_a_must_not_link_holds_through_a_third_one() -> None:
    alike = {(0, 1): 0.95, (1, 2): 0.9, (0, 2): 0.99}
    assert groups_of(alike, 3, apart={(0, 2)}) == [[0, 1], [2]]


def test_nothing_and_one() -> None:
    assert agglomerate(np.zeros((0, 0)), np.zeros((0, 0), np.bool_), 0.5) == []
    assert groups_of({}, 1) == [[0]]


def test_names_go_to_the_group_with_most_votes_each_once() -> None:
    votes = [(0, "P1", 10), (1, "P1", 30), (1, "P2", 5), (0, "P2", 4)]
    assert matching(votes) == {1: "P1", 0: "P2"}
    assert matching([(0, "P1", 1), (1, "P1", 2)]) == {1: "P1"}
