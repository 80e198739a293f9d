"""Tracks of two cameras that are surely one person by their looks: each is the other's best, and alike enough."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.similarity import Float64
from reid_pipeline.core.topology import Topology
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import NS_PER_S, TrackletKey

KNOWN_LOOKS = 3
"""Tracks with fewer looks meet nobody."""

LONGEST_GAP_S, LONGEST_LAG_S = 20.0, 4.0
"""Who takes longer to the next camera has been elsewhere; clocks that are farther apart are not compared."""

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two tracks of one person: seen at the same time, or a `passage` from the first to the second."""

    first: Tracklet
    second: Tracklet
    passage: bool


def meetings(
    tracklets: Sequence[Tracklet],
    likeness: Float64,
    fresh: Collection[TrackletKey],
    topology: Topology,
    *,
    sure: float,
) -> list[Meeting]:
    """The meetings of `fresh` tracklets with any, each once, in the order of the tracklets.

    `likeness` is that of each two by their looks, float64 (N, N); `sure` is from where on they are surely one person.
    """
    near = _near(tracklets, fresh)
    known = [tracklets[i] for i in near.tolist()]
    rows = np.array([i for i, tracklet in enumerate(known) if tracklet.key in fresh], np.int64)
    if not len(rows):
        return []
    camera = np.unique([tracklet.key.camera for tracklet in known], return_inverse=True)[1]
    together, onward = _relations(known, topology)
    found: set[tuple[int, int, bool]] = set()
    for related, turned, passage in ((together, False, False), (onward, False, True), (onward.T, True, True)):
        best = _best(likeness[np.ix_(near[rows], near)], related[rows], camera, sure=sure)
        partners = np.unique(best[best >= 0])
        answer = _best(likeness[np.ix_(near[partners], near)], related.T[partners], camera, sure=sure)
        for row, choice in np.argwhere(best >= 0).tolist():
            i, j = int(rows[row]), int(best[row, choice])
            if answer[np.searchsorted(partners, j), camera[i]] == i:
                first, second = (j, i) if turned or (not passage and j < i) else (i, j)
                found.add((first, second, passage))
    return [Meeting(known[a], known[b], passage) for a, b, passage in sorted(found)]


def _near(tracklets: Sequence[Tracklet], fresh: Collection[TrackletKey]) -> Ints:
    """Which tracklets can meet a fresh one, as far as time roughly tells."""
    since_ns = min((tracklet.start_ns for tracklet in tracklets if tracklet.key in fresh), default=0)
    since_ns -= round((LONGEST_GAP_S + LONGEST_LAG_S) * NS_PER_S)
    known = [i for i, t in enumerate(tracklets) if t.last_ns >= since_ns and len(t.looks) >= KNOWN_LOOKS]
    return np.array(known, np.int64)


def _relations(tracklets: Sequence[Tracklet], topology: Topology) -> tuple[Bools, Bools]:
    """Who was seen at the same time in two cameras that share a view, and who soon after in two that do not, (N, N)."""
    names = [tracklet.key.camera for tracklet in tracklets]
    ahead = np.array([topology.ahead_s.get(name, 0.0) for name in names])
    start_s = np.array([tracklet.start_ns / NS_PER_S for tracklet in tracklets]) - ahead
    end_s = np.array([tracklet.last_ns / NS_PER_S for tracklet in tracklets]) - ahead
    cameras, number = np.unique(names, return_inverse=True)
    sharing = np.array([[topology.can_see_together(a, b) for b in cameras.tolist()] for a in cameras.tolist()])
    shared, elsewhere = sharing[np.ix_(number, number)], number[:, None] != number
    gap_s = start_s - end_s[:, None]
    together = shared & (gap_s <= 0.0) & (gap_s.T <= 0.0)
    onward = elsewhere & ~shared & (gap_s >= -LONGEST_LAG_S) & (gap_s <= LONGEST_GAP_S)
    return together, onward


def _best(alike: Float64, related: Bools, camera: Ints, *, sure: float) -> Ints:
    """The most alike of each camera of those that are related and surely one person: (rows, cameras), -1 for nobody.

    Args:
        alike, related: of some rows with all N tracklets, (rows, N).
        camera: the number of each tracklet's camera, (N,).
        sure: from which similarity on two are surely one person.
    """
    allowed = related & (alike >= sure)
    best = np.full((len(alike), int(camera.max()) + 1), -1)
    scores = np.where(allowed, alike, -np.inf)
    for number in range(best.shape[1]):
        places = np.flatnonzero(camera == number)
        choice = places[scores[:, places].argmax(axis=1)]
        best[:, number] = np.where(allowed[np.arange(len(alike)), choice], choice, -1)
    return best
