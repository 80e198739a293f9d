"""Forgetting people while a run goes on, in the run's own time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from reid_pipeline.gallery.evidence import RunEntry
from reid_pipeline.gallery.sql_gallery import SqlGallery
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_gallery
from reid_pipeline.runtime.memory import PURGE_AT_ONCE, TICK_EVERY_S, Memory, MemoryRules
from reid_pipeline.types import (
    NS_PER_S,
    Assignment,
    EncodedStep,
    GalleryChange,
    Identity,
    Link,
    Prototype,
    State,
    TrackedBoxes,
    TrackletKey,
)

ZERO_NS = 1_772_355_600 * NS_PER_S  # the Unix time of the run's zero
RETENTION_S = 3600
DIM = 4


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlGallery]:
    encoder = EncoderStamp("color-stripes", "a" * 64, DIM)
    opened = open_gallery("sqlite:///gallery.db", encoder=encoder, base=tmp_path)
    yield opened
    opened.close()


def remembering(store: SqlGallery, retention_s: int | None = RETENTION_S) -> Memory:
    run = RunEntry("live-1", "/runs/1", "", ZERO_NS)
    return Memory(store, run, MemoryRules(zero_unix_ns=ZERO_NS, retention_s=retention_s, window_s=300))


def people(*seen_s: float, first: int = 1, looks: int = 1, zero_ns: int = 0) -> GalleryChange:
    """People last seen at these seconds of the run's clock, their looks taken in the seconds before."""
    identities, prototypes = [], []
    for number, last_s in enumerate(seen_s, start=first):
        id_, last_ns = f"P{number:04d}", zero_ns + round(last_s * NS_PER_S)
        identities.append(Identity(id_, State.CONFIRMED, ("lobby",), last_ns - looks * NS_PER_S, last_ns))
        for look in range(looks):
            vector = np.zeros(DIM, np.float32)
            vector[look % DIM] = 1
            prototypes.append(Prototype(id_, "lobby", last_ns - look * NS_PER_S, 0.5, vector))
    return GalleryChange(tuple(identities), tuple(prototypes), (), len(seen_s) + first)


def ids(store: SqlGallery) -> list[str]:
    return [identity.id for identity in store.snapshot().identities]


def test_who_should_be_forgotten_when_a_run_begins_is_not_even_handed_over(store: SqlGallery) -> None:
    many = PURGE_AT_ONCE * 2 + 1
    store.commit(people(*[-RETENTION_S - 1.0] * many, -RETENTION_S + 1.0, zero_ns=ZERO_NS))
    memory = remembering(store)
    assert [identity.id for identity in memory.snapshot().identities] == [f"P{many + 1:04d}"]


def test_people_are_forgotten_while_the_run_goes_on(store: SqlGallery) -> None:
    memory = remembering(store)
    memory.commit(people(10.0, 1000.0))
    assert memory.tick(round((10 + RETENTION_S) * NS_PER_S)) == (), "to the second"
    assert memory.tick(round((10 + RETENTION_S + TICK_EVERY_S) * NS_PER_S)) == ("P0001",)
    assert ids(store) == ["P0002"]
    assert [line.action for line in store.audit()] == ["purge"]


def test_forgetting_is_bounded_at_once_and_goes_on(store: SqlGallery) -> None:
    memory = remembering(store)
    memory.commit(people(*range(PURGE_AT_ONCE + 5)))
    now_ns = 2 * RETENTION_S * NS_PER_S
    assert len(memory.tick(now_ns)) == PURGE_AT_ONCE
    assert memory.tick(now_ns + NS_PER_S) == (), "not every moment"
    assert len(memory.tick(now_ns + round(TICK_EVERY_S * NS_PER_S))) == 5
    assert ids(store) == []


def test_without_retention_nobody_is_forgotten(store: SqlGallery) -> None:
    memory = remembering(store, retention_s=None)
    memory.commit(people(0.0))
    assert memory.tick(10**9 * NS_PER_S) == ()
    assert ids(store) == ["P0001"]


