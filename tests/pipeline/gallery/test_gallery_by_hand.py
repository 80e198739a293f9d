"""What is done to a gallery by hand, the same in every store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reid_pipeline.errors import GalleryError
from reid_pipeline.gallery.evidence import Evidence, RunEntry
from reid_pipeline.gallery.sql_gallery import SqlGallery
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_by_hand, open_gallery
from reid_pipeline.types import GalleryChange, Identity, State, TrackletKey

S = 1_000_000_000
RUN = "live-1"


@pytest.fixture
def told(gallery: SqlGallery, story: Any) -> SqlGallery:
    """Anna (P0001) came by twice, Bert (P0002) and Carl (P0003) once each."""
    story.seen("P0001", "lobby:1", 10, 12).seen("P0001", "street:4", 20, 23)
    story.seen("P0002", "lobby:2", 15, 16).seen("P0003", "street:5", 40, 41)
    story.tell(gallery, ("lobby:1", "street:4"), ("lobby:1", "lobby:2"))
    return gallery


def looks_of(gallery: SqlGallery) -> dict[str, list[tuple[str, int]]]:
    """Where and when each person's looks were taken, in seconds."""
    found: dict[str, list[tuple[str, int]]] = {}
    for look in gallery.snapshot().prototypes:
        found.setdefault(look.identity, []).append((look.camera, look.timestamp_ns // S))
    return found


def person(gallery: SqlGallery, name: str) -> Identity:
    dossier = gallery.dossier(name)
    assert dossier is not None
    return dossier.identity


def tracks_of(gallery: SqlGallery, name: str) -> list[str]:
    dossier = gallery.dossier(name)
    return [] if dossier is None else [str(one.tracklet) for one in dossier.sightings]


def test_a_dossier_holds_the_tracks_and_what_links_them(told: SqlGallery) -> None:
    dossier = told.dossier("P0001")
    assert dossier is not None
    assert dossier.identity == Identity("P0001", State.CONFIRMED, ("lobby", "street"), 10 * S, 23 * S)
    assert [(str(s.tracklet), s.start_ns // S, s.end_ns // S) for s in dossier.sightings] == [
        ("lobby:1", 10, 12),
        ("street:4", 20, 23),
    ]
    assert [(str(k.link.source), str(k.link.target), k.link.evidence) for k in dossier.links] == [
        ("lobby:1", "street:4", {"appearance": 0.75})
    ]
    assert len(dossier.prototypes) == 7
    assert told.dossier("P0009") is None
    assert (told.stats().tracklets, told.stats().runs) == (4, 1)


def test_a_track_has_one_person_whatever_is_said_of_it_later(told: SqlGallery, story: Any) -> None:
    revised = replace(story.sightings[2], identity="P0003", reason="revised")
    told.record(Evidence(RunEntry(RUN, "/runs/1", "", 5), (revised,)))
    assert tracks_of(told, "P0002") == []
    assert tracks_of(told, "P0003") == ["lobby:2", "street:5"]


def test_evidence_about_nobody_is_passed_over(told: SqlGallery, story: Any) -> None:
    told.record(Evidence(RunEntry(RUN, "/runs/1", "", 5), (replace(story.sightings[0], identity="P0099"),)))
    assert tracks_of(told, "P0001") == ["street:4"]
    assert told.stats().tracklets == 3


def test_merging_makes_one_person_of_two(told: SqlGallery) -> None:
    merged = told.merge("P0001", "P0002")
    assert merged == person(told, "P0001") == Identity("P0001", State.CONFIRMED, ("lobby", "street"), 10 * S, 23 * S)
    assert [identity.id for identity in told.snapshot().identities] == ["P0001", "P0003"]
    assert looks_of(told)["P0001"] == [("lobby", s) for s in (10, 11, 12, 15, 16)] + [
        ("street", s) for s in (20, 21, 22, 23)
    ]
    assert tracks_of(told, "P0002") == ["lobby:1", "lobby:2", "street:4"]
    assert told.corrections().merged == {"P0002": "P0001"}
    dossier = told.dossier("P0001")
    assert dossier is not None
    assert dossier.also_known_as == ("P0002",)
    assert len(dossier.links) == 2


def test_a_run_that_still_says_the_old_name_means_the_new_one(told: SqlGallery, story: Any) -> None:
    told.snapshot()
    told.merge("P0001", "P0002")
    told.merge("P0003", "P0001")
    assert told.corrections().merged == {"P0001": "P0003", "P0002": "P0003"}
    story.seen("P0002", "lobby:9", 50, 50)
    told.commit(story.change())
    told.record(story.evidence())
    assert [identity.id for identity in told.snapshot().identities] == ["P0003"]
    assert person(told, "P0003").last_seen_ns == 50 * S
    assert ("lobby", 50) in looks_of(told)["P0003"]
    assert "lobby:9" in tracks_of(told, "P0003")
    assert len(looks_of(told)["P0003"]) == len(story.looks), "each look once"


def reunited(story: Any) -> GalleryChange:
    """The run has found out that Bert is Anna."""
    for name in ("looks", "sightings"):
        told = [replace(one, identity="P0001") if one.identity == "P0002" else one for one in getattr(story, name)]
        setattr(story, name, told)
    change: GalleryChange = story.change()
    return replace(change, removed=("P0002",), merged=(("P0002", "P0001"),))


def test_a_run_that_makes_one_of_two_takes_their_past_along(told: SqlGallery, story: Any) -> None:
    """Tracks that were told of long ago are not told of again, and belong to the person all the same."""
    told.commit(reunited(story))
    assert [identity.id for identity in told.snapshot().identities] == ["P0001", "P0003"]
    assert tracks_of(told, "P0001") == tracks_of(told, "P0002") == ["lobby:1", "lobby:2", "street:4"]
    assert len(looks_of(told)["P0001"]) == 9, "each look once"
    told.commit(replace(story.change(), removed=("P0001",), merged=(("P0001", "P0003"),), identities=(), prototypes=()))
    assert tracks_of(told, "P0002") == tracks_of(told, "P0003") == ["lobby:1", "lobby:2", "street:4", "street:5"]
    assert told.erase("P0002").tracklets == 4


def test_a_name_that_only_the_runs_events_know_is_answered_to(gallery: SqlGallery, story: Any) -> None:
    """A replay tells the gallery of nobody before its end."""
    story.seen("P0001", "lobby:1", 10, 12)
    gallery.commit(replace(story.change(), merged=(("P0002", "P0001"),)))
    gallery.record(story.evidence())
    assert tracks_of(gallery, "P0002") == ["lobby:1"]


def test_whom_a_hand_has_set_apart_no_run_makes_one_again(told: SqlGallery, story: Any) -> None:
    told.merge("P0001", "P0002")
    told.split("P0001", ["lobby:2"])
    told.commit(replace(story.change(), removed=("P0010",), merged=(("P0010", "P0001"),), next_number=11))
    assert tracks_of(told, "P0010") == ["lobby:2"]
    assert told.snapshot().never_same == {("P0001", "P0010")}
    assert told.news().never_same == {("P0001", "P0010")}


def test_splitting_makes_a_new_person_who_is_never_the_old_one(told: SqlGallery) -> None:
    new = told.split("P0001", ["street:4"])
    assert new == Identity("P0010", State.CONFIRMED, ("street",), 20 * S, 23 * S)
    assert person(told, "P0001") == Identity("P0001", State.CONFIRMED, ("lobby",), 10 * S, 12 * S)
    assert looks_of(told)["P0010"] == [("street", s) for s in (20, 21, 22, 23)]
    assert looks_of(told)["P0001"] == [("lobby", s) for s in (10, 11, 12)]
    assert (tracks_of(told, "P0001"), tracks_of(told, "P0010")) == (["lobby:1"], ["street:4"])
    assert told.snapshot().next_number == 11
    corrections = told.corrections()
    assert corrections.never_same == {("P0001", "P0010")}
    assert corrections.placed == {(RUN, TrackletKey("street", 4)): "P0010"}


def test_what_was_split_stays_split_when_the_run_says_otherwise(told: SqlGallery, story: Any) -> None:
    told.snapshot()
    told.split("P0001", ["street:4"])
    told.commit(replace(story.change(), next_number=11))
    told.record(story.evidence())
    assert looks_of(told)["P0010"] == [("street", s) for s in (20, 21, 22, 23)]
    assert looks_of(told)["P0001"] == [("lobby", s) for s in (10, 11, 12)]
    assert tracks_of(told, "P0010") == ["street:4"]


def test_a_split_can_be_taken_back_by_merging(told: SqlGallery, story: Any) -> None:
    told.split("P0001", ["street:4"])
    told.merge("P0001", "P0010")
    corrections = told.corrections()
    assert (corrections.never_same, corrections.placed) == (frozenset(), {})
    told.commit(story.change())
    assert len(looks_of(told)["P0001"]) == 7


def test_who_was_merged_keeps_whom_they_never_are(told: SqlGallery) -> None:
    told.split("P0001", ["street:4"])
    told.merge("P0002", "P0010")
    assert told.corrections().never_same == {("P0001", "P0002")}
    assert told.corrections().placed == {(RUN, TrackletKey("street", 4)): "P0002"}


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda g: g.merge("P0001", "P0009"), "holds nobody called P0009"),
        (lambda g: g.merge("P0001", "P0001"), "one person already"),
        (lambda g: g.split("P0001", ["lobby:2"]), r"lobby:2: expected one on record .*\(lobby:1, street:4\)"),
        (lambda g: g.split("P0001", ["other/lobby:1"]), "other/lobby:1: expected one on record"),
        (lambda g: g.split("P0001", ["lobby:1", "street:4"]), "leave at least one"),
        (lambda g: g.erase("P0009"), "holds nobody called P0009"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(told: SqlGallery, act: Any, reason: str) -> None:
    before = (told.snapshot().identities, told.corrections(), told.audit())
    with pytest.raises(GalleryError, match=reason):
        act(told)
    assert (told.snapshot().identities, told.corrections(), told.audit()) == before


def test_a_track_that_two_runs_have_is_named_with_its_run(told: SqlGallery, story: Any) -> None:
    other = RunEntry("live-2", "/runs/2", "", 6)
    story.seen("P0001", "lobby:1", 60, 61, run=other.run)
    told.commit(story.change())
    told.record(story.evidence(run=other))
    with pytest.raises(GalleryError, match="2 runs have one of that name; say live-1/lobby:1 or live-2/lobby:1"):
        told.split("P0001", ["lobby:1"])
    told.split("P0001", ["live-2/lobby:1"])
    assert tracks_of(told, "P0010") == ["lobby:1"]
    assert [entry.folder for entry in told.runs()] == ["/runs/1", "/runs/2"]


def test_who_was_erased_is_gone_and_stays_gone(told: SqlGallery, story: Any) -> None:
    told.merge("P0001", "P0002")
    removed = told.erase("P0002")
    assert (removed.people, removed.vectors, removed.tracklets, removed.links) == (1, 9, 3, 2)
    for name in ("P0001", "P0002"):
        assert told.dossier(name) is None
    story.seen("P0001", "lobby:8", 70, 71)
    told.commit(story.change())
    told.record(story.evidence())
    assert [identity.id for identity in told.snapshot().identities] == ["P0003"]
    assert set(looks_of(told)) == {"P0003"}
    assert told.stats().tracklets == 1
    assert told.corrections().merged == {}


def test_the_audit_says_what_was_done_and_not_to_whom(told: SqlGallery) -> None:
    told.split("P0001", ["street:4"])
    told.merge("P0002", "P0003")
    told.erase("P0002")
    lines = told.audit()
    assert [(line.action, line.counts.get("people")) for line in lines] == [("split", 2), ("merge", 2), ("erase", 1)]
    assert lines[2].counts == {"people": 1, "vectors": 4, "tracklets": 2, "links": 1}
    assert "P000" not in repr(lines)


def test_purging_takes_the_longest_unseen_first_and_few_at_once(told: SqlGallery) -> None:
    assert told.purge(15 * S, limit=5) == ()
    assert told.purge(30 * S, limit=1) == ("P0002",)
    assert told.purge(30 * S, limit=1) == ("P0001",)
    assert told.purge(30 * S, limit=1) == ()
    assert [identity.id for identity in told.snapshot().identities] == ["P0003"]
    assert set(looks_of(told)) == {"P0003"}
    assert tracks_of(told, "P0003") == ["street:5"]


def test_purging_lets_old_tracks_go_of_people_who_stay(told: SqlGallery, story: Any) -> None:
    told.commit(story.seen("P0001", "lobby:7", 90, 91).change())
    told.record(story.evidence())
    assert told.purge(22 * S, limit=5) == ("P0002",)
    assert tracks_of(told, "P0001") == ["street:4", "lobby:7"]


def test_who_was_forgotten_comes_back_without_what_was_known_before(told: SqlGallery, story: Any) -> None:
    told.snapshot()
    told.purge(30 * S, limit=5)
    told.commit(story.change())
    assert [identity.id for identity in told.snapshot().identities] == ["P0003"], "nothing new was seen of the others"
    told.commit(story.seen("P0001", "lobby:7", 90, 91).change())
    back = person(told, "P0001")
    assert (back.first_seen_ns // S, back.last_seen_ns // S) == (23, 91)
    assert looks_of(told)["P0001"] == [("lobby", 90), ("lobby", 91)]


def test_a_backup_is_a_gallery_file(told: SqlGallery, tmp_path: Path, encoder: EncoderStamp) -> None:
    told.split("P0001", ["street:4"])
    copy = tmp_path / "copy.db"
    told.backup(copy)
    with closing(open_gallery(f"sqlite:///{copy}", encoder=None)) as read:
        assert read.snapshot().identities == told.snapshot().identities
        assert looks_of(read) == looks_of(told)
        assert (read.corrections(), read.runs(), read.audit()) == (told.corrections(), told.runs(), told.audit())
        assert read.dossier("P0001") is not None
    with pytest.raises(GalleryError, match="is there already; name a new file"):
        told.backup(copy)
    with pytest.raises(GalleryError, match="cannot be"):
        told.backup(tmp_path / "missing" / "copy.db")
    with closing(open_gallery(f"sqlite:///{copy}", encoder=encoder)) as written:
        written.commit(GalleryChange((), (), ("P0001",), 11))
    assert sorted(file.name for file in tmp_path.iterdir() if "copy" in file.name) == ["copy.db"]


def test_corrections_by_hand_are_there_for_the_next_run(tmp_path: Path, encoder: EncoderStamp, story: Any) -> None:
    url = f"sqlite:///{tmp_path}/gallery.db"
    with closing(open_gallery(url, encoder=encoder)) as gallery:
        story.seen("P0001", "lobby:1", 10, 12).seen("P0001", "street:4", 20, 23).seen("P0002", "lobby:2", 15, 16)
        story.tell(gallery)
    with closing(open_by_hand(url)) as hand:
        hand.split("P0001", ["street:4"])
        hand.merge("P0001", "P0002")
        with pytest.raises(GalleryError, match="already open for writing"):
            open_gallery(url, encoder=encoder)
        with pytest.raises(GalleryError, match="open for reading only"):
            hand.commit(story.change())
    with closing(open_gallery(url, encoder=encoder)) as gallery:
        assert [identity.id for identity in gallery.snapshot().identities] == ["P0001", "P0010"]
        gallery.commit(story.change(next_number=11))
        assert sorted(looks_of(gallery)["P0001"]) == [("lobby", s) for s in (10, 11, 12, 15, 16)]
        assert looks_of(gallery)["P0010"] == [("street", s) for s in (20, 21, 22, 23)]
        assert gallery.corrections().merged == {"P0002": "P0001"}


def test_nothing_is_done_by_hand_to_a_gallery_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="no such file"):
        open_by_hand(f"sqlite:///{tmp_path}/gallery.db")
    assert list(tmp_path.iterdir()) == []


OLD_LAYOUT = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE identities (id TEXT PRIMARY KEY, state TEXT NOT NULL, cameras TEXT NOT NULL,
    first_seen_ns INTEGER NOT NULL, last_seen_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE prototypes (identity TEXT NOT NULL, camera TEXT NOT NULL, timestamp_ns INTEGER NOT NULL,
    quality REAL NOT NULL, vector BLOB NOT NULL);
CREATE INDEX prototypes_in_order ON prototypes (identity, camera, timestamp_ns);
PRAGMA application_id = 0x52654964; PRAGMA user_version = 1;
"""


def test_a_gallery_of_the_first_layout_is_brought_up_to_date(tmp_path: Path, encoder: EncoderStamp, story: Any) -> None:
    path = tmp_path / "gallery.db"
    look = story.seen("P0001", "lobby:1", 10, 10).looks[0]
    with closing(sqlite3.connect(path)) as old:
        old.executescript(OLD_LAYOUT)
        old.execute("INSERT INTO identities VALUES ('P0001', 'confirmed', '[\"lobby\"]', 3, 10000000000)")
        values = ("P0001", "lobby", 10 * S, 0.5, look.vector.tobytes())
        old.execute("INSERT INTO prototypes VALUES (?, ?, ?, ?, ?)", values)
        meta = {"next_number": 7, "encoder_name": encoder.name, "encoder_sha256": encoder.sha256, "encoder_dim": 8}
        old.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
        old.commit()
    url = f"sqlite:///{path}"
    with pytest.raises(GalleryError, match="expected layout version 2, got 1; any run that uses it"):
        open_gallery(url, encoder=None)
    with closing(open_gallery(url, encoder=encoder)) as gallery:
        snapshot = gallery.snapshot()
    assert snapshot.identities == (Identity("P0001", State.CONFIRMED, ("lobby",), 3, 10 * S),)
    assert snapshot.prototypes[0].vector.tobytes() == look.vector.tobytes()
    assert snapshot.next_number == 7
    with closing(open_gallery(url, encoder=None)) as read:
        assert read.stats().encoder == encoder.name
