"""Where and when many tracklets were, in columns, so that some of them are held against all at once.

What is possible here is what `tracklets.could_be_one` says of two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.motion import BODIES_PER_S, LONGEST_GAP_S, START_BODIES
from reid_pipeline.core.similarity import Float64
from reid_pipeline.core.topology import HANDOVER_S, Topology
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import NS_PER_S

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_NOWHERE = (math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a topology says of each two of K cameras, the earlier one in the rows, the later one in the columns.

    `together` bool (K, K): one person can be in both at once. `least_s` float64 (K, K): the shortest way between them.
    """

    together: Bools
    least_s: Float64

    @classmethod
    def of(cls, topology: Topology, cameras: Sequence[str]) -> Layout:
        together = [[topology.can_see_together(a, b) for b in cameras] for a in cameras]
        travel = [[topology.travel.get((a, b)) for b in cameras] for a in cameras]
        least_s = [[-math.inf if way is None else way.min_s for way in row] for row in travel]
        square = (len(cameras), len(cameras))
        return cls(np.array(together, np.bool_).reshape(square), np.array(least_s, np.float64).reshape(square))


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """`camera` int64 (N,) is a place in `cameras`, `seen_ns` int64 (N, 2) when it was seen (`span`).

    `began` and `ended` float64 (N, 4) are the first and the last box: nanoseconds, then foot point and height in px.
    """

    cameras: tuple[str, ...]
    camera: Ints
    seen_ns: Ints
    began: Float64
    ended: Float64

    @classmethod
    def of(cls, tracklets: Sequence[Tracklet]) -> Whereabouts:
        names = [tracklet.key.camera for tracklet in tracklets]
        number = {name: i for i, name in enumerate(sorted(set(names)))}
        spans = [tracklet.span for tracklet in tracklets]
        walks = [tracklet.walk for tracklet in tracklets]
        return cls(
            tuple(number),
            np.array([number[name] for name in names], np.int64),
            np.array([(span.start_ns, span.end_ns) for span in spans], np.int64).reshape(-1, 2),
            np.array([walk.first or _NOWHERE for walk in walks], np.float64).reshape(-1, 4),
            np.array([walk.last or _NOWHERE for walk in walks], np.float64).reshape(-1, 4),
        )

    def possible(self, rows: Ints, layout: Layout) -> Bools:
        """Which tracklets each of `rows` can be one person with, bool (len(rows), N)."""
        start_ns, end_ns = self.seen_ns.T
        first_ns, last_ns = start_ns[rows, None], end_ns[rows, None]
        common_ns = np.minimum(last_ns, end_ns) - np.maximum(first_ns, start_ns)
        shorter_ns = np.minimum(last_ns - first_ns, end_ns - start_ns)
        one_camera = self.camera[rows, None] == self.camera
        handover = one_camera & (common_ns <= HANDOVER_S * NS_PER_S) & (2 * common_ns <= shorter_ns)
        at_once = layout.together[self.camera[rows, None], self.camera] | handover
        possible = np.where(common_ns >= 0, at_once, self._can_have_gone(rows, layout, -common_ns))
        near, other = np.nonzero(one_camera & possible)
        possible[near, other] = self._within_reach(rows[near], other)
        return possible

    def _can_have_gone(self, rows: Ints, layout: Layout, gap_ns: Ints) -> Bools:
        """Whether the time between two tracks is enough to go from the earlier to the later, bool (len(rows), N)."""
        own, other = self.camera[rows, None], self.camera
        before = self.seen_ns[rows, 1, None] < self.seen_ns[:, 0]
        least_s = np.where(before, layout.least_s[own, other], layout.least_s[other, own])
        return np.asarray(least_s <= gap_ns / NS_PER_S)

    def _within_reach(self, a: Ints, b: Ints) -> Bools:
        """`motion.within_reach` of pairs of tracklets of one camera, bool (len(a),)."""
        before = (self.ended[a, 0] < self.began[b, 0])[:, None]
        end = np.where(before, self.ended[a], self.ended[b])
        start = np.where(before, self.began[b], self.began[a])
        gap_s, dx, dy, _ = ((start - end) / (NS_PER_S, 1, 1, 1)).T
        bodies = np.sqrt(dx * dx + dy * dy) / np.maximum(1.0, (end[:, 3] + start[:, 3]) / 2)
        return np.asarray(~((gap_s > 0) & (gap_s <= LONGEST_GAP_S)) | (bodies <= START_BODIES + BODIES_PER_S * gap_s))
