"""k-reciprocal re-ranking (Zhong et al., CVPR 2017): who is among each other's nearest is likely the same person.

Queries and gallery are one set here, so a query's result depends on the other queries. Distances are squared Euclidean
ones divided by the largest of their row. Neighbour sets are kept as sparse rows, so memory grows with the number of
pictures and not with its square.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from reid_tools.evaluate.ranking import Float32, Ints, Scores, blocks


@dataclass(frozen=True, slots=True)
class Reranking:
    """`k1` neighbours are looked at, vectors are averaged over `k2`; `weight` is that of the plain distance, 0..1."""

    k1: int = 20
    k2: int = 6
    weight: float = 0.3


def reranked(query: Float32, gallery: Float32, settings: Reranking = Reranking()) -> Scores:
    """Scores of vectors of length 1, (Q, D) and (G, D): minus the distance after re-ranking, -1..0."""
    everyone = np.concatenate([query, gallery])
    nearest, farthest = _neighbours(everyone, min(settings.k1 + 1, len(everyone)))
    encoded = _expanded(_encoded(everyone, nearest, farthest, settings.k1), nearest[:, : settings.k2])
    columns = encoded[len(query) :].tocsc()

    def scores(rows: slice) -> Float32:
        plain = _distances(query[rows], gallery) / farthest[: len(query)][rows, None]
        shared = np.stack([_shared(encoded[row], columns) for row in range(len(query))[rows]])
        jaccard = 1 - shared / (2 - shared)
        return -np.asarray(settings.weight * plain + (1 - settings.weight) * jaccard, np.float32)

    return scores


def _distances(some: Float32, others: Float32) -> Float32:
    return np.asarray(np.maximum(2 - 2 * (some @ others.T), 0), np.float32)


def _neighbours(everyone: Float32, count: int) -> tuple[Ints, Float32]:
    """The `count` nearest of each, itself first, (N, count), and the largest distance of each, (N,)."""
    nearest = np.empty((len(everyone), count), np.int64)
    farthest = np.empty(len(everyone), np.float32)
    for rows in blocks(len(everyone), len(everyone)):
        distance = _distances(everyone[rows], everyone)
        farthest[rows] = distance.max(axis=1)
        own = np.arange(len(everyone))[rows]
        distance[np.arange(len(own)), own] = -1
        some = np.sort(np.argpartition(distance, count - 1, axis=1)[:, :count], axis=1)
        order = np.argsort(np.take_along_axis(distance, some, 1), axis=1, kind="stable")
        nearest[rows] = np.take_along_axis(some, order, 1)
    return nearest, np.maximum(farthest, np.finfo(np.float32).tiny)


def _encoded(everyone: Float32, nearest: Ints, farthest: Float32, k1: int) -> Any:
    """A sparse row of weights over everyone for each, (N, N), summing to 1: high for close mutual neighbours."""
    close = _mutual(nearest)
    closer = _mutual(nearest[:, : round(k1 / 2) + 1])
    members = [_with_friends(row, close, closer) for row in range(len(everyone))]
    weights = []
    for row, others in enumerate(members):
        distance = _distances(everyone[row : row + 1], everyone[others])[0] / farthest[row]
        weight = np.exp(-distance)
        weights.append(weight / weight.sum())
    starts = np.concatenate([[0], np.cumsum([len(others) for others in members])])
    shape = (len(everyone), len(everyone))
    return sparse.csr_matrix((np.concatenate(weights), np.concatenate(members), starts), shape=shape)


def _mutual(nearest: Ints) -> list[Ints]:
    """Of each one's neighbours those that have it as a neighbour as well."""
    back = (nearest[nearest] == np.arange(len(nearest))[:, None, None]).any(axis=2)
    return [row[keep] for row, keep in zip(nearest, back, strict=True)]


def _with_friends(row: int, close: list[Ints], closer: list[Ints]) -> Ints:
    """The mutual neighbours of one, and those of theirs who mostly are its own already; sorted."""
    own = close[row]
    friends = [closer[other] for other in own]
    kept = [theirs for theirs in friends if np.isin(theirs, own).sum() > 2 / 3 * len(theirs)]
    return np.unique(np.concatenate([own, *kept]))


def _expanded(encoded: Any, nearest: Ints) -> Any:
    """Each row averaged with those of its nearest."""
    rows, count = nearest.shape
    if count <= 1:
        return encoded
    mean = sparse.csr_matrix(
        (np.full(rows * count, 1 / count, np.float32), nearest.ravel(), np.arange(rows + 1) * count), shape=(rows, rows)
    )
    return (mean @ encoded).tocsr()


def _shared(row: Any, columns: Any) -> Float32:
    """The sum of the smaller weights of a row (1, N) and of every row behind `columns` (G, N), (G,)."""
    starts = columns.indptr[row.indices]
    lengths = columns.indptr[row.indices + 1] - starts
    before = np.cumsum(lengths) - lengths
    reached = np.repeat(starts - before, lengths) + np.arange(lengths.sum())
    smaller = np.minimum(np.repeat(row.data, lengths), columns.data[reached])
    return np.bincount(columns.indices[reached], smaller, minlength=columns.shape[0]).astype(np.float32)
