"""What an encoder says about people, without pictures: vectors that are as hard to tell apart as real ones.

A look is a sum of parts of fixed energy (squared length): what all people of a site share, the camera, the person,
the person in that camera, the side that they turn to it, their pose, and noise that grows as the crop gets worse. The
energies were set on real crops encoded by person-reidentification-retail-0287. Cosines measured there, as mean
(standard deviation); PETS is S2.L1 views 001 and 005 (6 people, 212 looks), UFES four indoor cameras (3 people, 573
looks), both from journals of the default pipeline, each look under the person whose true box it overlaps by half or
more; `python -m reid_tools.scenarios measure` prints such a table for any journal that has truth:

    two looks                                   PETS         UFES
    of one track, at most 0.3 s apart           .82 (.10)    .90 (.06)
    of one track, 0.3 to 0.7 s                  .81 (.11)    .85 (.10)
    of one track, 0.7 to 1.5 s                  .74 (.15)    .78 (.12)
    of one track, 1.5 to 3 s                    .69 (.16)    .73 (.14)
    of one track, 3 to 6 s                      .64 (.16)    .69 (.15)
    of one track, 6 to 12 s                     .58 (.16)    .64 (.15)
    of one person, other track, same camera     .54 (.18)    .69 (.12)
    of one person, other camera                 .50 (.16)    .50 (.13)
    of two people, same camera                  .12 (.10)    .25 (.10)
    of two people, other cameras                .09 (.10)    .18 (.08)

By the quality of the worse of both looks (.2 to .35, .35 to .5, .5 to .7, above), looks of one person in other cameras
had a mean cosine of .31, .42, .43, .53 (UFES), those of two people .17, .18, .19, .20, and successive looks of one
track (at most 1.5 s apart) .57, .75, .80, .82. So noise takes from what is alike, and hardly from what is not.
250 crops each of six other sources (unlabelled, mostly different people) gave a mean of .06 to .21 with a standard
deviation of .09 to .14 within a source, 99th percentiles of .29 to .66, and spectra whose participation ratio was 40
to 86 of 256 dimensions: people differ in few directions, so some pairs are much more alike than others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.types import Float32

Vector = NDArray[np.float64]

DIM = 256
MATCH = 0.4
"""The threshold that the pipeline uses for person-reidentification-retail-0287."""


@dataclass(frozen=True, slots=True)
class Energies:
    """Squared lengths of the parts of a look; `noise` is that of a good crop. They sum to 1.

    `uniform` is the share of the person's part that people in uniform have in common, `spectrum` the exponent with
    which the variance falls over the dimensions, `pose_s` the time in which a pose is forgotten.
    """

    site: float = 0.12
    camera: float = 0.05
    person: float = 0.41
    place: float = 0.04
    side: float = 0.14
    pose: float = 0.15
    noise: float = 0.09
    uniform: float = 0.7
    spectrum: float = 0.72
    pose_s: float = 1.5


GOOD_QUALITY = 0.9
WORST_QUALITY = 0.25
NOISE_EXPONENT = 2.3
REMEMBERED = 256
"""People whose vectors are kept; others are drawn again, so a long scene needs no more memory than a short one."""
LASTING_SHARE, BLEAK_SHARE = 0.65, 0.03
"""Of what a poor crop adds in noise: what lasts as long as a pose, and what all poor crops have in common."""


def added_noise(quality: float, energies: Energies) -> float:
    """The energy of the noise that a crop of this quality has more than a good one, whose whole look has 1."""
    worse = GOOD_QUALITY / min(GOOD_QUALITY, max(quality, WORST_QUALITY))
    return energies.noise * (float(worse**NOISE_EXPONENT) - 1.0)


class Wardrobe:
    """What everybody looks like. The same seed gives the same people, whichever cameras see them and in what order.

    People whose number is in `uniformed` share most of their part.
    """

    def __init__(self, seed: tuple[int, ...], *, uniformed: frozenset[int], energies: Energies | None = None) -> None:
        self.energies = energies or Energies()
        self._seed = seed
        self._uniformed = uniformed
        variance = np.arange(1, DIM + 1) ** -self.energies.spectrum
        self._scale = np.sqrt(variance / variance.sum())
        self.person = lru_cache(REMEMBERED)(self._person)
        self.site = self._unit(0)
        self._uniform = self._unit(1)

    def random(self, rng: np.random.Generator) -> Vector:
        """A random direction of this population, float64 (D,), of length 1 on average."""
        return np.asarray(rng.standard_normal(DIM) * self._scale)

    def _person(self, number: int) -> tuple[Vector, Vector, Vector]:
        """A person's own part, and the two parts between which their sides turn, float64 (D,) each of length 1."""
        own, front, flank = (self._unit(2, number, part) for part in range(3))
        if number in self._uniformed:
            share = self.energies.uniform
            own = _normalised(np.sqrt(share) * self._uniform + np.sqrt(1 - share) * own)
        return own, front, flank

    def camera(self, number: int) -> Vector:
        """What a camera adds to everybody, float64 (D,) of length 1."""
        return self._unit(3, number)

    def place(self, camera: int, person: int) -> Vector:
        """How a person differs in one camera, float64 (D,) of length 1."""
        return self._unit(4, camera, person)

    def backdrop(self, camera: int, number: int) -> Vector:
        """Something in a camera's picture that a detector may take for a person, float64 (D,) of length 1."""
        return self._unit(5, camera, number)

    def _unit(self, *what: int) -> Vector:
        return _normalised(self.random(np.random.default_rng((*self._seed, *what))))


