"""Which cameras never see anybody at the same time, found out from who was seen.

Where two cameras see part of one floor, most of those whom one of them sees are seen by the other at the same time. So
each track that has company in the other camera is a trial: does anybody there look like it?
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.similarity import Float64
from reid_pipeline.core.topology import CameraPair, Topology
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import NS_PER_S

KNOWN_LOOKS = 4
"""Tracks with fewer looks are no trial."""

TOGETHER_S = 1.0
"""Tracks that share less time than this may be one person who went from one camera to the other."""

TRIALS, SUCCESSES = 12, 0.35
"""Two cameras are apart when so many trials, or more, succeed in a smaller share than this.

With person-reidentification-retail-0287 the share was 0.62 to 0.91 for overlapping cameras (the sample, PETS2009, UFES
and a simulated office) and at most 0.21 for the others (the sample and the office, 32 pairs)."""


def together(tracklets: Sequence[Tracklet], least_s: float) -> NDArray[np.bool_]:
    """Which tracklets were seen at the same time for at least so long, symmetric bool (N, N)."""
    spans = np.array([(t.span.start_ns, t.span.end_ns) for t in tracklets], np.int64).reshape(-1, 2)
    common_ns = np.minimum.outer(spans[:, 1], spans[:, 1]) - np.maximum.outer(spans[:, 0], spans[:, 0])
    return np.asarray(common_ns >= least_s * NS_PER_S)


def apart(
    tracklets: Sequence[Tracklet], similarity: Float64, match: float, topology: Topology
) -> frozenset[CameraPair]:
    """The pairs of cameras that share no view, as far as that can be told; those that the layout knows are left out."""
    named = sorted({t.key.camera for t in tracklets})
    unknown = [(a, b) for a, b in combinations(named, 2) if not topology.knows(a, b)]
    if not unknown:
        return frozenset()
    cameras = np.array([t.key.camera for t in tracklets])
    known = np.array([len(t.looks) >= KNOWN_LOOKS for t in tracklets], np.bool_)
    company = together(tracklets, TOGETHER_S) & known[:, None] & known[None, :]
    alike = company & (similarity >= match)
    found = set()
    for a, b in unknown:
        in_a, in_b = np.flatnonzero(cameras == a), np.flatnonzero(cameras == b)
        across = np.ix_(in_a, in_b)
        trials = company[across].any(axis=1).sum() + company[across].any(axis=0).sum()
        successes = alike[across].any(axis=1).sum() + alike[across].any(axis=0).sum()
        if trials >= TRIALS and successes < SUCCESSES * trials:
            found.add(frozenset((a, b)))
    return frozenset(found)
