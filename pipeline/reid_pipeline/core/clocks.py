"""Which cameras' clocks are ahead, found out from the people whom two cameras see.

Tracks of two cameras that look so alike that they are surely one person are compared once, when both are over: walks
that were seen at the same time, and passages from one camera to the other where they share no view (see `lags`). The
median over many of them does not mind the few that are wrong after all.

On four simulated offices with clocks up to 2 s apart, on which this was developed, walks on a known floor were off by
0.05 s at most and passages on one by 0.12 s (root mean square; 0.4 s at most). Without a known floor, walks in pictures
were off by 0.1 s at most, and passages by 0.3 s (0.7 s at most). In a simulated canteen, where tables hide feet, on
PETS2009 and on UFES, where few people are seen twice, nothing is found.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from reid_pipeline.core.lags import Track, passage_lags_s, picture_lags_s, walk_lag_s
from reid_pipeline.core.meetings import LONGEST_GAP_S, LONGEST_LAG_S, Meeting, meetings
from reid_pipeline.core.motion import Homography, Point, Stand
from reid_pipeline.core.offsets import Lag, Offset, offsets
from reid_pipeline.core.similarity import Float64
from reid_pipeline.core.topology import Topology
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import NS_PER_S, TrackletKey

RIPE_S = LONGEST_GAP_S + LONGEST_LAG_S
"""So long after a track everybody has come whom it can be compared with."""

WALKING_M_S = 1.3
"""How fast people walk; where the floor is known, what a passage takes for its length is no matter of clocks."""

ENOUGH, KEPT = 6, 60
"""So many comparisons, each way for passages, make a lag; no more than the last `KEPT` count."""

STALE = 1.5
"""Pictures are compared anew when there are so many times as many walks."""

WALK_S, PICTURE_S, PASSAGE_ON_FLOOR_S, PASSAGE_S = 0.05, 0.1, 0.15, 0.35
"""What each kind of lag can be off by however many tracks there are: a bend in the way counts for all who take it."""

WORST_S = 0.5
"""A lag that is less certain than this is none."""

NOTICED_S = 0.1
"""A correction changes when it is off by so much."""

MEDIAN_ERROR = 1.25 * 1.4826
"""The standard deviation of a median of N values, times the root of N, in median absolute deviations (if normal)."""

Pair = tuple[str, str]


def _kept() -> deque[float]:
    return deque(maxlen=KEPT)


@dataclass(slots=True)
class _Evidence:
    """What was seen of a pair of cameras.

    Lags of walks on a known floor; walks in the pictures, and the lags that those told last; how long passages from the
    first camera to the second took, and those back.
    """

    walks_s: deque[float] = field(default_factory=_kept)
    walks: deque[tuple[Track, Track]] = field(default_factory=lambda: deque(maxlen=KEPT))
    pictures_s: list[float] = field(default_factory=list)
    pictures_due: float = ENOUGH
    there_s: deque[float] = field(default_factory=_kept)
    back_s: deque[float] = field(default_factory=_kept)

    def see(self, first: Track, second: Track) -> None:
        """One more walk in two pictures."""
        self.walks.append((first, second))
        self.pictures_due -= 1
        if self.pictures_due <= 0:
            self.look()

    def look(self) -> None:
        """Compare the pictures anew."""
        self.pictures_s = picture_lags_s(self.walks)
        self.pictures_due = max(1.0, (STALE - 1.0) * len(self.walks))


class Clocks:
    """How far each camera's clock is ahead: as it was `given`, in seconds, and as was found out since."""

    def __init__(self, given_s: Mapping[str, float], floor: Mapping[str, Homography]) -> None:
        self._given_s, self._floor = given_s, floor
        self._evidence: dict[Pair, _Evidence] = {}
        self._ripe: set[TrackletKey] = set()
        self._ahead_s = dict(given_s)
        self._doubted: set[str] = set()

    def ahead_ns(self, camera: str) -> int:
        """What to take off the camera's times."""
        return round(self._ahead_s.get(camera, 0.0) * NS_PER_S)

    def offsets(self) -> list[Offset]:
        """What is known of each camera's clock, by camera, as far as anything is."""
        return offsets(self.lags(), self._given_s)

    def lags(self) -> list[Lag]:
        """What is known of pairs of cameras, beyond what was given."""
        known = [lag for pair, seen in sorted(self._evidence.items()) for lag in self._lags_of(pair, seen)]
        return [lag for lag in known if lag.error_s <= WORST_S]

    def learn(
        self, tracklets: Sequence[Tracklet], likeness: Float64, topology: Topology, *, sure: float, now_ns: int | None
    ) -> bool:
        """Compare the tracks that are over by now (None: all); says whether a correction changed.

        `likeness` is that of each two by their looks, float64 (N, N); from `sure` on they are surely one person.
        """
        ended_ns = None if now_ns is None else now_ns - round(RIPE_S * NS_PER_S)
        ripe = {tracklet.key for tracklet in tracklets if ended_ns is None or tracklet.last_ns <= ended_ns}
        fresh, self._ripe = ripe - self._ripe, ripe
        if not fresh:
            return False
        met = meetings(tracklets, likeness, fresh, topology, sure=sure)
        compared = [meeting for meeting in met if meeting.first.key in ripe and meeting.second.key in ripe]
        for meeting in compared:
            self._compare(meeting)
        if now_ns is None:
            for evidence in self._evidence.values():
                if len(evidence.walks) >= ENOUGH:
                    evidence.look()
        return self._correct() if compared or now_ns is None else False

    def _correct(self) -> bool:
        """Take over what is known of clocks where one of those that were compared is surely wrong, or was said to be.

        The others are not trusted then: what is found counts as soon as it exceeds its error.
        """
        known = self.offsets()
        wrong = {offset.reference for offset in known if offset.sure or offset.given_s}
        self._doubted |= {offset.camera for offset in known if offset.reference in wrong}
        doubted = [offset for offset in known if offset.camera in self._doubted]
        best_s = {one.camera: one.total_s if abs(one.ahead_s) > one.error_s else one.given_s for one in doubted}
        changes = {one: s for one, s in best_s.items() if abs(s - self._ahead_s.get(one, 0.0)) >= NOTICED_S}
        self._ahead_s |= changes
        return bool(changes)

    # -- comparing -------------------------------------------------------------------------------------------------

    def _compare(self, meeting: Meeting) -> None:
        a, b = meeting.first, meeting.second
        turned = a.key.camera > b.key.camera
        pair = (b.key.camera, a.key.camera) if turned else (a.key.camera, b.key.camera)
        evidence = self._evidence.setdefault(pair, _Evidence())
        if meeting.passage:
            gap_s = self._gap_s(a, b)
            (evidence.back_s if turned else evidence.there_s).extend([] if gap_s is None else [gap_s])
            return
        first, second = (b, a) if turned else (a, b)
        if self._on_floor(pair):
            lag_s = walk_lag_s(self._floor_track(first), self._floor_track(second))
            evidence.walks_s.extend([] if lag_s is None else [lag_s])
        else:
            evidence.see(self._picture_track(first), self._picture_track(second))

    def _on_floor(self, pair: Pair) -> bool:
        return all(camera in self._floor for camera in pair)

    def _time_s(self, tracklet: Tracklet, stand: Stand) -> float:
        return stand.timestamp_ns / NS_PER_S - self._given_s.get(tracklet.key.camera, 0.0)

    def _gap_s(self, a: Tracklet, b: Tracklet) -> float | None:
        """How long a passage took; where the floor is known, less what its length takes."""
        left, came = a.walk.last, b.walk.first
        if left is None or came is None:
            return None
        gap_s = self._time_s(b, came) - self._time_s(a, left)
        here, there = self._place(a, left), self._place(b, came)
        if here is None or there is None:
            return gap_s
        dx, dy = there[0] - here[0], there[1] - here[1]
        return gap_s - math.sqrt(dx * dx + dy * dy) / WALKING_M_S

    def _place(self, tracklet: Tracklet, stand: Stand) -> Point | None:
        floor = self._floor.get(tracklet.key.camera)
        return None if floor is None else floor.to_floor(stand.x, stand.y)

    def _floor_track(self, tracklet: Tracklet) -> Track:
        places = [(self._time_s(tracklet, stand), self._place(tracklet, stand)) for stand in tracklet.walk.trail]
        return np.array([(time_s, *place) for time_s, place in places if place is not None]).reshape(-1, 3)

    def _picture_track(self, tracklet: Tracklet) -> Track:
        return np.array([(self._time_s(tracklet, s), s.x, s.y, s.height) for s in tracklet.walk.trail])

    def _lags_of(self, pair: Pair, evidence: _Evidence) -> Iterator[Lag]:
        """What each kind of evidence says, where there is enough of it."""
        passage_s = PASSAGE_ON_FLOOR_S if self._on_floor(pair) else PASSAGE_S
        for lags_s, least_s in ((evidence.walks_s, WALK_S), (evidence.pictures_s, PICTURE_S)):
            if len(lags_s) >= ENOUGH:
                yield Lag(*pair, _median(lags_s), _sum(_error_s(lags_s), least_s), len(lags_s))
        there_s, back_s = evidence.there_s, evidence.back_s
        if min(len(there_s), len(back_s)) >= ENOUGH:
            chance_s = _sum(_error_s(there_s), _error_s(back_s)) / 2
            lag_s = _median(passage_lags_s(there_s, back_s))
            yield Lag(*pair, lag_s, _sum(chance_s, passage_s), len(there_s) + len(back_s))


def _median(values: Collection[float]) -> float:
    return float(np.median(np.array(values)))


def _error_s(values: Collection[float]) -> float:
    """The standard error of the median, from the median absolute deviation."""
    given = np.array(values)
    return MEDIAN_ERROR * float(np.median(np.abs(given - np.median(given)))) / math.sqrt(len(given))


def _sum(*errors_s: float) -> float:
    """What independent errors make together."""
    return math.sqrt(sum(error_s * error_s for error_s in errors_s))
