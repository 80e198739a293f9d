"""What a run learns of its site is known to the next one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from made_up_site import DIM, RULES, Visit, time_steps
from reid_pipeline.core.associator import Associator
from reid_pipeline.core.topology import Topology
from reid_pipeline.gallery.evidence import RunEntry
from reid_pipeline.gallery.sql_gallery import SqlGallery
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_gallery
from reid_pipeline.runtime.memory import Memory, MemoryRules, followed_by
from reid_pipeline.types import GalleryChange, GallerySnapshot, SiteLikeness

UNIX_NS = 1_772_355_600_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlGallery]:
    with closing(open_gallery(f"sqlite:///{tmp_path}/g.db", encoder=EncoderStamp("made-up", "a" * 64, DIM))) as opened:
        yield opened


def run(store: SqlGallery, name: str) -> GallerySnapshot:
    """Six people walk from `a` to `b`, twelve seconds each time; returns what the run knew when it began."""
    memory = Memory(store, RunEntry(name, "/runs", "", UNIX_NS), MemoryRules(UNIX_NS, None, 300))
    known = memory.snapshot()
    associator = Associator(RULES, Topology(), known)
    walks = [
        visit
        for person in range(6)
        for visit in (
            Visit("a", person + 1, person, 4.0 * person, 4.0 * person + 6),
            Visit("b", person + 1, person, 4.0 * person + 18, 4.0 * person + 24),
        )
    ]
    for step in time_steps(walks):
        associator.step(step)
    associator.finish()
    change = associator.take_change()
    assert change is not None
    memory.commit(change)
    memory.finish([])
    return known


def test_the_next_run_knows_how_alike_people_are(store: SqlGallery) -> None:
    first, second, third = (run(store, f"live-{n}") for n in range(3))
    assert first.likeness == ()
    strangers = [{one.cameras: one.count for one in known.likeness if not one.same} for known in (second, third)]
    assert all(2 * count == strangers[1][cameras] for cameras, count in strangers[0].items())
    assert strangers[0]


def test_erasing_everybody_leaves_what_names_nobody(store: SqlGallery) -> None:
    run(store, "live-1")
    before = store.snapshot()
    for identity in before.identities:
        store.erase(identity.id)
    after = store.snapshot()
    assert (after.identities, after.prototypes) == ((), ())
    assert after.likeness == before.likeness != ()


def test_of_changes_that_wait_the_last_word_on_each_pair_of_cameras_counts() -> None:
    empty = GalleryChange((), (), (), 1)
    likeness = [SiteLikeness((a, "yard"), False, count, 0.5, 0.25) for a, count in (("hall", 1), ("yard", 2))]
    later = replace(likeness[1], count=3)
    both = followed_by(replace(empty, likeness=tuple(likeness)), replace(empty, likeness=(later,)))
    assert both.likeness == (likeness[0], later)
