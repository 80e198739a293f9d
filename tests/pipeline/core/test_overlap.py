from __future__ import annotations

from made_up_site import Visit, associate, key
from reid_pipeline.core.calibration import Calibration
from reid_pipeline.core.kinship import Kinship
from reid_pipeline.core.overlap import TRIALS, apart
from reid_pipeline.core.topology import Topology
from reid_pipeline.core.tracklets import Tracklet

PAIR = frozenset(("a", "b"))


def found(visits: list[Visit], topology: Topology | None = None) -> frozenset[frozenset[str]]:
    topology = topology or Topology()
    standings = associate(visits, topology=topology).associator.standings
    tracklets: list[Tracklet] = [standings[each].tracklet for each in sorted(standings)]
    kinship = Kinship(topology, Calibration(0.5))
    kinship.update(tracklets, now_ns=0)
    return apart(tracklets, kinship.similarity, 0.5, topology)


def strangers(count: int) -> list[Visit]:
    """Somebody in each camera all the time, never the same person in both at once."""
    return [
        Visit(camera, number, 2 * number + (camera == "b"), 3.0 * number, 3.0 * number + 2.5)
        for camera in "ab"
        for number in range(1, count + 1)
    ]


def company(count: int) -> list[Visit]:
    """The same people in both cameras at once."""
    return [
        Visit(camera, number, number, 3.0 * number, 3.0 * number + 2.5) for camera in "ab" for number in range(count)
    ]


def test_cameras_in_which_nobody_looks_like_somebody_in_the_other_are_apart() -> None:
    assert found(strangers(TRIALS // 2)) == {PAIR}


def test_cameras_that_see_the_same_people_are_not() -> None:
    assert found(company(TRIALS)) == frozenset()


def test_a_few_tracks_prove_nothing() -> None:
    assert found(strangers(TRIALS // 2 - 1)) == frozenset()


def test_what_the_layout_says_is_not_asked() -> None:
    assert found(strangers(TRIALS), Topology({"a": frozenset({"b"})})) == frozenset()
    assert found(strangers(TRIALS), Topology({"b": frozenset()})) == frozenset()


def test_people_seen_one_after_the_other_say_nothing_of_overlap() -> None:
    visits = [
        Visit(camera, number, number, start_s, start_s + 2.5)
        for number in range(9)
        for camera, start_s in (("a", 6.0 * number), ("b", 6.0 * number + 3))
    ]
    assert found(visits) == frozenset()


def test_nobody() -> None:
    assert apart([], Kinship(Topology(), Calibration(0.5)).similarity, 0.5, Topology()) == frozenset()


def test_a_twin_in_a_camera_that_is_apart_is_somebody_else() -> None:
    """In the sample, people in like clothes in two places at one time were taken for one person (87.1, now 91.4)."""
    visits = [*strangers(TRIALS), Visit("a", 50, 1, 60, 66), Visit("b", 50, 1, 60, 66)]
    told = associate(visits)
    assert told.final[key("a:50")] != told.final[key("b:50")]
    assert told.associator.topology.apart == {PAIR}
