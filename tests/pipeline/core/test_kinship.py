from __future__ import annotations

from collections.abc import Sequence

import pytest

from made_up_site import Visit, associate, key, time_steps
from reid_pipeline.core.calibration import Calibration
from reid_pipeline.core.kinship import Kinship
from reid_pipeline.core.motion import Homography
from reid_pipeline.core.similarity import Float64, likenesses
from reid_pipeline.core.topology import Topology
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import Float32

FLAT = Homography(((0.01, 0.0, 0.0), (0.0, 0.01, 0.0), (0.0, 0.0, 1.0)))


def tracklets(*visits: Visit, topology: Topology) -> list[Tracklet]:
    return [standing.tracklet for standing in associate(visits, topology=topology).associator.standings.values()]


def test_growing_tracklets_give_the_same_as_all_at_once() -> None:
    topology = Topology({"a": frozenset({"b"})})
    visits = [Visit("a", 1, 1, 0, 4), Visit("b", 1, 1, 1, 6), Visit("a", 2, 2, 2, 9), Visit("b", 2, 3, 8, 9)]
    grown, live = (
        Kinship(topology, Calibration(0.5, trust=0.0)),
        {visit: Tracklet(key(f"{visit.camera}:{visit.track_id}"), 0, 0) for visit in visits},
    )
    for step in time_steps(visits):
        for camera in step.steps:
            for look in camera.observations:
                own = next(t for t in live.values() if t.key == key(f"{look.camera}:{look.track_id}"))
                own.observe(look)
        grown.update([t for t in live.values() if len(t.looks)], now_ns=0)
    whole = Kinship(topology, Calibration(0.5, trust=0.0))
    whole.update([t for t in live.values() if len(t.looks)], now_ns=0)
    assert (grown.similarity == whole.similarity).all()
    assert (grown.possible == whole.possible).all()


def test_only_what_has_new_looks_is_compared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    topology = Topology()
    kept = tracklets(Visit("a", 1, 1, 0, 4), Visit("b", 1, 1, 1, 6), Visit("c", 1, 2, 1, 6), topology=topology)
    compared: list[int] = []

    def counted(vectors: Sequence[Float32], weights: Sequence[Float64], changed: Sequence[int]) -> Float64:
        compared.append(len(changed))
        return likenesses(vectors, weights, changed)

    monkeypatch.setattr("reid_pipeline.core.kinship.likenesses", counted)
    kinship = Kinship(topology, Calibration(0.5))
    kinship.update(kept, now_ns=0)
    kinship.update(kept, now_ns=0)
    kinship.update(kept[1:], now_ns=0)
    assert compared == [3]
    assert kinship.similarity.shape == (2, 2)


def test_nothing_to_compare() -> None:
    kinship = Kinship(Topology(), Calibration(0.5))
    kinship.update([], now_ns=0)
    assert kinship.similarity.shape == (0, 0)


def test_one_place_in_two_cameras_makes_two_tracks_more_alike() -> None:
    """Boxes of track n stand at 10n pixels, so tracks of one number are at one place."""
    seen_together = Topology(floor={"a": FLAT, "b": FLAT})
    visits = (Visit("a", 1, 1, 0, 5, noise=0.2), Visit("b", 1, 1, 0, 5, noise=0.2))
    told = {}
    for name, topology in (("floor", seen_together), ("looks", Topology())):
        kinship = Kinship(topology, Calibration(0.5))
        kinship.update(tracklets(*visits, topology=topology), now_ns=0)
        told[name] = kinship.similarity[0, 1]
    assert told["floor"] == pytest.approx(told["looks"] + 0.15)


def test_a_wrong_answer_is_corrected_while_the_run_goes_on() -> None:
    """Tracks whose first looks were bad became people of their own, and stayed so until the recording ended."""
    visits = [Visit("a", 1, 1, 0, 20), Visit("b", 1, 1, 3, 20, noise=0.16), Visit("c", 1, 2, 0, 20)]
    told = associate(visits)
    assert told.live == told.final
    assert told.live[key("a:1")] == told.live[key("b:1")] != told.live[key("c:1")]


def test_who_is_forgotten_is_not_recognised_any_more() -> None:
    associator = associate([Visit("a", 1, 1, 0, 5)]).associator
    (person,) = (one.id for one in associator.people)
    for standing in list(associator.standings.values()):
        associator.people[person].absorb(standing.tracklet)
        del associator.standings[standing.tracklet.key]
    associator.forget([person, "P9999"])
    for step in time_steps([Visit("a", 7, 1, 0, 5)]):
        associator.step(step)
    assert associator.assignments()[key("a:7")].identity != person