@dataclass(slots=True)
class _Pose:
    """How somebody stood when they were last looked at."""

    time_s: float
    vector: Vector


@dataclass(frozen=True, slots=True)
class Sight:
    """One person in a crop: `side_rad` is where they face, seen from the camera; people below 0 are backdrop."""

    person: int
    side_rad: float
    weight: float


class CameraLooks:
    """The looks that one camera gets. Crops come in the order of time."""

    def __init__(self, wardrobe: Wardrobe, camera: int, rng: np.random.Generator) -> None:
        self._wardrobe = wardrobe
        self._camera = camera
        self._rng = rng
        self._poses: dict[int, _Pose] = {}
        self._lasting = lru_cache(REMEMBERED)(self._lasting_of)
        energies = wardrobe.energies
        self._view = np.sqrt(energies.site) * wardrobe.site + np.sqrt(energies.camera) * wardrobe.camera(camera)

    def look(self, sights: list[Sight], quality: float, time_s: float) -> Float32:
        """The vector of a crop that shows these people, by weight; float32 (D,) of length 1."""
        total = sum(sight.weight for sight in sights)
        energies = self._wardrobe.energies
        added = added_noise(quality, energies)
        passing = energies.noise + (1.0 - LASTING_SHARE - BLEAK_SHARE) * added
        vector = (
            np.sqrt(passing) * self._wardrobe.random(self._rng) + np.sqrt(BLEAK_SHARE * added) * self._wardrobe.site
        )
        pose = np.sqrt(energies.pose + LASTING_SHARE * added)
        for sight in sights:
            vector = vector + sight.weight / total * (self._clear(sight) + pose * self._pose(sight.person, time_s))
        return np.asarray(_normalised(vector), np.float32)

    def _clear(self, sight: Sight) -> Vector:
        """The person without pose and noise."""
        energies = self._wardrobe.energies
        if sight.person < 0:
            rest = energies.person + energies.place + energies.side
            return np.asarray(self._view + np.sqrt(rest) * self._wardrobe.backdrop(self._camera, -sight.person))
        _, front, flank = self._wardrobe.person(sight.person)
        side = np.cos(sight.side_rad) * front + np.sin(sight.side_rad) * flank
        return np.asarray(self._lasting(sight.person) + np.sqrt(energies.side) * side)

    def _lasting_of(self, person: int) -> Vector:
        energies = self._wardrobe.energies
        own = np.sqrt(energies.person) * self._wardrobe.person(person)[0]
        place = np.sqrt(energies.place) * self._wardrobe.place(self._camera, person)
        return np.asarray(self._view + own + place)

    def _pose(self, person: int, time_s: float) -> Vector:
        """An Ornstein-Uhlenbeck process per person, stepped to the time of the look."""
        before = self._poses.get(person)
        fresh = self._wardrobe.random(self._rng)
        if before is not None:
            kept = float(np.exp((before.time_s - time_s) / self._wardrobe.energies.pose_s))
            fresh = kept * before.vector + np.sqrt(max(0.0, 1 - kept**2)) * fresh
        self._poses.pop(person, None)
        self._poses[person] = _Pose(time_s, fresh)
        if len(self._poses) > REMEMBERED:
            del self._poses[next(iter(self._poses))]
        return np.asarray(fresh)


def _normalised(vector: Vector) -> Vector:
    return np.asarray(vector / np.linalg.norm(vector))
