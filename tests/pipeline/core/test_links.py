"""What a link says that it was made on."""

from __future__ import annotations

import numpy as np
import pytest

from made_up_site import Visit, associate, look
from reid_pipeline.core.calibration import Calibration
from reid_pipeline.core.kinship import Kinship
from reid_pipeline.core.links import FADES_AFTER_S, LinkBook
from reid_pipeline.core.motion import Homography
from reid_pipeline.core.people import Person
from reid_pipeline.core.topology import Topology
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.core.transit import WORTH
from reid_pipeline.types import NS_PER_S, Link, Observation, TrackletKey

FLAT = Homography(((0.01, 0.0, 0.0), (0.0, 0.01, 0.0), (0.0, 0.0, 1.0)))
WALKS = [
    Visit(camera, n + 1, n, 5.0 * n + later, 5.0 * n + later + 3.0, every_s=1.0)
    for n in range(12)
    for camera, later in (("a", 0.0), ("b", 12.0))
]


def links(*visits: Visit, topology: Topology) -> list[Link]:
    return associate(visits, topology=topology).links


def test_a_link_names_what_time_added() -> None:
    found = links(*WALKS, topology=Topology())
    assert len(found) == 12
    for link in found:
        assert link.evidence.keys() == {"appearance", "log_odds", "time"}
        assert 0.5 * WORTH < link.evidence["time"] < WORTH
        assert link.score == pytest.approx(min(1.0, link.evidence["appearance"] + link.evidence["time"]))


def test_a_link_names_what_place_added() -> None:
    """Boxes of track n stand at 10n pixels, so tracks of one number are at one place."""
    seen_together = Visit("a", 1, 1, 0, 5, noise=0.1), Visit("b", 1, 1, 0, 5, noise=0.1)
    (link,) = links(*seen_together, topology=Topology(floor={"a": FLAT, "b": FLAT}))
    assert link.evidence.keys() == {"appearance", "log_odds", "place"}
    assert link.evidence["place"] == pytest.approx(0.15)
    assert link.score == pytest.approx(link.evidence["appearance"] + 0.15)


def test_within_one_camera_place_is_not_named_and_time_not_where_nothing_was_learned() -> None:
    (link,) = links(Visit("a", 1, 1, 0, 5), Visit("a", 2, 1, 9, 12), topology=Topology(floor={"a": FLAT}))
    assert link.evidence.keys() == {"appearance", "log_odds", "time"}, "it is a step itself"
    (link,) = links(Visit("a", 1, 1, 0, 5), Visit("b", 1, 1, 2, 9), topology=Topology())
    assert link.evidence.keys() == {"appearance", "log_odds"}
    assert link.evidence["appearance"] == link.score


def passing(person: Person, number: int, start_s: int) -> Tracklet:
    """The person's track of that number, five looks in five seconds: the person joins it."""
    start_ns = start_s * NS_PER_S
    tracklet = Tracklet(TrackletKey("a", number), start_ns, start_ns + 4 * NS_PER_S)
    for second in range(5):
        vector = look(int(person.id[1:]), 0.08, (number, second))
        at_ns, box = start_ns + second * NS_PER_S, np.zeros(4, np.float32)
        tracklet.observe(Observation("a", number, second, at_ns, box, 0.8, vector))
    person.join(tracklet, trusted=True)
    return tracklet


def test_who_comes_back_after_hours_is_linked_to_where_they_were_last() -> None:
    """Of their last track one look is left by then, which is enough to say how alike both are."""
    one, other = Person("P1"), Person("P2")
    found = {}
    for hours in (0, 5):
        book = LinkBook(Kinship(Topology(), Calibration(0.5)))
        later_s = hours * FADES_AFTER_S
        assert book.settle(one, passing(one, 1, 0)) == []
        assert book.settle(other, passing(other, 2, later_s + 10)) == []
        (found[hours],) = book.settle(one, passing(one, 3, later_s + 20))
        assert [str(key) for key in (found[hours].source, found[hours].target)] == ["a:1", "a:3"]
    at_once, faded = (found[hours].evidence["appearance"] for hours in (0, 5))
    assert at_once != faded
    assert faded == pytest.approx(at_once, abs=0.1)
    assert faded > 0.5


def test_who_turns_out_to_be_somebody_else_is_linked_on_from_the_later_track_of_both() -> None:
    for first, second in ((1, 2), (2, 1)):
        book, one, other = LinkBook(Kinship(Topology(), Calibration(0.5))), Person("P1"), Person("P2")
        book.settle(one, passing(one, first, 10 * first))
        book.settle(other, passing(other, second, 10 * second))
        book.merge("P1", "P2")
        assert book.settle(other, passing(other, 3, 40)) == []
        (link,) = book.settle(one, passing(one, 4, 50))
        assert str(link.source) == "a:2"
