"""Who does a track look like: its looks against everything that is known of everybody, in two matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.people import Person
from reid_pipeline.core.similarity import Float64, cosine
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import Float32, TrackletKey

UNKNOWN = -2.0
"""Score against a person of whom nothing is known; below every cosine."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Vectors in runs: the run that begins at `starts[i]` belongs to person `person[i]` and came from `source[i]`."""

    vectors: Float32
    starts: NDArray[np.intp]
    person: NDArray[np.intp]
    source: tuple[TrackletKey | None, ...]

    def best(self, rows: Float32, own: TrackletKey, people: int) -> Float64:
        """Each row's best similarity to each person, float64 (N, people); looks that came from `own` do not count."""
        best = np.full((len(rows), people), UNKNOWN)
        if not len(self.person):
            return best
        runs = np.maximum.reduceat(cosine(rows, self.vectors), self.starts, axis=1)
        if own in self.source:
            runs[:, [i for i, key in enumerate(self.source) if key == own]] = UNKNOWN
        for column, person in enumerate(self.person):
            np.maximum(best[:, person], runs[:, column], out=best[:, person])
        return best


@dataclass(slots=True)
class Recall:
    """Scores tracks against people. What is known of them changes rarely and is kept; the other looks are fresh."""

    _memory: _Columns | None = None
    _memory_of: tuple[str, ...] = field(default=())

    def forget(self) -> None:
        """What is known of people has changed."""
        self._memory = None

    def scores(self, tracklets: Sequence[Tracklet], people: Sequence[Person]) -> Float64:
        """How well each person's looks cover each tracklet's, -1..1, float64 (T, P).

        The coverage is the weighted mean, over the tracklet's looks, of the most similar look of the person. It is
        `UNKNOWN` where nothing is known of the person but the tracklet itself.
        """
        if not people:
            return np.zeros((len(tracklets), 0))
        sources = (self._known(people), _members(people))
        return np.stack([_coverage(tracklet, sources, len(people)) for tracklet in tracklets])

    def _known(self, people: Sequence[Person]) -> _Columns:
        ids = tuple(person.id for person in people)
        if self._memory is None or ids != self._memory_of:
            runs = [(i, None, p.known.vectors) for i, p in enumerate(people) if len(p.known)]
            self._memory, self._memory_of = _columns(runs), ids
        return self._memory


def _coverage(tracklet: Tracklet, sources: Sequence[_Columns], people: int) -> Float64:
    rows, weights = tracklet.looks.vectors, tracklet.looks.weights
    best = np.maximum.reduce([columns.best(rows, tracklet.key, people) for columns in sources])
    covered = (best * weights[:, None]).sum(axis=0) / weights.sum()
    return np.asarray(np.where(best.max(axis=0) == UNKNOWN, UNKNOWN, covered))


def _members(people: Sequence[Person]) -> _Columns:
    return _columns([(i, member.key, member.looks.vectors) for i, p in enumerate(people) for member in p.teachers()])


def _columns(runs: Sequence[tuple[int, TrackletKey | None, Float32]]) -> _Columns:
    if not runs:
        return _Columns(np.zeros((0, 0), np.float32), np.zeros(0, np.intp), np.zeros(0, np.intp), ())
    lengths = [len(vectors) for _, _, vectors in runs]
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.intp)
    person = np.array([person for person, _, _ in runs], np.intp)
    return _Columns(np.concatenate([v for _, _, v in runs]), starts, person, tuple(key for _, key, _ in runs))
