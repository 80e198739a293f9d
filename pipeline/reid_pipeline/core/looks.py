"""The looks of a track: a small set of vectors, as different from each other as possible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from reid_pipeline.core.similarity import Float64, direction, quantise, weight
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

    So a person who stands still for an hour fills one place. The `mean` is of all looks that ever came.
    """

    cap: int
    _notes: list[tuple[str, int, float]] = field(default_factory=list)
    # Rows beyond the looks are free; `_pairs` holds each two looks' similarity.
    _rows: Float32 = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    _pairs: Float64 = field(default_factory=lambda: np.zeros((0, 0)))
    _weights: Float64 | None = None
    _total: Float64 | None = None
    _mean: Float32 | None = None

    def __len__(self) -> int:
        return len(self._notes)

    def __iter__(self) -> Iterator[Look]:
        for note, vector in zip(self._notes, self.vectors, strict=True):
            yield Look(*note, vector)

    def add(self, camera: str, timestamp_ns: int, quality: float, vector: Float32) -> None:
        """Take one more look; `vector` is float32 (D,) of length 1."""
        self._add((camera, timestamp_ns, quality), quantise(vector))

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
        self._weights = self._mean = None
        added = vector * np.float64(weight(note[2]))
        self._total = added if self._total is None else self._total + added
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

    @property
    def mean(self) -> Float32:
        """The direction of the mean of all looks that came, weighted by quality, float32 (D,), quantised."""
        if self._mean is None:
            self._mean = direction(np.zeros(0) if self._total is None else self._total)
        return self._mean

    def _make_room(self, dim: int) -> None:
        size, room = len(self), min(self.cap + 1, max(4, 2 * len(self)))
        rows, pairs = np.zeros((room, dim), np.float32), np.full((room, room), -2.0)
        rows[:size] = self._rows[:size].reshape(size, dim)
        pairs[:size, :size] = self._pairs
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
