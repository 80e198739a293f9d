"""The looks of a person: a small set of vectors, as different from each other as possible."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

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

    So a person who stands still for an hour fills one place, and the day they wore a coat keeps its own.
    """

    cap: int
    looks: list[Look] = field(default_factory=list)
    _pairs: Float64 = field(default_factory=lambda: np.zeros((0, 0)))
    _vectors: Float32 | None = None

    def __len__(self) -> int:
        return len(self.looks)

    def add(self, camera: str, timestamp_ns: int, quality: float, vector: Float32) -> None:
        """Take one more look; `vector` is float32 (D,) of length 1."""
        self.add_look(Look(camera, timestamp_ns, quality, quantise(vector)))

    def add_all(self, other: LookSet) -> None:
        """Take the looks of another set."""
        for look in other.looks:
            self.add_look(look)

    def add_look(self, look: Look) -> None:
        """Take a look that is quantised already."""
        size = len(self.looks)
        pairs = np.full((size + 1, size + 1), -2.0)
        pairs[:size, :size] = self._pairs
        if size:
            row = cosine(look.vector[None, :], self.vectors)[0]
            pairs[size, :size] = row
            pairs[:size, size] = row
        self.looks.append(look)
        self._pairs = pairs
        self._vectors = None
        if len(self.looks) > self.cap:
            self._drop(self._most_redundant())

    def _most_redundant(self) -> int:
        first, second = divmod(int(self._pairs.argmax()), len(self.looks))
        worth = [(self.looks[i].quality, self.looks[i].timestamp_ns, i) for i in (first, second)]
        return min(worth)[2]

    def _drop(self, index: int) -> None:
        del self.looks[index]
        self._pairs = np.delete(np.delete(self._pairs, index, axis=0), index, axis=1)

    @property
    def vectors(self) -> Float32:
        """All vectors, float32 (N, D)."""
        if self._vectors is None:
            self._vectors = np.stack([look.vector for look in self.looks])
            # the looks become rows of it, or everything would be there twice
            self.looks = [replace(look, vector=row) for look, row in zip(self.looks, self._vectors, strict=True)]
        return self._vectors

    @property
    def weights(self) -> Float64:
        """The looks' qualities as weights, float64 (N,)."""
        return np.array([weight(look.quality) for look in self.looks])
