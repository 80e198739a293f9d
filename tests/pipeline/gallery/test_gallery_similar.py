"""Who else looks like somebody, asked of every kind of gallery and through the program."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from reid_pipeline.cli import main
from reid_pipeline.gallery.evidence import Evidence, RunEntry, Sighting
from reid_pipeline.gallery.similar import Similar, most_similar
from reid_pipeline.gallery.sql_gallery import SqlGallery
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_by_hand, open_gallery
from reid_pipeline.types import GalleryChange, Identity, Prototype, State, TrackletKey

S = 1_000_000_000
RUN = RunEntry("live-1", "/nowhere", "", 5)


def leaning(towards: int, by: float) -> np.ndarray:
    """A look that is like the first one by so much, and leans towards one of the others with the rest."""
    vector = np.zeros(8, np.float32)
    vector[0], vector[towards] = by, np.sqrt(1 - by * by)
    return vector


def looks(identity: str, *vectors: np.ndarray) -> list[Prototype]:
    return [Prototype(identity, "lobby", 20 * n * S, 0.5, vector) for n, vector in enumerate(vectors)]


def commit(gallery: SqlGallery, *prototypes: Sequence[Prototype], without_looks: str = "P0009") -> None:
    ids = [one[0].identity for one in prototypes]
    people = [Identity(id_, State.CONFIRMED, ("lobby",), 0, n * S) for n, id_ in enumerate([*ids, without_looks])]
    gallery.commit(GalleryChange(tuple(people), tuple(look for one in prototypes for look in one), (), 10))


def sighting(identity: str, tracklet: str, start_s: int, end_s: int, *, run: str = RUN.run) -> Sighting:
    camera, _, number = tracklet.partition(":")
    key = TrackletKey(camera, int(number))
    return Sighting(run, key, identity, start_s * S, end_s * S, 0.8, 0.2, State.CONFIRMED, "linked")


def asked(gallery: SqlGallery, identity: str, count: int = 10) -> list[Similar]:
    dossier = gallery.dossier(identity)
    assert dossier is not None
    return most_similar(gallery, dossier, count)


@pytest.fixture
def people(gallery: SqlGallery) -> SqlGallery:
    """Four people who look like P0001 by 0.9, 0.75, 0.5 and 0.5, and one without looks."""
    one = looks("P0001", leaning(1, 1.0))
    others = [looks(f"P000{n}", leaning(n, by)) for n, by in ((5, 0.5), (2, 0.75), (3, 0.9), (4, 0.5))]
    commit(gallery, one, *others)
    return gallery


def test_others_are_listed_by_how_alike_they_are(people: SqlGallery) -> None:
    found = asked(people, "P0001")
    assert [one.dossier.identity.id for one in found] == ["P0003", "P0002", "P0004", "P0005"]
    assert [one.score for one in found] == pytest.approx([0.9, 0.75, 0.5, 0.5], abs=1e-3)
    assert [one.dossier.identity.id for one in asked(people, "P0001", count=1)] == ["P0003"]


def test_somebody_without_looks_is_like_nobody(people: SqlGallery) -> None:
    assert asked(people, "P0009") == []


def test_nobody_is_like_the_only_person(gallery: SqlGallery) -> None:
    commit(gallery, looks("P0001", leaning(1, 1.0)))
    assert asked(gallery, "P0001") == []


def test_a_part_of_somebody_is_found_from_either_side(gallery: SqlGallery) -> None:
    """P0002 is the back of P0001 alone, P0003 is somewhat like every look of P0001."""
    front, back = leaning(1, 0.0), leaning(2, 0.0)
    between = (front + back) / np.float32(np.sqrt(2)) * np.float32(0.8)
    between[3] = 0.6
    commit(gallery, looks("P0001", front, back), looks("P0002", back), looks("P0003", between))
    assert [one.dossier.identity.id for one in asked(gallery, "P0001")] == ["P0002", "P0003"]
    assert [one.score for one in asked(gallery, "P0001")] == pytest.approx([0.75, 0.57], abs=1e-2)
    assert asked(gallery, "P0002")[0].dossier.identity.id == "P0001"


def test_who_was_seen_at_the_same_time_in_the_same_camera_is_said(people: SqlGallery) -> None:
    people.record(
        Evidence(
            RUN,
            (
                sighting("P0001", "lobby:1", 10, 20),
                sighting("P0001", "yard:1", 30, 40),
                sighting("P0003", "lobby:2", 20, 25),
                sighting("P0002", "lobby:3", 21, 25),
                sighting("P0004", "hall:1", 10, 20),
            ),
        )
    )
    again = RunEntry("live-2", "/nowhere", "", 6)
    people.record(Evidence(again, (sighting("P0005", "yard:7", 30, 40, run="live-2"),)))
    met = {one.dossier.identity.id: one.together for one in asked(people, "P0001")}
    assert met == {"P0003": ("lobby",), "P0002": (), "P0004": (), "P0005": ()}, "P0005 may be the same, seen twice"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder with a gallery and the crops of two people; P0001 has a track that was cut."""
    url = f"sqlite:///{tmp_path}/gallery.db"
    with closing(open_gallery(url, encoder=EncoderStamp("color-stripes", "a" * 64, 8))) as store:
        commit(
            store,
            looks("P0001", leaning(1, 1.0)),
            looks("P0002", *[leaning(2, 0.9)] * 2),
            looks("P0003", leaning(3, 0.5)),
        )
        tracks = [sighting("P0002", "lobby:4", 0, 9), sighting("P0002", "lobby:1000000005", 20, 29)]
        tracks += [sighting("P0001", "lobby:5", 9, 19), sighting("P0003", "lobby:6", 9, 19)]
        store.record(Evidence(RunEntry("live-1", str(tmp_path), "", 5), tuple(tracks)))
    for name in ("00004_0000030.jpg", "00004_0000031.jpg", "00005_0000200.jpg"):
        (tmp_path / "lobby").mkdir(exist_ok=True)
        (tmp_path / "lobby" / name).write_bytes(b"")
    return tmp_path


