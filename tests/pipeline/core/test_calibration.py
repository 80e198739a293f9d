"""What a similarity is worth is learned from what is certain without labels."""

from __future__ import annotations

import numpy as np
import pytest

from reid_pipeline.core.calibration import MANY, Calibration
from reid_pipeline.core.similarity import Float64, likenesses
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import NS_PER_S, Observation, SiteLikeness, TrackletKey

MATCH = 0.6
DIM = 256
LATE_NS = 10**15


def direction(seed: int) -> Float64:
    vector = np.random.default_rng(seed).standard_normal(DIM)
    return np.asarray(vector / np.linalg.norm(vector))


class Site:
    """Looks with a part that all have, one of the person and one of the moment; so much alike are strangers and one
    person.
    """

    def __init__(self, strangers: float, oneself: float) -> None:
        self._parts = np.sqrt([strangers, oneself - strangers, 1 - oneself])
        self.tracklets: list[Tracklet] = []
        self.person: list[int] = []

    def see(self, camera: str, person: int, start_s: int, seconds: int = 8) -> None:
        """One look a second."""
        key = TrackletKey(camera, len(self.tracklets) + 1)
        tracklet = Tracklet(key, start_s * NS_PER_S, (start_s + seconds) * NS_PER_S)
        for second in range(start_s, start_s + seconds + 1):
            moment = direction(1_000_000 + 1_000 * key.track_id + second)
            vector = self._parts @ np.stack([direction(0), direction(1 + person), moment])
            unit = (vector / np.linalg.norm(vector)).astype(np.float32)
            box = np.zeros(4, np.float32)
            tracklet.observe(Observation(camera, key.track_id, second, second * NS_PER_S, box, 1.0, unit))
        self.tracklets.append(tracklet)
        self.person.append(person)

    def teach(self, calibration: Calibration, until_ns: int = LATE_NS) -> None:
        seen = self.tracklets
        looks = [tracklet.looks for tracklet in seen]
        alike = likenesses([x.vectors for x in looks], [x.weights for x in looks], range(len(looks)))
        apart = [[a.span.overlaps(b.span) and a.key.camera == b.key.camera for b in seen] for a in seen]
        calibration.learn(seen, alike, ~np.array(apart), until_ns=until_ns)


def taught(strangers: float, oneself: float) -> Calibration:
    """By two cameras that see six people at a time, one camera after the other, five times."""
    site = Site(strangers, oneself)
    for visit in range(5):
        for person in range(6):
            site.see("hall", person, 100 * visit)
            site.see("yard", person, 100 * visit + 50)
    calibration = Calibration(MATCH)
    site.teach(calibration)
    return calibration


def test_nothing_is_shifted_before_anything_is_known() -> None:
    calibration = Calibration(MATCH)
    assert calibration.shift("hall", "yard") == 0.0
    assert calibration.log_odds("hall", "yard", MATCH) == 0.0
    assert calibration.log_odds("hall", "yard", MATCH + 0.1) == pytest.approx(4.0)
    assert calibration.take_news() == ()


@pytest.mark.parametrize(("strangers", "oneself"), [(0.1, 0.6), (0.2, 0.8), (0.6, 0.9)])
def test_the_threshold_moves_towards_where_strangers_and_oneself_part(strangers: float, oneself: float) -> None:
    calibration = taught(strangers, oneself)
    moved = MATCH - calibration.shift("hall", "yard")
    assert abs(moved - (strangers + oneself) / 2) < abs(MATCH - (strangers + oneself) / 2)
    assert calibration.shift("yard", "hall") == calibration.shift("hall", "yard")


def test_log_odds_are_even_at_the_threshold_and_steeper_the_less_strangers_spread() -> None:
    calibration = taught(0.2, 0.8)
    moved = MATCH - calibration.shift("hall", "yard")
    assert calibration.log_odds("hall", "yard", moved) == pytest.approx(0.0, abs=1e-6)
    assert calibration.log_odds("hall", "yard", 0.7) > 10 > -10 > calibration.log_odds("hall", "yard", 0.2)


def test_whoever_may_be_one_person_is_no_stranger() -> None:
    """One person after the other through two cameras, never two at a time: nobody is certain to be somebody else."""
    site = Site(0.2, 0.8)
    for visit in range(12):
        site.see("hall", visit % 3, 100 * visit)
        site.see("yard", visit % 3, 100 * visit + 50)
    calibration = Calibration(MATCH)
    site.teach(calibration)
    assert [likeness.same for likeness in calibration.take_news()] == [True, True]
    assert calibration.shift("hall", "yard") == 0.0


def test_each_pair_counts_once_however_often_one_looks_back() -> None:
    site = Site(0.2, 0.8)
    calibration = Calibration(MATCH)
    for person in range(4):
        site.see("hall", person, 0)
    site.teach(calibration)
    once = calibration.take_news()
    assert {(likeness.same, likeness.count) for likeness in once} == {(False, 6), (True, 4)}
    site.teach(calibration)
    assert calibration.take_news() == ()
    site.see("hall", 4, 4)
    site.teach(calibration)
    assert {(likeness.same, likeness.count) for likeness in calibration.take_news()} == {(False, 10), (True, 5)}


def test_tracks_that_have_just_begun_are_waited_for() -> None:
    site = Site(0.2, 0.8)
    for person in range(4):
        site.see("hall", person, 0, seconds=3)
    calibration = Calibration(MATCH)
    site.teach(calibration, until_ns=2 * NS_PER_S)
    assert calibration.take_news() == ()
    site.teach(calibration)
    assert [likeness.count for likeness in calibration.take_news()] == [6]


def test_what_the_gallery_remembers_goes_on() -> None:
    first = taught(0.2, 0.8)
    remembered = first.take_news()
    again = Calibration(MATCH, remembered)
    assert again.shift("hall", "yard") == first.shift("hall", "yard")
    assert again.take_news() == ()


def test_what_was_long_ago_fades() -> None:
    """A camera whose strangers looked alike at night would otherwise be believed for ever."""
    cameras = ("hall", "hall")
    known = [
        SiteLikeness(cameras, False, MANY, MANY * 0.5, MANY * 0.25),
        SiteLikeness(cameras, True, MANY, MANY * 0.9, MANY * 0.81),
    ]
    site = Site(0.2, 0.8)
    for person in range(4):
        site.see("hall", person, 0)
    calibration = Calibration(MATCH, known)
    site.teach(calibration)
    (strangers, _) = sorted(calibration.take_news(), key=lambda likeness: likeness.same)
    assert MANY // 2 <= strangers.count <= MANY // 2 + 6
    assert strangers.total / strangers.count == pytest.approx(0.5, abs=1e-3)
