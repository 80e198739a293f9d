"""The whole recording at once: tracklets into people, under constraints that nothing may break.

Average-linkage agglomeration. The pair of groups that are most alike is joined, again and again, until no pair that may
be joined reaches the threshold. Two groups may not be joined when any two of their tracklets cannot be one person (in
one camera at the same time, in cameras apart at the same time, faster than one can walk).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.similarity import Float64

APART = -math.inf
"""Marks a pair that cannot be one person; every mean with it is the same."""


def agglomerate(
    similarity: Float64, possible: NDArray[np.bool_], weights: Float64, threshold: float
) -> list[list[int]]:
    """Group N items.

    Args:
        similarity: symmetric float64 (N, N); the diagonal does not matter.
        possible: symmetric bool (N, N), False where two items must not be in one group.
        weights: how much is known of each item, float64 (N,), all positive.
        threshold: groups are joined while their mean similarity, weighted by both items, reaches it.

    Returns:
        The groups as ascending lists of indices, ordered by their first index. On a tie the pair of lower indices goes
        first, so the result depends on the order of the items only where they are exactly alike.
    """
    count = len(similarity)
    links = np.where(possible, similarity, APART)
    np.fill_diagonal(links, APART)
    groups = {i: [i] for i in range(count)}
    heavy = weights.copy()
    nearest = links.max(axis=1, initial=APART)
    while count:
        a = int(nearest.argmax())
        if nearest[a] < threshold:
            break
        b = int(links[a].argmax())
        a, b = min(a, b), max(a, b)
        groups[a] += groups.pop(b)
        parting = np.flatnonzero((nearest >= threshold) & ((nearest == links[a]) | (nearest == links[b])))
        _join(links, heavy, a, b)
        np.maximum(nearest, links[a], out=nearest)
        nearest[parting] = links[parting].max(axis=1)
    return [sorted(group) for group in groups.values()]


def _join(links: Float64, weights: Float64, a: int, b: int) -> None:
    """Let group `b` be part of `a`; the mean over all pairs follows from the two means (Lance and Williams, 1967)."""
    links[a] = links[:, a] = (links[a] * weights[a] + links[b] * weights[b]) / (weights[a] + weights[b])
    links[b] = links[:, b] = APART
    weights[a] += weights[b]


SACRIFICE = 0.5
"""The share of the lighter group that may be given up for joining two groups."""


def reconcile(
    groups: Sequence[Sequence[int]],
    similarity: Float64,
    possible: NDArray[np.bool_],
    weights: Float64,
    threshold: float,
) -> list[list[int]]:
    """Join groups that are alike but for a few items that stand in the way; those items are left alone.

    A track that shows one person and then another belongs to neither entirely, and forbids what would be right without
    it. Arguments and result are those of `agglomerate`.
    """
    parts = [list(group) for group in groups]
    lone: list[list[int]] = []
    while True:
        alike = _means(similarity, weights, parts) >= threshold
        best: tuple[float, int, int, set[int]] | None = None
        for b, a in np.argwhere(np.tril(alike, -1)).tolist():
            given_up = _in_the_way(parts[a], parts[b], possible, weights)
            left, right = ([i for i in parts[k] if i not in given_up] for k in (a, b))
            lighter = min(weights[parts[a]].sum(), weights[parts[b]].sum())
            if not left or not right or weights[list(given_up)].sum() > SACRIFICE * lighter:
                continue
            mean = _mean(similarity, weights, left, right)
            if mean >= threshold and (best is None or mean > best[0]):
                best = mean, a, b, given_up
        if best is None:
            break
        _, a, b, given_up = best
        parts[a] = sorted(i for i in parts[a] + parts[b] if i not in given_up)
        del parts[b]
        lone += [[i] for i in sorted(given_up)]
    return sorted(parts + lone)


SURPLUS = 0.01
"""By so much of what speaks for a part as it was must what speaks for it anew exceed that."""


def better_parts(
    before: Sequence[Sequence[int]],
    anew: Sequence[Sequence[int]],
    similarity: Float64,
    possible: NDArray[np.bool_],
    weights: Float64,
    threshold: float,
) -> list[list[int]]:
    """Two ways to group all items, put together: part by part the one for which likeness speaks more.

    A part is what no group of either reaches beyond. For a way speak the similarities above `threshold` of each two
    items in one group, weighted by both, less those below it. A part in which two items cannot be in one group is taken
    `anew`, else that has to be better by `SURPLUS`. Other arguments and result are those of `agglomerate`.
    """
    worth = np.outer(weights, weights) * (similarity - threshold)
    np.fill_diagonal(worth, 0.0)
    chosen: list[list[int]] = []
    for items in _parts(before, anew):
        old = [group for group in before if items.issuperset(group)]
        new = [group for group in anew if items.issuperset(group)]
        speaks_old, speaks_new = (sum(float(worth[np.ix_(g, g)].sum()) for g in groups) for groups in (old, new))
        allowed = all(possible[i, j] for group in old for i, j in combinations(group, 2))
        stays = allowed and speaks_new <= speaks_old + SURPLUS * abs(speaks_old)
        chosen += [sorted(group) for group in (old if stays else new)]
    return sorted(chosen)


def _parts(before: Sequence[Sequence[int]], anew: Sequence[Sequence[int]]) -> list[set[int]]:
    """The items in the smallest sets that no group of either partition crosses."""
    part: dict[int, set[int]] = {}
    for group in (*before, *anew):
        joined = set(group).union(*(part.get(item, ()) for item in group))
        part.update(dict.fromkeys(joined, joined))
    return [items for item, items in sorted(part.items()) if item == min(items)]


def _means(similarity: Float64, weights: Float64, groups: Sequence[Sequence[int]]) -> Float64:
    """Mean similarity of each two groups, weighted by both items; the diagonal does not matter."""
    belongs = np.zeros((len(similarity), len(groups)))
    for number, group in enumerate(groups):
        belongs[list(group), number] = weights[list(group)]
    totals = belongs.sum(axis=0)
    return np.asarray((belongs.T @ similarity @ belongs) / np.outer(totals, totals))


def _mean(similarity: Float64, weights: Float64, a: Sequence[int], b: Sequence[int]) -> float:
    total = weights[a] @ similarity[np.ix_(a, b)] @ weights[b]
    return float(total / (weights[a].sum() * weights[b].sum()))


def _in_the_way(a: Sequence[int], b: Sequence[int], possible: NDArray[np.bool_], weights: Float64) -> set[int]:
    """The items to give up so that the rest of both groups can be together: the lightest for what they forbid."""
    conflicts = {(i, j) for i in a for j in b if not possible[i, j]}
    given_up: set[int] = set()
    while conflicts:
        count: dict[int, int] = {}
        for pair in conflicts:
            for item in pair:
                count[item] = count.get(item, 0) + 1
        worst = min(count, key=lambda item: (weights[item] / count[item], item))
        given_up.add(worst)
        conflicts = {pair for pair in conflicts if worst not in pair}
    return given_up


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
