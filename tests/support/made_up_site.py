"""A made-up site for association tests: people as directions in space, tracks as spans, no pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from reid_pipeline.core.associator import Associator
from reid_pipeline.core.standing import AssociationRules, Decisions
from reid_pipeline.core.timeline import STEP_NS, TimeStep
from reid_pipeline.core.topology import Topology
from reid_pipeline.types import (
    NS_PER_S,
    Assignment,
    EncodedStep,
    Float32,
    GallerySnapshot,
    IdentityEvent,
    Link,
    Observation,
    TrackedBoxes,
    TrackletKey,
)

DIM = 64
RULES = AssociationRules(match=0.5, update=0.6, familiar=0.6)
EMPTY = GallerySnapshot((), (), 1)


@dataclass(frozen=True, slots=True)
class Visit:
    """One track: a person in a camera from `start_s` to `end_s`, looked at every `every_s`."""

    camera: str
    track_id: int
    person: int
    start_s: float
    end_s: float
    every_s: float = 0.5
    noise: float = 0.05


def look(person: int, noise: float, seed: Sequence[int]) -> Float32:
    """A picture of the person: their own direction, somewhat off."""
    vector = np.zeros(DIM)
    vector[person] = 1.0
    vector += np.random.default_rng(seed).normal(scale=noise, size=DIM)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def time_steps(visits: Sequence[Visit]) -> list[TimeStep]:
    """The visits at 10 frames a second in every camera that has any."""
    cameras = sorted({visit.camera for visit in visits})
    last = round(max(visit.end_s for visit in visits) * 10)
    return [
        TimeStep(index * STEP_NS, tuple(_step(camera, index, visits) for camera in cameras))
        for index in range(last + 1)
    ]


def _step(camera: str, index: int, visits: Sequence[Visit]) -> EncodedStep:
    here = [v for v in visits if v.camera == camera and round(v.start_s * 10) <= index <= round(v.end_s * 10)]
    boxes = np.array([[10 * v.track_id, 0, 10 * v.track_id + 8, 24] for v in here], np.float32).reshape(-1, 4)
    tracked = TrackedBoxes(boxes, np.ones(len(here), np.float32), np.array([v.track_id for v in here], np.int64))
    observations = tuple(
        Observation(
            camera,
            v.track_id,
            index,
            index * STEP_NS,
            box,
            0.8,
            look(v.person, v.noise, (v.track_id, index, ord(camera))),
        )
        for v, box in zip(here, boxes, strict=True)
        if (index - round(v.start_s * 10)) % round(v.every_s * 10) == 0
    )
    return EncodedStep(camera, index, index * STEP_NS, tracked, observations, ())


@dataclass(frozen=True, slots=True)
class Told:
    """What an associator said: who each track was at the end, while it ran and after the last look back.

    `answers` are those that were settled, which every answer is in the end.
    """

    associator: Associator
    live: dict[TrackletKey, str]
    final: dict[TrackletKey, str]
    answers: dict[TrackletKey, Assignment]
    links: list[Link]
    events: list[IdentityEvent]
    first_answer_s: dict[TrackletKey, float]


def associate(
    visits: Sequence[Visit],
    *,
    rules: AssociationRules = RULES,
    topology: Topology | None = None,
    snapshot: GallerySnapshot = EMPTY,
) -> Told:
    """Run the visits through an associator, then let it finish."""
    associator = Associator(rules, topology or Topology(), snapshot)
    decisions = Decisions()
    first: dict[TrackletKey, float] = {}
    for step in time_steps(visits):
        told = associator.step(step)
        collect(decisions, told)
        for assignment in told.assignments:
            first.setdefault(assignment.key, assignment.timestamp_ns / NS_PER_S)
    live = {one.assignment.key: one.assignment for one in decisions.settled} | associator.assignments()
    collect(decisions, associator.finish())
    answers = {one.assignment.key: one.assignment for one in decisions.settled}
    return Told(
        associator,
        {key: assignment.identity for key, assignment in live.items()},
        {key: assignment.identity for key, assignment in answers.items()},
        answers,
        decisions.links,
        decisions.events,
        first,
    )


def collect(decisions: Decisions, told: Decisions) -> None:
    """Add what was told to what was decided before."""
    for part in fields(Decisions):
        getattr(decisions, part.name).extend(getattr(told, part.name))


def key(text: str) -> TrackletKey:
    camera, _, number = text.partition(":")
    return TrackletKey(camera, int(number))
