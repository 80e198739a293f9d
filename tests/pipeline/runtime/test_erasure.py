"""Erasing a person: from the gallery, and from everything that the runs have written."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from reid_pipeline.errors import GalleryError, RecordError
from reid_pipeline.gallery.stores import open_by_hand, open_gallery
from reid_pipeline.records.export import export
from reid_pipeline.records.export_list import NotedExport, note_export
from reid_pipeline.records.journal import read_journal
from reid_pipeline.records.tracks import read_tracks
from reid_pipeline.runtime.erasure import Receipt, erase_person
from reid_pipeline.runtime.replay import replay, replay_journal
from reid_pipeline.runtime.report import Quiet
from reid_pipeline.types import TrackletKey
from tiny_site import Site

STORE = "sqlite:///people.db"


@pytest.fixture
def used(plaza: Site) -> Site:
    """A site that was replayed with everything a run can write, and once more from its journal."""
    output = {"crops": True, "journal": True, "video": True}
    replay(plaza.load(gallery={"store": STORE}, output=output), plaza.options(), Quiet())
    again = plaza.load(gallery={"store": STORE})
    replay_journal(again, plaza.folder / "out" / "run.journal", plaza.options("again"), Quiet())
    document = read_tracks(plaza.folder / "out")
    for format_, place in (("csv", "exports/boxes.csv"), ("mot", "exports/mot"), ("json", "exports/gone.json")):
        export(document, format_, plaza.folder / place)
        note_export(plaza.folder / "out", NotedExport(format_, plaza.folder / place))
    (plaza.folder / "exports" / "gone.json").unlink()
    return plaza


def erase(site: Site, person: str) -> tuple[Receipt, Path]:
    with closing(open_by_hand(STORE, base=site.folder)) as store:
        return erase_person(store, person, site.folder / "receipts")


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file that a run or a hand wrote; what the site itself is made of aside."""
    made = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".txt", ".yaml")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in made if path.parent != folder} | {
        path.name: path.read_bytes() for path in folder.glob("people.db*")
    }


