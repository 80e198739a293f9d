"""Tracks that go over from one person to another, cut in two.

Where people cross, a tracker may follow the wrong one on. It shows in the looks: from some moment on they are unlike
all before, and like each other. Such a track ends there, and another one, with a number of its own, begins. A few odd
looks with the right person afterwards (somebody passed in front) are no reason to cut, but they teach nothing either.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from reid_pipeline.core.looks import Look, LookSet
from reid_pipeline.core.similarity import cosine, quantise
from reid_pipeline.core.timeline import TimeStep
from reid_pipeline.types import EncodedStep, Float32, Observation

FAMILIAR = 4
"""A track is known after so many looks; before, nothing is odd."""

ODD = 2
"""So many odd looks in a row, alike among themselves, are somebody else."""


TRACK_LOOKS = 8


CUT = 1_000_000_000
"""What comes after the n-th cut of track t is track t + n * CUT; no tracker counts so far."""


@dataclass(slots=True)
class _Course:
    """One track of the tracker: the number that it goes by now, its looks, and the odd ones that wait."""

    number: int
    looks: LookSet = field(default_factory=lambda: LookSet(TRACK_LOOKS))
    odd: list[Observation] = field(default_factory=list)


class Splitter:
    """Cuts tracks; the part that follows a cut has a number of its own, see `CUT`.

    `familiar` is the similarity from which two looks of one track are taken for one person.
    """

    def __init__(self, familiar: float) -> None:
        self._familiar = familiar
        self._courses: dict[str, dict[int, _Course]] = {}
        self._cut: dict[str, dict[int, int]] = {}  # the numbers of tracks that were cut

    def split(self, step: TimeStep) -> TimeStep:
        """The same step with what follows a cut renumbered."""
        return TimeStep(step.start_ns, tuple(self._camera(camera_step) for camera_step in step.steps))

    def _camera(self, step: EncodedStep) -> EncodedStep:
        courses, cut = self._courses.setdefault(step.camera, {}), self._cut.setdefault(step.camera, {})
        observations = tuple([kept for seen in step.observations for kept in self._observe(courses, cut, seen)])
        tracked = step.tracked
        if cut and not cut.keys().isdisjoint(tracks := tracked.track_id.tolist()):
            tracked = replace(tracked, track_id=np.array([cut.get(track, track) for track in tracks], np.int64))
        ended = tuple([cut.pop(track, track) for track in step.ended])
        for track in step.ended:
            courses.pop(track, None)
        if tracked is step.tracked and observations == step.observations and ended == step.ended:
            return step  # as nearly always
        return replace(step, tracked=tracked, observations=observations, ended=ended)

    def _observe(self, courses: dict[int, _Course], cut: dict[int, int], observation: Observation) -> list[Observation]:
        """The observations that can be believed now, numbered."""
        course = courses.get(observation.track_id)
        if course is None:
            course = courses[observation.track_id] = _Course(observation.track_id)
        vector = quantise(observation.vector)
        if len(course.looks) < FAMILIAR or (course.looks.vectors @ vector).max() >= self._familiar:
            course.odd.clear()
            return [_believe(course, observation, vector)]
        course.odd.append(observation)
        if len(course.odd) < ODD or not self._agree(course.odd):
            del course.odd[:-ODD]
            return []
        course.number += CUT
        cut[observation.track_id] = course.number
        course.looks = LookSet(TRACK_LOOKS)
        believed = [_believe(course, odd, quantise(odd.vector)) for odd in course.odd]
        course.odd = []
        return believed

    def _agree(self, odd: list[Observation]) -> bool:
        vectors = quantise(np.stack([observation.vector for observation in odd]))
        return bool(cosine(vectors, vectors).min() >= self._familiar)


def _believe(course: _Course, observation: Observation, vector: Float32) -> Observation:
    course.looks.add_look(Look(observation.camera, observation.timestamp_ns, observation.quality, vector))
    if course.number == observation.track_id:
        return observation
    return replace(observation, track_id=course.number)


def before_cuts(track_id: int) -> int:
    """The number that the tracker gave to the track of which this is a part."""
    return track_id % CUT
