"""The whole recording at once: tracklets into people, under constraints that nothing may break.

Average-linkage agglomeration. The pair of groups that are most alike is joined, again and again, until no pair that may
be joined reaches the threshold. Two groups may not be joined when any two of their tracklets cannot be one person (in
one camera at the same time, in cameras apart at the same time, faster than one can walk).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.similarity import Float64

APART = -3.0
"""Marks a pair that cannot be one person; below every similarity."""


def agglomerate(similarity: Float64, possible: NDArray[np.bool_], threshold: float) -> list[list[int]]:
    """Group N items.

    Args:
        similarity: symmetric float64 (N, N); the diagonal does not matter.
        possible: symmetric bool (N, N), False where two items must not be in one group.
        threshold: groups are joined while their mean similarity reaches it.

    Returns:
        The groups as ascending lists of indices, ordered by their first index. On a tie the pair of lower indices goes
        first, so the result depends on the order of the items only where they are exactly alike.
    """
    count = len(similarity)
    links = np.where(possible, similarity, APART)
    np.fill_diagonal(links, APART)
    groups: list[list[int] | None] = [[i] for i in range(count)]
    while count > 1:
        a, b = divmod(int(links.argmax()), len(links))
        if links[a, b] < threshold:
            break
        a, b = min(a, b), max(a, b)
        _join(links, groups, a, b)
        count -= 1
    return [sorted(group) for group in groups if group is not None]


def _join(links: Float64, groups: list[list[int] | None], a: int, b: int) -> None:
    """Move group `b` into group `a`; the mean over all pairs follows from the two means (Lance and Williams, 1967)."""
    group_a, group_b = groups[a], groups[b]
    assert group_a is not None
    assert group_b is not None
    size_a, size_b = len(group_a), len(group_b)
    mean = (links[a] * size_a + links[b] * size_b) / (size_a + size_b)
    joined = np.where((links[a] == APART) | (links[b] == APART), APART, mean)
    links[a, :], links[:, a] = joined, joined
    links[b, :], links[:, b] = APART, APART
    links[a, a] = APART
    groups[a], groups[b] = group_a + group_b, None


def matching(votes: Sequence[tuple[int, str, int]]) -> dict[int, str]:
    """Give groups names: each name once, to the group with most votes for it; ties by group, then name.

    `votes` holds (group, name, weight). A group that loses every name it has votes for is not in the result.
    """
    named: dict[int, str] = {}
    taken: set[str] = set()
    for group, name, _ in sorted(votes, key=lambda vote: (-vote[2], vote[0], vote[1])):
        if group not in named and name not in taken:
            named[group] = name
            taken.add(name)
    return named