def vectors_of(site: Site, keys: set[TrackletKey]) -> set[bytes]:
    """Pieces from the middle of every vector that the journal holds of these tracks."""
    _, steps = read_journal(site.folder / "out" / "run.journal")
    vectors = [
        one.vector for step in steps for one in step.observations if TrackletKey(step.camera, one.track_id) in keys
    ]
    return {vector[len(vector) // 2 :][:8].tobytes() for vector in vectors}


def test_nothing_is_left_of_who_was_erased(used: Site) -> None:
    document = read_tracks(used.folder / "out")
    erased = next(one for one in document.identities if len(one.cameras) == 2)
    kept = [one for one in document.identities if one is not erased]
    keys = set(erased.tracklets)
    theirs, others = vectors_of(used, keys), vectors_of(used, {key for one in kept for key in one.tracklets})
    theirs -= others
    crops = [used.folder / "out" / key.camera / f"{key.track_id:05d}_" for key in keys]
    before = bytes_of(used.folder)
    assert all(any(piece in content for content in before.values()) for piece in theirs)

    receipt, path = erase(used, erased.id)

    after = bytes_of(used.folder)
    for name, content in after.items():
        assert not [piece for piece in theirs if piece in content], name
        assert erased.id.encode() not in content, name
        if not name.endswith((".jpg", ".db", ".journal")):
            assert not [key for key in keys if re.search(rf"{key}\b".encode(), content)], name
    assert not [crop for crop in crops if list(crop.parent.glob(crop.name + "*"))]
    assert all(any(piece in content for content in after.values()) for piece in others), "the others are still there"
    assert "out/overlay.mp4" not in after

    files = receipt.files
    assert (receipt.removed.people, receipt.removed.tracklets, files.folders) == (1, 4, 2)
    assert (files.tracklets, files.videos, files.exports) == (4, 1, 2)
    assert files.observations >= len(theirs)
    assert min(files.crops, files.events, receipt.removed.vectors) > 0
    assert json.loads(path.read_text())["files"]["crops"] == files.crops


def test_the_others_stay_as_they_were(used: Site) -> None:
    before = read_tracks(used.folder / "out")
    erased = before.identities[0]
    erase(used, erased.id)
    after = read_tracks(used.folder / "out")
    assert after.identities == before.identities[1:]
    assert [t.key for t in after.tracklets] == [t.key for t in before.tracklets if t.identity != erased.id]
    assert (after.run, after.cameras) == (before.run, before.cameras)
    names = (used.folder / "exports" / "boxes.csv").read_text()
    assert before.identities[1].id in names
    header, steps = read_journal(used.folder / "out" / "run.journal")
    assert sum(1 for _ in steps) == 80
    assert len(header.cameras) == 2
    with closing(open_gallery(STORE, encoder=None, base=used.folder)) as gallery:
        assert [one.id for one in gallery.snapshot().identities] == [one.id for one in before.identities[1:]]
        assert [line.action for line in gallery.audit()] == ["erase"]


def test_a_folder_that_is_gone_is_named(used: Site) -> None:
    shutil.move(used.folder / "again", used.folder / "elsewhere")
    person = read_tracks(used.folder / "out").identities[0].id
    receipt, _ = erase(used, person)
    assert receipt.missing_folders == (str(used.folder / "again"),)
    assert receipt.files.missing_folders == 1


def test_erasing_that_failed_can_be_done_again(used: Site) -> None:
    person = read_tracks(used.folder / "out").identities[0].id
    tracks = used.folder / "out" / "tracks.json"
    whole = tracks.read_text()
    tracks.write_text(whole[:-200])
    with pytest.raises(RecordError, match="was it cut off"):
        erase(used, person)
    tracks.write_text(whole)
    receipt, _ = erase(used, person)
    assert receipt.removed.people == 1
    with pytest.raises(GalleryError, match="holds nobody of that name"):
        erase(used, person)


def test_what_a_killed_run_left_is_erased_too(used: Site) -> None:
    """It has events and half a journal, but no tracks.json."""
    out = used.folder / "out"
    document = read_tracks(out)
    erased = document.identities[0]
    theirs = vectors_of(used, set(erased.tracklets))
    (out / "tracks.json").unlink()
    with (out / "events.jsonl").open("a") as events:
        events.write('{"type":"assig')
    journal = (out / "run.journal").read_bytes()
    (out / "run.journal").write_bytes(journal[: len(journal) * 2 // 3])
    receipt, _ = erase(used, erased.id)
    after = bytes_of(out)
    assert erased.id.encode() not in b"".join(after.values())
    assert not [piece for piece in theirs if any(piece in content for content in after.values())]
    assert receipt.files.events > 0


def test_a_gallery_knows_where_its_runs_wrote_and_what_led_to_each_link(used: Site) -> None:
    document = read_tracks(used.folder / "out")
    with closing(open_gallery(STORE, encoder=None, base=used.folder)) as gallery:
        assert {Path(entry.folder).name: Path(entry.journal).name for entry in gallery.runs()} == {
            "out": "run.journal",
            "again": "",
        }
        for identity in document.identities:
            dossier = gallery.dossier(identity.id)
            assert dossier is not None
            assert {one.tracklet for one in dossier.sightings} == set(identity.tracklets)
            assert len(dossier.links) == 2 * (len(identity.tracklets) - 1), "one for each of the two runs"
            spans = {one.tracklet: (one.end_ns - one.start_ns) / 1e9 for one in dossier.sightings}
            for tracklet in document.tracklets:
                if tracklet.identity == identity.id:
                    assert spans[tracklet.key] == pytest.approx(tracklet.end_s - tracklet.start_s, abs=0.002)
            for look in dossier.prototypes:
                assert any(one.start_ns <= look.timestamp_ns <= one.end_ns for one in dossier.sightings)
