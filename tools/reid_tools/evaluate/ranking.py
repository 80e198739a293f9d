"""How well galleries are ranked: CMC, mAP and mINP of single queries, by the rules of Market-1501.

A query's junk, its own person in its own camera, is taken out of the gallery. A query whose person is not left there is
skipped. Equal scores are ranked in the order of the gallery.

Rankings are made a block of queries at a time. Score, gallery index and whether it is a match go into one integer per
pair, so that one sort gives everything, ties included; integers are sorted fifteen times as fast as a stable argsort of
floats. 20,000 queries of 512 numbers against a gallery of 20,000 take 20 s and 0.3 GB on one busy core with AVX-512.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reid_tools.datasets import DISTRACTOR, Picture

Float32 = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Scores = Callable[[slice], Float32]
"""The scores (B, G) of a slice of the queries against the whole gallery: -2 to 2, the higher the more alike."""

# Scores are rounded to this grid. A float32 product leaves noise below it that depends on where in a block a row lies,
# which would decide ties.
_GRID = 2**20
_HIGHEST = 2 * _GRID
_INDEX_BITS = 32
_LAST = np.iinfo(np.int64).max - 1
_PAIRS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class Labels:
    """Who is seen by which camera: `person` and `camera`, each (N,)."""

    person: Ints
    camera: Ints

    def __len__(self) -> int:
        return len(self.person)

    @classmethod
    def of(cls, pictures: Sequence[Picture]) -> Labels:
        return cls(
            np.array([picture.person for picture in pictures], np.int64),
            np.array([picture.camera for picture in pictures], np.int64),
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares 0..1: queries with a match among the first 1, 5, 10; mean average precision; mean inverse penalty."""

    rank1: float
    rank5: float
    rank10: float
    map: float
    minp: float

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Ranking:
    """What the gallery's rankings came to, one number per query, (Q,) each.

    `first` is the place of the first match from 0, `precision` the average precision, `penalty` the share of matches
    among all down to the last one; -1, 0 and 0 for a query without a match. `top` is the gallery's index in first
    place, -1 where there is none.
    """

    first: Ints
    precision: Floats
    penalty: Floats
    top: Ints

    @property
    def matched(self) -> Bools:
        """The queries that count: those with a match in their gallery, (Q,)."""
        return self.first >= 0

    def figures(self) -> Figures:
        """The means over all queries that count. Raises `ValueError` when none does."""
        counts = self.matched
        if not counts.any():
            raise ValueError("no query has a match in its gallery")
        first = self.first[counts]
        return Figures(
            rank1=float((first < 1).mean()),
            rank5=float((first < 5).mean()),
            rank10=float((first < 10).mean()),
            map=float(self.precision[counts].mean()),
            minp=float(self.penalty[counts].mean()),
        )


def cosines(query: Float32, gallery: Float32) -> Scores:
    """Scores of vectors of length 1, (Q, D) and (G, D), by their inner products."""
    across = np.ascontiguousarray(gallery.T)
    return lambda rows: query[rows] @ across


def rank(scores: Scores, query: Labels, gallery: Labels, *, other_cameras_only: bool = False) -> Ranking:
    """Rank the gallery for every query; with `other_cameras_only` all pictures of a query's camera are junk."""
    parts = [
        _ranked(scores(rows), *_rules(query, rows, gallery, other_cameras_only=other_cameras_only))
        for rows in blocks(len(query), len(gallery))
    ]
    return Ranking(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of the rows of a matrix, each small enough to be held several times over."""
    step = max(1, _PAIRS_AT_ONCE // max(columns, 1))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def _rules(query: Labels, rows: slice, gallery: Labels, *, other_cameras_only: bool) -> tuple[Bools, Bools]:
    """What matches and what is junk, (B, G) each."""
    person, camera = query.person[rows, None], query.camera[rows, None]
    same = (person == gallery.person) & (person != DISTRACTOR)
    own_camera = camera == gallery.camera
    return same & ~own_camera, own_camera if other_cameras_only else same & own_camera


def _ranked(scores: Float32, match: Bools, junk: Bools) -> tuple[Ints, Floats, Floats, Ints]:
    """The fields of `Ranking` for a block."""
    keys = _HIGHEST - np.rint(scores * np.float32(_GRID)).astype(np.int64)
    keys <<= _INDEX_BITS
    keys |= np.arange(keys.shape[1]) << 1
    keys |= match
    keys[junk] = _LAST
    keys.sort(axis=1)

    row, place = np.nonzero(keys & 1)
    count = np.bincount(row, minlength=len(keys))
    before = np.cumsum(count) - count
    hits = np.arange(len(row)) - before[row] + 1
    matched = count > 0
    first = np.full(len(keys), -1)
    first[matched] = place[before[matched]]
    last = np.zeros(len(keys), np.int64)
    last[matched] = place[(before + count - 1)[matched]]
    precision = np.bincount(row, hits / (place + 1), minlength=len(keys)) / np.maximum(count, 1)
    top = np.where(keys[:, 0] == _LAST, -1, (keys[:, 0] & (2**_INDEX_BITS - 1)) >> 1)
    return first, precision, count / (last + 1), top
