"""What a link says that it was made on."""

from __future__ import annotations

import pytest

from made_up_site import Visit, associate
from reid_pipeline.core.motion import Homography
from reid_pipeline.core.topology import Topology
from reid_pipeline.core.transit import WORTH
from reid_pipeline.types import Link

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
