from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from reid_pipeline.core.motion import Homography
from reid_pipeline.core.topology import Topology, Travel
from reid_pipeline.core.tracklets import Tracklet, could_be_one
from reid_pipeline.core.whereabouts import Layout, Whereabouts
from reid_pipeline.types import NS_PER_S, Observation, TrackletKey

CAMERAS = ("door", "hall", "yard", "gate")
FLAT = Homography(((0.01, 0.0, 0.0), (0.0, 0.01, 0.0), (0.0, 0.0, 1.0)))
LAYOUTS = (
    Topology(),
    Topology(overlaps={"door": frozenset({"hall"}), "yard": frozenset()}),
    Topology(travel={("door", "hall"): Travel(3.0, 60.0), ("hall", "door"): Travel(1.0, 9.0)}),
    Topology(apart=frozenset({frozenset({"hall", "yard"})})),
)


def some_tracklets(seed: int, count: int = 40) -> list[Tracklet]:
    """Tracklets of a few seconds within half a minute, some without a look, some without a box."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        start_ns, length = int(rng.integers(0, 300)) * NS_PER_S // 10, int(rng.integers(1, 60))
        tracklet = Tracklet(TrackletKey(CAMERAS[rng.integers(4)], number), start_ns, start_ns)
        x, y = rng.uniform(0, 600, 2)
        for step in range(length if rng.random() < 0.9 else 0):
            now_ns = start_ns + step * NS_PER_S // 10
            x, y = x + rng.normal(scale=8), y + rng.normal(scale=8)
            tracklet.see(now_ns, (x - 20, y - 90, x + 20, y), FLAT)
            if rng.random() < 0.3:
                box, vector = np.zeros(4, np.float32), np.eye(4, dtype=np.float32)[0]
                tracklet.observe(Observation(tracklet.key.camera, number, step, now_ns, box, 0.5, vector))
        made.append(tracklet)
    return made


@pytest.mark.parametrize(("seed", "topology"), list(product(range(3), LAYOUTS)))
def test_all_at_once_says_what_is_said_of_each_two(seed: int, topology: Topology) -> None:
    tracklets = some_tracklets(seed)
    where, rows = Whereabouts.of(tracklets), np.array([0, 7, 8, 30, 39])
    possible = where.possible(rows, Layout.of(topology, where.cameras))
    assert possible.shape == (5, 40)
    assert 0 < possible.sum() < possible.size
    for row, found in zip(rows.tolist(), possible.tolist(), strict=True):
        told = [could_be_one(tracklets[row], other, topology) for other in tracklets]
        assert found == told


def test_a_moment_that_comes_just_too_early_is_told_from_one_in_time() -> None:
    topology = Topology(travel={("door", "hall"): Travel(3.0, 60.0)})
    ends = [("door", 0, 10), ("hall", 12, 20), ("hall", 13, 20)]
    tracklets = [
        Tracklet(TrackletKey(camera, n), start * NS_PER_S, end * NS_PER_S)
        for n, (camera, start, end) in enumerate(ends)
    ]
    where = Whereabouts.of(tracklets)
    assert where.possible(np.array([0]), Layout.of(topology, where.cameras)).tolist() == [[False, False, True]]


def test_nobody_is_nowhere() -> None:
    where = Whereabouts.of([])
    assert where.possible(np.zeros(0, np.int64), Layout.of(Topology(), where.cameras)).shape == (0, 0)