def test_the_program_lists_them_with_a_crop(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert main(["gallery", "similar", ".", "P0001"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["ID", "SCORE", "LAST", "SEEN", "CAMERAS", "AGAINST", "CROP"],
        ["P0002", "0.90", "1.0", "s", "lobby", "both", "at", "once", "in", "lobby", "lobby/00004_0000030.jpg"],
        ["P0003", "0.50", "2.0", "s", "lobby", "both", "at", "once", "in", "lobby", "-"],
    ]


def test_the_program_lists_them_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(open_by_hand(f"sqlite:///{folder}/gallery.db")) as store:
        store.split("P0002", ["lobby:4"])
    assert main(["gallery", "similar", str(folder), "P0002", "--count", "1", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found == {
        "id": "P0010",
        "score": 1.0,
        "cameras": ["lobby"],
        "first_seen": 0.0,
        "last_seen": 9.0,
        "looks": 1,
        "together": [],
        "never_same": True,
        "crop": str(folder / "lobby" / "00004_0000030.jpg"),
    }


def test_somebody_without_looks_is_said_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gallery", "similar", str(folder), "P0009"]) == 0
    assert capsys.readouterr().err == "P0009: no looks are remembered, so nobody is found to be like them\n"


def test_crops_of_a_folder_that_runs_share_are_nobodys(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(open_by_hand(f"sqlite:///{folder}/gallery.db")) as store:
        store.record(Evidence(RunEntry("live-2", str(folder), "", 6)))
    assert main(["gallery", "similar", str(folder), "P0001", "--json"]) == 0
    assert [one["crop"] for one in json.loads(capsys.readouterr().out)] == [None, None]


def test_somebody_unknown_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gallery", "similar", str(folder), "P0077"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {folder}: holds nobody called P0077; `reid-pipeline gallery list")
    assert error.count("\n") == 1
