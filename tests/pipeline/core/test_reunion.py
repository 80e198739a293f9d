"""People who were taken for two and turn out to be one, hours after their tracks have left the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from made_up_site import DIM, RULES, Visit, time_steps
from reid_pipeline.core.associator import Associator
from reid_pipeline.core.looks import Look
from reid_pipeline.core.people import People, Person
from reid_pipeline.core.reunion import LEARNED, Presence, Reunions
from reid_pipeline.core.similarity import quantise
from reid_pipeline.core.topology import Topology
from reid_pipeline.types import (
    NS_PER_S,
    Float32,
    GallerySnapshot,
    Identity,
    Prototype,
    State,
    TrackletKey,
)

MATCH = 0.5


def vector(direction: int, seed: int) -> Float32:
    drawn = np.eye(DIM)[direction] + np.random.default_rng(seed).normal(scale=0.05, size=DIM)
    return quantise((drawn / np.linalg.norm(drawn)).astype(np.float32))


def remembered(people: People, direction: int, count: int = LEARNED) -> Person:
    """Somebody met in this run, with so many looks around a direction."""
    person = people.new()
    person.remember(
        Look("a", 1000 * person.number + moment, 0.8, vector(direction, 100 * person.number + moment))
        for moment in range(count)
    )
    return person


def seen(spans_s: Sequence[tuple[str, int, int, str]]) -> Presence:
    """Tracklets by camera, start, end and name. Nobody is in two of them at once."""
    spans = np.array([(start * NS_PER_S, end * NS_PER_S) for _, start, end, _ in spans_s], np.int64).reshape(-1, 2)
    common = np.minimum(spans[:, None, 1], spans[:, 1]) - np.maximum(spans[:, None, 0], spans[:, 0])
    keys = [TrackletKey(camera, number) for number, (camera, *_) in enumerate(spans_s)]
    return Presence(keys, [name for *_, name in spans_s], spans, common <= 0)


def found(reunions: Reunions, people: People) -> list[tuple[str, str]]:
    return [(person.id, other.id) for person, other in reunions.found(people, MATCH)]


def test_two_memories_of_one_person_are_joined_under_the_older_name() -> None:
    people = People(GallerySnapshot((), (), 1))
    for direction in (3, 7, 3):
        remembered(people, direction)
    assert found(Reunions(), people) == [("P0001", "P0003")]


def test_a_memory_of_few_looks_joins_nobody() -> None:
    people = People(GallerySnapshot((), (), 1))
    remembered(people, 3)
    remembered(people, 3, LEARNED - 1)
    assert found(Reunions(), people) == []


def test_two_who_are_seen_at_once_are_two_however_alike() -> None:
    """Uniforms: what tells such people apart is that they are in two places."""
    people = People(GallerySnapshot((), (), 1))
    one, other = remembered(people, 3).id, remembered(people, 3).id
    reunions = Reunions()
    reunions.witness(seen([("a", 0, 60, one), ("b", 10, 90, other)]), before_ns=0)
    assert found(reunions, people) == []
    # long ago, and out of the window
    reunions.witness(seen([("a", 0, 60, one), ("b", 10, 90, other)]), before_ns=100 * NS_PER_S)
    reunions.witness(seen([]), before_ns=500 * NS_PER_S)
    assert found(reunions, people) == []


def test_a_track_that_went_over_to_somebody_else_for_a_moment_does_not_keep_one_person_apart() -> None:
    people = People(GallerySnapshot((), (), 1))
    one, other = remembered(people, 3).id, remembered(people, 3).id
    window = seen([("a", 0, 60, one), ("b", 57, 63, other), ("b", 70, 130, other)])
    reunions = Reunions()
    for _ in range(3):  # what is in the window for long is counted once
        reunions.witness(window, before_ns=200 * NS_PER_S)
    assert found(reunions, people) == [(one, other)]


def test_of_three_memories_each_joins_once_and_what_was_counted_goes_along() -> None:
    people = People(GallerySnapshot((), (), 1))
    one, two, three = (remembered(people, 3).id for _ in range(3))
    reunions = Reunions()
    reunions.witness(seen([("a", 0, 60, two), ("b", 0, 60, three)]), before_ns=100 * NS_PER_S)
    ((kept, gone),) = reunions.found(people, MATCH)
    assert kept.id == one
    people.merge(kept, gone)
    reunions.merge(kept.id, gone.id)
    assert people.now(gone.id) == one
    assert found(reunions, people) == []


def test_of_who_has_been_away_for_long_it_matters_only_beside_whom_they_were_who_are_like_them() -> None:
    """Else what is counted would grow with every pair of people for as long as a run goes on."""
    people = People(GallerySnapshot((), (), 1))
    one, twin, other = (remembered(people, direction).id for direction in (3, 3, 7))
    reunions = Reunions()
    window = seen([("a", 0, 60, one), ("b", 0, 60, twin), ("c", 0, 60, other)])
    reunions.witness(window, before_ns=100 * NS_PER_S)
    assert found(reunions, people) == []
    assert len(reunions._at_once_s) == 3
    reunions.witness(seen([]), before_ns=5000 * NS_PER_S)
    assert list(reunions._at_once_s) == [(one, twin)]
    people[one].remember([Look("a", 99, 0.8, vector(3, 99))])
    assert found(reunions, people) == []


def test_whom_the_gallery_or_a_hand_keeps_apart_stays_apart() -> None:
    identities = tuple(Identity(f"P000{n}", State.CONFIRMED, ("a",), 0, 1) for n in (1, 2))
    looks = tuple(
        Prototype(identity.id, "a", moment, 0.8, vector(3, moment + 50 * number))
        for number, identity in enumerate(identities)
        for moment in range(LEARNED)
    )
    people = People(GallerySnapshot(identities, looks, 3))
    assert found(Reunions(), people) == []
    new = remembered(people, 3)
    assert found(Reunions(), people) in ([("P0001", new.id)], [("P0002", new.id)])
    people.never_same = frozenset({("P0001", new.id), ("P0002", new.id)})
    assert found(Reunions(), people) == []


def test_when_memories_have_grown_alike_all_that_was_told_is_one_persons() -> None:
    visits = [Visit("a", 1, 0, 0, 20), Visit("b", 1, 7, 25, 45), Visit("b", 2, 9, 200, 210), Visit("b", 3, 7, 220, 240)]
    steps = time_steps(visits)
    associator = Associator(replace(RULES, window_s=60.0), Topology(), GallerySnapshot((), (), 1))
    told = [associator.step(step) for step in steps[:2000]]
    settled = [one.assignment for decisions in told for one in decisions.settled]
    assert {str(one.key): one.identity for one in settled} == {"a:1": "P0001", "b:1": "P0002"}
    change = associator.take_change()
    assert change is not None
    assert [identity.id for identity in change.identities] == ["P0001", "P0002"]
    associator.people["P0001"].remember(Look("a", moment, 0.9, vector(7, moment)) for moment in range(400))
    told = [associator.step(step) for step in steps[2000:]]
    merged = [event for decisions in told for event in decisions.events if event.type == "merged"]
    assert [(event.identity, event.other, event.tracklet) for event in merged] == [("P0001", "P0002", None)]
    names = {str(one.key): one.identity for one in associator.assignments().values()}
    assert names == {"b:2": "P0003", "b:3": "P0001"}
    assert [associator.people.now(one.identity) for one in settled] == ["P0001", "P0001"]
    assert [identity.id for identity in associator.identities()] == ["P0001", "P0003"]
    change = associator.take_change()
    assert change is not None
    assert (change.removed, change.merged) == (("P0002",), (("P0002", "P0001"),))
