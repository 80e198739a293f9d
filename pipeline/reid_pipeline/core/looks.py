"""The looks of a person: a small set of vectors, as different from each other as possible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from reid_pipeline.core.similarity import Float64, cosine, quantise, weight
from reid_pipeline.types import Float32


@dataclass(frozen=True, slots=True)
class Look:
    """One remembered crop: a quantised unit vector, where and when it was seen, and how good it was."""

    camera: str
    timestamp_ns: int
    quality: float
    vector: Float32 = field(repr=False)


@dataclass(slots=True)
class LookSet:
    """At most `cap` looks. When one too many comes, of the two most alike the worse one goes (the older on a tie).

    So a person who stands still for an hour fills one place, and the day they wore a coat keeps its own. `revision`
    counts the looks that ever came.
    """

    cap: int
    revision: int = 0
    _notes: list[tuple[str, int, float]] = field(default_factory=list)
    # Rows beyond the looks are free; `_pairs` holds each two looks' similarity, once a look is added.
    _rows: Float32 = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    _pairs: Float64 = field(default_factory=lambda: np.zeros((0, 0)))
    _weights: Float64 | None = None

    @classmethod
    def of(cls, cap: int, notes: list[tuple[str, int, float]], vectors: Float32) -> LookSet:
        """At most `cap` looks that are kept in an array: camera, time and quality of each, and their quantised vectors.

        The array must not change; it is copied when a look is added.
        """
        return cls(cap, 0, notes, vectors)

    def __len__(self) -> int:
        return len(self._notes)

    def __iter__(self) -> Iterator[Look]:
        for note, vector in zip(self._notes, self.vectors, strict=True):
            yield Look(*note, vector)

    def add(self, camera: str, timestamp_ns: int, quality: float, vector: Float32) -> None:
        """Take one more look; `vector` is float32 (D,) of length 1."""
        self._add((camera, timestamp_ns, quality), quantise(vector))

    def add_all(self, other: LookSet) -> None:
        """Take the looks of another set."""
        for note, vector in zip(other._notes, other.vectors, strict=True):
            self._add(note, vector)

    def add_look(self, look: Look) -> None:
        """Take a look that is quantised already."""
        self._add((look.camera, look.timestamp_ns, look.quality), look.vector)

    def _add(self, note: tuple[str, int, float], vector: Float32) -> None:
        size = len(self._notes)
        if size == len(self._rows):
            self._make_room(len(vector))
        self._rows[size] = vector
        self._pairs[size, :size] = self._pairs[:size, size] = self._rows[:size] @ vector
        self._notes.append(note)
        self._weights = None
        self.revision += 1
        if size == self.cap:
            self._drop(self._most_redundant())

    @property
    def vectors(self) -> Float32:
        """All vectors, float32 (N, D); they change with the set."""
        return self._rows[: len(self._notes)]

    @property
    def weights(self) -> Float64:
        """The looks' qualities as weights, float64 (N,)."""
        if self._weights is None:
            self._weights = np.array([weight(quality) for _, _, quality in self._notes])
        return self._weights

    def _make_room(self, dim: int) -> None:
        size, room = len(self), min(self.cap + 1, max(4, 2 * len(self)))
        rows, pairs = np.zeros((room, dim), np.float32), np.full((room, room), -2.0)
        rows[:size] = self._rows[:size].reshape(size, dim)
        if len(self._pairs) == size:
            pairs[:size, :size] = self._pairs
        else:
            pairs[:size, :size] = cosine(rows[:size], rows[:size])
            np.fill_diagonal(pairs, -2.0)
        self._rows, self._pairs = rows, pairs

    def _most_redundant(self) -> int:
        size = len(self._notes)
        first, second = divmod(int(self._pairs[:size, :size].argmax()), size)
        worth = [(self._notes[i][2], self._notes[i][1], i) for i in (first, second)]
        return min(worth)[2]

    def _drop(self, index: int) -> None:
        size = len(self._notes)
        del self._notes[index]
        self._rows[index : size - 1] = self._rows[index + 1 : size]
        self._pairs[index : size - 1, :size] = self._pairs[index + 1 : size, :size]
        self._pairs[:size, index : size - 1] = self._pairs[:size, index + 1 : size]
        self._pairs[size - 1, :], self._pairs[:, size - 1] = -2.0, -2.0
