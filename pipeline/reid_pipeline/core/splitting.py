"""Tracks that go over from one person to another, cut in two.

Where people cross, a tracker may follow the wrong one on. It shows in the looks: from some moment on they are unlike
all before, and like each other. Such a track ends there, and another one, with a number of its own, begins. A few odd
looks with the right person afterwards (somebody passed in front) are no reason to cut, but they teach nothing either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from reid_pipeline.core.looks import Look, LookSet
from reid_pipeline.core.similarity import cosine, quantise
from reid_pipeline.core.timeline import TimeStep
from reid_pipeline.types import EncodedStep, Float32, Observation, TrackedBoxes, checked_before

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
    odd: list[_Sight] = field(default_factory=list)


@dataclass(slots=True)
class _View:
    """What one camera sees: its tracks, and the numbers of those that were cut."""

    courses: dict[int, _Course] = field(default_factory=dict)
    cut: dict[int, int] = field(default_factory=dict)


class _Sight(NamedTuple):
    """An observation and its vector, quantised."""

    observation: Observation
    vector: Float32


class Splitter:
    """Cuts tracks; the part that follows a cut has a number of its own, see `CUT`.

    `familiar` is the similarity from which two looks of one track are taken for one person.
    """

    def __init__(self, familiar: float) -> None:
        self._familiar = familiar
        self._views: dict[str, _View] = {}

    def split(self, step: TimeStep) -> TimeStep:
        """The same step with what follows a cut renumbered."""
        seen = [observation.vector for camera_step in step.steps for observation in camera_step.observations]
        vectors = iter(quantise(np.stack(seen)) if seen else ())
        return TimeStep(step.start_ns, tuple([self._camera(camera_step, vectors) for camera_step in step.steps]))

    def _camera(self, step: EncodedStep, vectors: Iterator[Float32]) -> EncodedStep:
        view = self._views.setdefault(step.camera, _View())
        if not (step.observations or step.ended or view.cut):
            return step
        sights = [_Sight(observation, next(vectors)) for observation in step.observations]
        observations = tuple([kept for sight in sights for kept in self._observe(view, sight)])
        tracked = _renumbered(step.tracked, view.cut)
        ended = tuple([view.cut.pop(track, track) for track in step.ended])
        for track in step.ended:
            view.courses.pop(track, None)
        if tracked is step.tracked and observations == step.observations and ended == step.ended:
            return step  # as nearly always
        return EncodedStep(step.camera, step.index, step.timestamp_ns, tracked, observations, ended)

    def _observe(self, view: _View, sight: _Sight) -> list[Observation]:
        """The observations that can be believed now, numbered."""
        track = sight.observation.track_id
        course = view.courses.get(track)
        if course is None:
            course = view.courses[track] = _Course(track)
        if len(course.looks) < FAMILIAR or (course.looks.vectors @ sight.vector).max() >= self._familiar:
            course.odd.clear()
            return [_believe(course, sight)]
        course.odd.append(sight)
        if len(course.odd) < ODD or not self._agree(course.odd):
            del course.odd[:-ODD]
            return []
        course.number += CUT
        view.cut[track] = course.number
        course.looks = LookSet(TRACK_LOOKS)
        believed = [_believe(course, odd) for odd in course.odd]
        course.odd = []
        return believed

    def _agree(self, odd: list[_Sight]) -> bool:
        vectors = np.stack([sight.vector for sight in odd])
        return bool(cosine(vectors, vectors).min() >= self._familiar)


def _believe(course: _Course, sight: _Sight) -> Observation:
    seen = sight.observation
    course.looks.add_look(Look(seen.camera, seen.timestamp_ns, seen.quality, sight.vector))
    if course.number == seen.track_id:
        return seen
    return checked_before(
        Observation,
        camera=seen.camera,
        track_id=course.number,
        frame_index=seen.frame_index,
        timestamp_ns=seen.timestamp_ns,
        xyxy=seen.xyxy,
        quality=seen.quality,
        vector=seen.vector,
    )


def _renumbered(tracked: TrackedBoxes, cut: Mapping[int, int]) -> TrackedBoxes:
    tracks = tracked.track_id.tolist()
    if cut.keys().isdisjoint(tracks):
        return tracked
    numbers = np.array([cut.get(track, track) for track in tracks], np.int64)
    numbers.flags.writeable = False
    return checked_before(TrackedBoxes, xyxy=tracked.xyxy, score=tracked.score, track_id=numbers)


def before_cuts(track_id: int) -> int:
    """The number that the tracker gave to the track of which this is a part."""
    return track_id % CUT
