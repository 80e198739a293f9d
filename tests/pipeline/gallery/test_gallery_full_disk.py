"""A disk that fills up in the middle of whatever a gallery file does: one line, and only the last thing is lost."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reid_pipeline.errors import GalleryError
from reid_pipeline.gallery.evidence import Evidence
from reid_pipeline.gallery.sql_gallery import SqlGallery
from reid_pipeline.gallery.sqlite import SqliteFile, SqliteGallery
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.types import GalleryChange, Identity, Prototype, State, TrackletKey

DIM = 512
PEOPLE = 12
ENCODER = EncoderStamp("saga-s", "b" * 64, DIM)
FULL = r"the disk (is full|failed); what was committed before is safe: "

Full = Callable[[SqlGallery], AbstractContextManager[None]]


@contextmanager
def no_more_pages(gallery: SqlGallery) -> Iterator[None]:
    """The file may not grow."""
    assert isinstance(gallery._database, SqliteFile)
    connection = gallery._database.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    yield
    connection.execute("PRAGMA max_page_count = 1073741823")


@contextmanager
def no_longer_files(gallery: SqlGallery) -> Iterator[None]:
    """The system takes nothing behind the longest place that was written so far."""
    assert isinstance(gallery._database, SqliteFile)
    folder = Path(gallery._database.label.removeprefix("gallery ")).parent
    longest = max(file.stat().st_size for file in folder.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (longest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def people(first: int, count: int, looks: int = 8) -> GalleryChange:
    identities, prototypes = [], []
    for number in range(first, first + count):
        id_ = f"P{number:04d}"
        identities.append(Identity(id_, State.CONFIRMED, ("lobby",), number, number))
        vectors = np.random.default_rng(number).standard_normal((looks, DIM)).astype(np.float32)
        prototypes += [Prototype(id_, "lobby", number, 0.5, vector) for vector in vectors]
    return GalleryChange(tuple(identities), tuple(prototypes), (), first + count)


def commit_much(gallery: SqlGallery, evidence: Evidence) -> None:
    gallery.commit(replace(people(100, 200), removed=("P0001", "P0002")))


def record_much(gallery: SqlGallery, evidence: Evidence) -> None:
    one = evidence.sightings[0]
    keys = [TrackletKey("lobby", number) for number in range(20_000)]
    gallery.record(replace(evidence, sightings=tuple(replace(one, tracklet=key) for key in keys)))


def state_of(gallery: SqlGallery) -> tuple[object, ...]:
    found = gallery.snapshot()
    looks = [(look.identity, look.vector.tobytes()) for look in found.prototypes]
    return found.identities, looks, found.next_number, gallery.stats().tracklets, gallery.runs()


@pytest.mark.parametrize("full", [no_more_pages, no_longer_files])
@pytest.mark.parametrize("act", [commit_much, record_much])
def test_what_was_kept_before_a_disk_was_full_is_there_and_work_goes_on(
    tmp_path: Path, story: Any, full: Full, act: Callable[[SqlGallery, Evidence], None]
) -> None:
    path = tmp_path / "gallery.db"
    evidence = story.seen("P0003", "lobby:7", 3, 3).evidence()
    with closing(SqliteGallery.open_for_writing(path, ENCODER)) as gallery:
        gallery.commit(people(1, PEOPLE))
        gallery.record(evidence)
        before = state_of(gallery)
        with full(gallery), pytest.raises(GalleryError, match=FULL) as caught:
            act(gallery, evidence)
        assert "\n" not in str(caught.value)
        assert state_of(gallery) == before
        act(gallery, evidence)
        after = state_of(gallery)
        assert after != before
    with closing(SqliteGallery.open_for_writing(path, ENCODER)) as again:
        assert state_of(again) == after
    assert list(tmp_path.iterdir()) == [path]


def test_a_gallery_whose_disk_is_full_on_closing_opens_again(tmp_path: Path) -> None:
    path = tmp_path / "gallery.db"
    gallery = SqliteGallery.open_for_writing(path, ENCODER)
    gallery.commit(people(1, 300))
    gallery.commit(GalleryChange((), (), ("P0001",), 301))
    before = state_of(gallery)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(GalleryError, match=FULL):
            gallery.close()
        with closing(SqliteGallery.open_for_reading(path)) as reader:
            assert state_of(reader) == before
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with closing(SqliteGallery.open_for_writing(path, ENCODER)) as again:
        assert state_of(again) == before
    assert list(tmp_path.iterdir()) == [path]
    assert b"P0001" not in path.read_bytes(), "what the full disk did not let be erased is erased now"


def test_a_backup_to_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    with closing(SqliteGallery.open_for_writing(tmp_path / "gallery.db", ENCODER)) as gallery:
        gallery.commit(people(1, 100))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
        try:
            with pytest.raises(GalleryError, match=FULL):
                gallery.backup(tmp_path / "copy.db")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == [tmp_path / "gallery.db"]
