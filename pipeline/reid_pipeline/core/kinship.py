"""How likely each two tracklets are one person: looks and places together, kept up to date as tracklets grow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from reid_pipeline.core.calibration import Calibration
from reid_pipeline.core.drifting import Drifts
from reid_pipeline.core.motion import nearnesses
from reid_pipeline.core.overlap import together
from reid_pipeline.core.similarity import Float64, likenesses, on_grid
from reid_pipeline.core.topology import CameraPair, Topology
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.core.transit import Transits
from reid_pipeline.core.whereabouts import Bools, Ints, Layout, Whereabouts
from reid_pipeline.types import NS_PER_S, TrackletKey

Term = Callable[[Sequence[Tracklet], Ints], Float64]
"""What evidence of one kind adds to the likeness of some tracklets, given by their places, to all: (len(places), N)."""


def places(tracklets: Sequence[Tracklet], rows: Ints) -> Float64:
    """Being at one place on the floor at the same time, or not, in two cameras."""
    cameras = np.array([tracklet.key.camera for tracklet in tracklets])
    return nearnesses([tracklet.walk for tracklet in tracklets], rows.tolist(), cameras[rows, None] != cameras)


TERMS: tuple[Term, ...] = (places,)
"""Evidence of two tracklets alone, beside their looks. It counts between tracklets that can be one person."""


OVER_AFTER_S = 5
"""A track without a box for so long is most probably over."""


@dataclass(slots=True)
class Kinship:
    """`similarity` float64 (N, N) and `possible` bool (N, N) of the tracklets of the last `update`, in their order.

    A pair is computed again only when one of the two has a new look, so what it costs follows from what is new.
    Similarities are shifted as the `calibration` says, which learns from the tracklets that are over.
    Both follow the topology as it was given; what is found out about it since is for `found_possible` and `transits`.
    `likeness` is what looks alone say, before any shift.
    """

    topology: Topology
    calibration: Calibration
    similarity: Float64 = field(default_factory=lambda: np.zeros((0, 0)))
    possible: Bools = field(default_factory=lambda: np.zeros((0, 0), np.bool_))
    tracklets: Sequence[Tracklet] = ()
    transits: Transits = field(init=False)
    drifts: Drifts = field(default_factory=Drifts)
    # What `similarity` is the sum of, beside the shifts of the cameras.
    likeness: Float64 = field(default_factory=lambda: np.zeros((0, 0)))
    _added: Float64 = field(default_factory=lambda: np.zeros((0, 0)))
    _places: dict[TrackletKey, int] = field(default_factory=dict)
    _observed: dict[TrackletKey, int] = field(default_factory=dict)
    _moved: bool = False

    def __post_init__(self) -> None:
        self.transits = Transits(self.topology.travel)

    def update(self, tracklets: Sequence[Tracklet], *, now_ns: int) -> None:
        """Bring both matrices up to date; every tracklet has a look at least."""
        self.tracklets = tracklets
        self._rearrange(tracklets)
        self._compare(tracklets)
        self.calibration.learn(tracklets, self.likeness, self.possible, until_ns=now_ns - OVER_AFTER_S * NS_PER_S)
        cameras = [tracklet.key.camera for tracklet in tracklets]
        self.similarity = self.likeness + self._added + self.calibration.shifts(cameras, cameras)
        np.fill_diagonal(self.similarity, 0.0)

    def _compare(self, tracklets: Sequence[Tracklet]) -> None:
        changed = np.array([i for i, t in enumerate(tracklets) if self._observed.get(t.key) != t.observed], np.int64)
        self._observed = {tracklet.key: tracklet.observed for tracklet in tracklets}
        if len(changed):
            vectors, weights = [t.looks.vectors for t in tracklets], [t.looks.weights for t in tracklets]
            alike = on_grid(likenesses(vectors, weights, changed.tolist()))
            self.likeness[changed], self.likeness[:, changed] = alike, alike.T
        moved = np.arange(len(tracklets)) if self._moved else changed
        self._moved = False
        if len(moved):
            self._place(tracklets, moved)

    def _place(self, tracklets: Sequence[Tracklet], rows: Ints) -> None:
        """Hold places and times of some tracklets against those of all."""
        where = Whereabouts.of(tracklets)
        possible = where.possible(rows, Layout.of(self.topology, where.cameras))
        added = on_grid(np.where(possible, sum(term(tracklets, rows) for term in TERMS), 0.0))
        self._added[rows], self._added[:, rows] = added, added.T
        self.possible[rows], self.possible[:, rows] = possible, possible.T
        np.fill_diagonal(self.possible, False)

    def forget_times(self) -> None:
        """Clocks were corrected: what times and places say of any pair is to be found anew; looks stay as they are."""
        self._moved = True

    def found_possible(self, tracklets: Sequence[Tracklet], pairs: Collection[CameraPair]) -> Bools:
        """`possible` of the tracklets of the last update, with `pairs` of cameras that share no view."""
        possible = np.array(self.possible)
        cameras = np.array([tracklet.key.camera for tracklet in tracklets])
        same_time = together(tracklets, 0.0) if pairs else np.zeros_like(possible)
        for a, b in map(sorted, pairs):
            across = np.ix_(cameras == a, cameras == b)
            possible[across] &= ~same_time[across]
            possible[np.ix_(cameras == b, cameras == a)] = possible[across].T
        return possible

    def drifted(self, possible: Bools, match: float) -> Bools:
        """Which tracklets of the last update are one person for all that not being `possible`, bool (N, N)."""
        cameras = {tracklet.key.camera for tracklet in self.tracklets}
        least = {camera: match - self.calibration.shift(camera, camera) for camera in cameras}
        return self.drifts.among(self.tracklets, ~possible & (self.similarity >= match), least)

    def _rearrange(self, tracklets: Sequence[Tracklet]) -> None:
        """Bring what is known of pairs into the order of `tracklets`; nothing is known of new ones."""
        nothing = len(self.likeness)
        before = np.array([self._places.get(tracklet.key, nothing) for tracklet in tracklets], np.int64)
        self.likeness = np.pad(self.likeness, (0, 1)).take(before, axis=0).take(before, axis=1)
        self._added = np.pad(self._added, (0, 1)).take(before, axis=0).take(before, axis=1)
        self.possible = np.pad(self.possible, (0, 1)).take(before, axis=0).take(before, axis=1)
        self._places = {tracklet.key: i for i, tracklet in enumerate(tracklets)}