def test_a_run_that_still_remembers_somebody_brings_back_only_what_is_new(store: SqlGallery) -> None:
    memory = remembering(store)
    memory.commit(people(10.0, looks=4))
    later_s = 10.0 + RETENTION_S + TICK_EVERY_S
    assert memory.tick(round(later_s * NS_PER_S)) == ("P0001",)
    old, new = people(10.0, looks=4), people(later_s + 5, looks=2)
    memory.commit(GalleryChange(new.identities, (*old.prototypes, *new.prototypes), (), 2))
    (identity,) = memory.snapshot().identities
    assert identity.first_seen_ns > 10 * NS_PER_S
    taken = sorted(look.timestamp_ns / NS_PER_S for look in memory.snapshot().prototypes)
    assert taken == [later_s + 4, later_s + 5]


def step(at_s: float, *tracks: int, ended: tuple[int, ...] = ()) -> EncodedStep:
    boxes = np.zeros((len(tracks), 4), np.float32)
    tracked = TrackedBoxes(boxes, np.ones(len(tracks), np.float32), np.array(tracks, np.int64))
    return EncodedStep("lobby", round(at_s * 10), round(at_s * NS_PER_S), tracked, (), ended)


def decided(track_id: int, identity: str, *, reason: str = "new", state: State = State.CONFIRMED) -> Assignment:
    return Assignment("lobby", track_id, identity, 0, 0.9, 0.3, state, reason)


def spans(store: SqlGallery, identity: str) -> dict[str, tuple[float, float, str]]:
    dossier = store.dossier(identity)
    assert dossier is not None
    return {
        str(one.tracklet): ((one.start_ns - ZERO_NS) / NS_PER_S, (one.end_ns - ZERO_NS) / NS_PER_S, one.reason)
        for one in dossier.sightings
    }


def test_tracks_are_on_record_from_their_first_box_to_their_last(store: SqlGallery) -> None:
    memory = remembering(store)
    memory.witness([step(1.0, 1), step(2.0, 1, 2)])
    memory.learn([decided(1, "P0001"), decided(2, "P0002", state=State.PROVISIONAL)])
    memory.commit(people(2.0))
    assert spans(store, "P0001") == {"lobby:1": (1.0, 2.0, "new")}
    memory.witness([step(3.0, 1, 2), step(5.0, ended=(1,))])
    memory.learn([decided(2, "P0001", reason="revised")])
    memory.commit(people(3.0))
    assert spans(store, "P0001") == {"lobby:1": (1.0, 3.0, "new"), "lobby:2": (2.0, 3.0, "revised")}
    memory.witness([step(6.0, 2)])
    memory.finish([])
    assert spans(store, "P0001")["lobby:2"] == (2.0, 6.0, "revised")
    assert store.dossier("P0002") is None


def test_links_of_days_are_handed_over_in_portions(store: SqlGallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reid_pipeline.runtime.memory.LINKS_AT_ONCE", 3)
    tracks = [TrackletKey("lobby", number) for number in range(1, 9)]
    memory = remembering(store)
    memory.commit(people(8.0))
    memory.witness([step(float(key.track_id), key.track_id) for key in tracks])
    memory.learn([decided(key.track_id, "P0001") for key in tracks])
    memory.finish(Link(a, b, 0.9, {"appearance": 0.9}) for a, b in pairwise(tracks))
    dossier = store.dossier("P0001")
    assert dossier is not None
    assert [(one.link.source, one.link.target) for one in dossier.links] == list(pairwise(tracks))


def test_what_a_run_notes_stays_small(store: SqlGallery) -> None:
    memory = remembering(store)
    for number in range(1, 2000):
        memory.witness([step(10.0 * number, number)])
        memory.learn([decided(number, "P0001" if number % 2 else "P9999")])
        if number % 10 == 0:
            memory.commit(people(10.0 * number))
    notes = memory._notes
    assert max(len(notes._first_ns["lobby"]), len(notes._last_ns["lobby"])) < 50
    assert max(len(notes._decided), len(notes._changed)) < 50
    assert store.stats().tracklets == 995
