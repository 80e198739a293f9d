"""What a similarity is worth on this site, learned from what is seen there and without labels.

An encoder was trained elsewhere. Here its vectors may be closer together or farther apart, and two looks of one camera
are more alike than looks of two, whoever they show. Two things are certain without anybody's word: tracks that one
camera sees at the same time are different people, and a track at its beginning and some seconds later is one person.
From the first follows, for each pair of cameras, how alike strangers are; from the second, how alike a person is to
themselves. Somewhere between both lies the similarity that speaks for neither, and similarities are shifted so that it
comes to lie at the encoder's own threshold. As log odds, they are the ratio of two normal distributions of one spread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.similarity import Float64, likenesses, on_grid, weight
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import NS_PER_S, SiteLikeness, TrackletKey

RIPE_LOOKS = 4
"""What fewer looks are like is chance."""

LATER_S = 4.0
"""A track's first and last quarter are compared when it is this long: looks of one moment are alike whoever it is.
From then on a track that goes on is learned from, too."""

NEUTRAL = 0.4
"""How far from strangers to oneself a similarity speaks for neither. What told tracklets of one person best from those
of two lay at 0.26 to 0.60, with four encoders on three real sites and one on three simulated ones."""

CARRIES = 0.8
"""How far from strangers to oneself two tracklets of one person are on average; 0.64 to 1.02 there."""

TRUST = 0.5
"""What a site says counts for this much at most; the rest is the encoder's threshold, which other sites have taught."""

FEW_TRACKS, FEW_PAIRS = 4, 20
"""A measurement of so many counts for half of what it can; what is known more generally outweighs one of fewer."""

MANY = 1 << 16
"""From so many values on, the older ones fade, so that what changes on a site is noticed."""

LEAST_SPREAD = 0.03
"""No similarities spread less, so that log odds have bounds."""

_ANYWHERE = ("", "")
"""In place of a pair of cameras, for looks from anywhere."""

UNTAUGHT_SLOPE = 40.0
"""Log odds for each unit of similarity before a site has said anything: strangers 0.4 from oneself, a spread of 0.1."""

