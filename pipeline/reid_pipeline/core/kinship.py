"""How likely each two tracklets are one person: looks and places together, kept up to date as tracklets grow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.motion import nearness
from reid_pipeline.core.overlap import together
from reid_pipeline.core.similarity import Float64, likenesses, on_grid
from reid_pipeline.core.topology import CameraPair, Topology
from reid_pipeline.core.tracklets import Tracklet, could_be_one
from reid_pipeline.types import TrackletKey


@dataclass(slots=True)
class Kinship:
    """`similarity` float64 (N, N) and `possible` bool (N, N) of the tracklets of the last `update`, in their order.

    A pair is computed again only when one of the two has a new look, so what it costs follows from what is new.
    `possible` follows the topology as it was given; what is found out about it since is for `found_possible`.
    """

    topology: Topology
    similarity: Float64 = field(default_factory=lambda: np.zeros((0, 0)))
    possible: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), np.bool_))
    _places: dict[TrackletKey, int] = field(default_factory=dict)
    _observed: dict[TrackletKey, int] = field(default_factory=dict)

    def update(self, tracklets: Sequence[Tracklet]) -> None:
        """Bring both matrices up to date; every tracklet has a look at least."""
        changed = [i for i, t in enumerate(tracklets) if self._observed.get(t.key) != t.observed]
        self._rearrange(tracklets)
        vectors, weights = [t.looks.vectors for t in tracklets], [t.looks.weights for t in tracklets]
        for i, row in zip(changed, likenesses(vectors, weights, changed), strict=True):
            for j, other in enumerate(tracklets):
                if i != j:
                    self._put(i, j, float(row[j]), tracklets[i], other)
            self.similarity[i], self.similarity[:, i] = on_grid(self.similarity[i]), on_grid(self.similarity[:, i])
        self._observed = {tracklet.key: tracklet.observed for tracklet in tracklets}

    def found_possible(self, tracklets: Sequence[Tracklet], pairs: Collection[CameraPair]) -> NDArray[np.bool_]:
        """`possible` of the tracklets of the last update, with `pairs` of cameras that share no view."""
        possible = np.array(self.possible)
        cameras = np.array([tracklet.key.camera for tracklet in tracklets])
        same_time = together(tracklets, 0.0) if pairs else np.zeros_like(possible)
        for a, b in map(sorted, pairs):
            across = np.ix_(cameras == a, cameras == b)
            possible[across] &= ~same_time[across]
            possible[np.ix_(cameras == b, cameras == a)] = possible[across].T
        return possible

    def _rearrange(self, tracklets: Sequence[Tracklet]) -> None:
        count = len(tracklets)
        similarity, possible = np.zeros((count, count)), np.zeros((count, count), np.bool_)
        kept = [(i, self._places[t.key]) for i, t in enumerate(tracklets) if t.key in self._places]
        if kept:
            now, before = (np.array(places) for places in zip(*kept, strict=True))
            similarity[np.ix_(now, now)] = self.similarity[np.ix_(before, before)]
            possible[np.ix_(now, now)] = self.possible[np.ix_(before, before)]
        self.similarity, self.possible = similarity, possible
        self._places = {tracklet.key: i for i, tracklet in enumerate(tracklets)}

    def _put(self, i: int, j: int, likeness: float, a: Tracklet, b: Tracklet) -> None:
        possible = could_be_one(a, b, self.topology)
        if possible and a.key.camera != b.key.camera:
            likeness += nearness(a.walk, b.walk)
        self.similarity[i, j] = self.similarity[j, i] = likeness
        self.possible[i, j] = self.possible[j, i] = possible