_Key = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class _Moments:
    """Number, sum and sum of squares of values on the grid of similarities: exact, so their order does not matter."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: Float64) -> _Moments:
        values = on_grid(values)
        return cls(len(values), float(values.sum()), float(on_grid(values * values).sum()))

    def __add__(self, other: _Moments) -> _Moments:
        return _Moments(self.count + other.count, self.total + other.total, self.squares + other.squares)

    def faded(self) -> _Moments:
        """At half the weight."""
        total, squares = on_grid(np.array([self.total / 2, self.squares / 2])).tolist()
        return _Moments(self.count // 2, total, squares)

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def variance(self) -> float:
        return max(LEAST_SPREAD**2, self.squares / self.count - self.mean**2)


class Calibration:
    """What was learned of the site; `match` is the encoder's own threshold, `known` what the gallery remembers.

    With `trust` 0 nothing is shifted.
    """

    def __init__(self, match: float, known: Iterable[SiteLikeness] = (), *, trust: float = TRUST) -> None:
        self._match, self._trust = match, trust
        self._moments = {(*k.cameras, k.same): _Moments(k.count, k.total, k.squares) for k in known}
        self._counted: set[TrackletKey] = set()
        self._untold: set[_Key] = set()
        # what follows from all that was learned, worked out when it is asked for
        self._shifts: dict[tuple[str, str], float] = {}
        self._sums: dict[tuple[bool, bool], _Moments] = {}

    def learn(
        self, tracklets: Sequence[Tracklet], similarity: Float64, possible: NDArray[np.bool_], *, until_ns: int
    ) -> None:
        """Learn from the tracklets that were over by `until_ns` or seen for long; each pair of them counts once.

        Args:
            tracklets: all N that matter now, each with a look at least.
            similarity: how alike they are, not shifted, float64 (N, N).
            possible: False where two cannot be one person, bool (N, N).
            until_ns: on the run's clock.
        """
        cameras, camera_of = np.unique([tracklet.key.camera for tracklet in tracklets], return_inverse=True)
        ripe = [i for i, tracklet in enumerate(tracklets) if _is_ripe(tracklet, until_ns)]
        counted = [i for i in ripe if tracklets[i].key in self._counted]
        for i in ripe:
            if tracklets[i].key in self._counted:
                continue
            self._learn_oneself(tracklets[i])
            strangers = _strangers_of(i, np.array(counted, np.intp), similarity, possible, camera_of)
            alike = _moments_by(camera_of[strangers], similarity[i, strangers], len(cameras))
            for camera, moments in zip(cameras.tolist(), alike, strict=True):
                first, second = sorted((camera, tracklets[i].key.camera))
                self._add((first, second, False), moments)
            counted.append(i)
        self._counted = {tracklets[i].key for i in ripe}
        self._shifts.clear()
        self._sums.clear()

    def shift(self, a: str, b: str) -> float:
        """What to add to a similarity of looks of these two cameras so that the threshold speaks for neither."""
        pair = (a, b) if a <= b else (b, a)
        if pair not in self._shifts:
            strangers = self._moments.get((*pair, False), _Moments())
            self._shifts[pair] = self._shift(strangers, self._strangers(one_camera=a == b))
        return self._shifts[pair]

    def shift_of_memory(self) -> float:
        """What to add to a similarity of looks of one camera with a memory of looks from anywhere."""
        if _ANYWHERE not in self._shifts:
            across = self._strangers(one_camera=False)
            kind = across if across.count else self._strangers(one_camera=True)
            self._shifts[_ANYWHERE] = self._shift(_Moments(), kind)
        return self._shifts[_ANYWHERE]

    def shifts(self, rows: Sequence[str], columns: Sequence[str]) -> Float64:
        """The shift of each camera in `rows` with each in `columns`, float64 (N, M)."""
        a, b = ({name: i for i, name in enumerate(dict.fromkeys(side))} for side in (rows, columns))
        table = np.array([[self.shift(first, second) for second in b] for first in a]).reshape(len(a), len(b))
        return np.asarray(table[np.ix_([a[name] for name in rows], [b[name] for name in columns])])

    def log_odds(self, a: str, b: str, similarity: float) -> float:
        """How much more likely a similarity, not shifted, is of one person than of two, in nats; 0 at the threshold.

        Of two normal distributions with the spread of strangers, so it is linear in the similarity.
        """
        strangers, oneself = self._strangers(one_camera=a == b), self._oneself()
        slope = UNTAUGHT_SLOPE
        if strangers.count and oneself.count and oneself.mean > strangers.mean:
            slope = CARRIES * (oneself.mean - strangers.mean) / strangers.variance
        return slope * (similarity + self.shift(a, b) - self._match)

    def take_news(self) -> tuple[SiteLikeness, ...]:
        """What the gallery should learn since the last call."""
        keys, self._untold = sorted(self._untold), set()
        moments = [(key, self._moments[key]) for key in keys]
        return tuple(SiteLikeness((a, b), same, m.count, m.total, m.squares) for (a, b, same), m in moments)

    def _learn_oneself(self, tracklet: Tracklet) -> None:
        looks = sorted(tracklet.looks, key=lambda look: look.timestamp_ns)
        start_ns, end_ns = looks[0].timestamp_ns, looks[-1].timestamp_ns
        quarter_ns = (end_ns - start_ns) // 4
        if 4 * quarter_ns < LATER_S * NS_PER_S:
            return
        parts = (
            [look for look in looks if look.timestamp_ns <= start_ns + quarter_ns],
            [look for look in looks if look.timestamp_ns >= end_ns - quarter_ns],
        )
        vectors = [np.stack([look.vector for look in part]) for part in parts]
        weights = [np.array([weight(look.quality) for look in part]) for part in parts]
        camera = tracklet.key.camera
        self._add((camera, camera, True), _Moments.of(likenesses(vectors, weights, [0])[0, 1:]))

    def _add(self, key: _Key, new: _Moments) -> None:
        if not new.count:
            return
        moments = self._moments.get(key, _Moments()) + new
        self._moments[key] = moments.faded() if moments.count > MANY else moments
        self._untold.add(key)

    def _oneself(self) -> _Moments:
        return self._sum(same=True, one_camera=True)

    def _strangers(self, *, one_camera: bool) -> _Moments:
        """Of all pairs of the kind: two looks of one camera, or of two."""
        return self._sum(same=False, one_camera=one_camera)

    def _sum(self, *, same: bool, one_camera: bool) -> _Moments:
        kind = same, one_camera
        if kind not in self._sums:
            every = (m for (a, b, of_one), m in self._moments.items() if (of_one, a == b) == kind)
            self._sums[kind] = sum(every, _Moments())
        return self._sums[kind]

    def _shift(self, strangers: _Moments, kind: _Moments) -> float:
        """From what is known of the strangers of these cameras, and of those of all such pairs of cameras."""
        oneself = self._oneself()
        if not oneself.count or not kind.count:
            return 0.0
        alike = (strangers.total + FEW_PAIRS * kind.mean) / (strangers.count + FEW_PAIRS)
        if oneself.mean <= alike:
            return 0.0
        neutral = alike + NEUTRAL * (oneself.mean - alike)
        trust = self._trust * oneself.count / (oneself.count + FEW_TRACKS) * kind.count / (kind.count + FEW_PAIRS)
        return float(on_grid(np.array(trust * (self._match - neutral))))


def _is_ripe(tracklet: Tracklet, until_ns: int) -> bool:
    long_ns = tracklet.span.end_ns - tracklet.span.start_ns
    return tracklet.observed >= RIPE_LOOKS and (tracklet.last_ns <= until_ns or long_ns >= LATER_S * NS_PER_S)


def _strangers_of(
    one: int, among: NDArray[np.intp], similarity: Float64, possible: NDArray[np.bool_], camera_of: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Those of some tracklets who are surely somebody else than `one`, all by their places.

    Of another camera, one of them may be the same person: whoever is most alike, if any. Who was there at the same time
    as that one is somebody else as well.
    """
    cameras, alike = camera_of[among], similarity[one, among]
    in_camera = cameras == np.arange(camera_of.max() + 1)[:, None]
    best = np.where(in_camera, alike, -np.inf).argmax(axis=1)[cameras] if len(among) else cameras
    elsewhere = cameras != camera_of[one]
    strangers = ~possible[one, among] | (elsewhere & ~possible[among[best], among])
    strangers[elsewhere & (best == np.arange(len(among)))] = False
    return np.asarray(among[strangers])


def _moments_by(group: NDArray[np.intp], values: Float64, groups: int) -> list[_Moments]:
    """The moments of the values in each of some groups, 0 to `groups` - 1."""
    values = on_grid(values)
    counts = np.bincount(group, minlength=groups).tolist()
    totals, squares = (np.bincount(group, each, groups).tolist() for each in (values, on_grid(values * values)))
    return [_Moments(*sums) for sums in zip(counts, totals, squares, strict=True)]
