"""`reid-pipeline gallery` on real stores."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reid_pipeline.gallery.evidence import Evidence, RunEntry, Sighting
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_by_hand, open_gallery
from reid_pipeline.types import GalleryChange, Identity, Link, Prototype, State, TrackletKey

Invoke = Callable[..., Any]

START_NS = 1_772_355_600_000_000_000  # 2026-03-01T09:00:00Z


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder whose gallery knows two people: one with wall times, one of a recording without."""
    store = open_gallery(f"sqlite:///{tmp_path}/gallery.db", encoder=EncoderStamp("color-stripes", "a" * 64, 4))
    look = np.array([1, 0, 0, 0], np.float32)
    store.commit(
        GalleryChange(
            identities=(
                Identity("P0001", State.CONFIRMED, ("lobby", "street"), START_NS, START_NS + 60_000_000_000),
                Identity("P0002", State.PROVISIONAL, ("lobby",), 0, 12_340_000_000),
            ),
            prototypes=(
                Prototype("P0001", "lobby", START_NS, 0.75, look),
                Prototype("P0001", "street", START_NS + 60_000_000_000, 0.5, look),
                Prototype("P0002", "lobby", 0, 0.25, look),
            ),
            removed=(),
            next_number=3,
        )
    )
    store.close()
    return tmp_path


def test_list_says_who_was_seen_where_and_when(invoke: Invoke, folder: Path) -> None:
    outcome = invoke("gallery", "list", folder)
    assert outcome.status == 0
    assert [line.split("  ") for line in _squeezed(outcome.out)] == [
        ["ID", "STATE", "FIRST SEEN", "LAST SEEN", "LOOKS", "CAMERAS"],
        ["P0001", "confirmed", "2026-03-01T09:00:00Z", "2026-03-01T09:01:00Z", "2", "lobby street"],
        ["P0002", "provisional", "0.0 s", "12.3 s", "1", "lobby"],
    ]
    assert outcome.err == "2 people\n"


def test_a_gallery_is_named_by_folder_file_or_address(invoke: Invoke, folder: Path) -> None:
    by_folder = invoke("gallery", "list", folder).out
    assert invoke("gallery", "list", folder / "gallery.db").out == by_folder
    assert invoke("gallery", "list", f"sqlite:///{folder}/gallery.db").out == by_folder


def test_list_as_json(invoke: Invoke, folder: Path) -> None:
    people = json.loads(invoke("gallery", "list", folder, "--json").out)
    assert people[1] == {
        "id": "P0002",
        "state": "provisional",
        "cameras": ["lobby"],
        "first_seen": 0.0,
        "last_seen": 12.34,
        "looks": 1,
    }


def test_show_one_person(invoke: Invoke, folder: Path) -> None:
    outcome = invoke("gallery", "show", folder, "P0001")
    assert outcome.status == 0
    assert "P0001  confirmed" in outcome.out
    assert _squeezed(outcome.out)[-2:] == ["lobby  2026-03-01T09:00:00Z  0.75", "street  2026-03-01T09:01:00Z  0.50"]
    found = json.loads(invoke("gallery", "show", folder, "P0001", "--json").out)
    assert found["looks"] == 2
    assert found["prototypes"][0] == {"camera": "lobby", "time": 1_772_355_600.0, "quality": 0.75}


def test_show_somebody_unknown(invoke: Invoke, folder: Path) -> None:
    outcome = invoke("gallery", "show", folder, "P0009")
    assert outcome.status == 2
    assert outcome.err.startswith(f"error: {folder}: holds nobody called P0009; `reid-pipeline gallery list {folder}`")


def test_stats(invoke: Invoke, folder: Path) -> None:
    assert _squeezed(invoke("gallery", "stats", folder).out)[1:5] == [
        "people  2",
        "looks  3",
        "encoder  color-stripes",
        "dimensions  4",
    ]
    found = json.loads(invoke("gallery", "stats", folder, "--json").out)
    assert (found["identities"], found["prototypes"], found["dim"]) == (2, 3, 4)


@pytest.mark.parametrize("command", [["list"], ["show", "P0001"], ["stats"]])
def test_a_gallery_that_is_not_there(invoke: Invoke, tmp_path: Path, command: list[str]) -> None:
    outcome = invoke("gallery", command[0], tmp_path / "none.db", *command[1:])
    assert outcome.status == 1
    assert outcome.err.startswith("error: ")
    assert "none.db: no such file" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_gallery(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "gallery.db").write_bytes(b"not a database, but long enough to look like one" * 100)
    outcome = invoke("gallery", "stats", tmp_path)
    assert outcome.status == 1
    assert outcome.err.count("\n") == 1


def test_an_unknown_kind_of_address(invoke: Invoke) -> None:
    outcome = invoke("gallery", "list", "redis://u:hunter2@h/1")
    assert outcome.status == 2
    assert "hunter2" not in outcome.err


@pytest.fixture
def seen(folder: Path) -> Path:
    """The same folder, with the tracks of its people on record."""
    with closing(open_by_hand(f"sqlite:///{folder}/gallery.db")) as store:
        keys = {"lobby:1": TrackletKey("lobby", 1), "street:7": TrackletKey("street", 7)}
        spans = {"lobby:1": (START_NS, START_NS), "street:7": (START_NS + 60_000_000_000,) * 2}
        store.record(
            Evidence(
                RunEntry("live-1", str(folder), "", START_NS),
                tuple(
                    Sighting("live-1", key, "P0001", *spans[name], 0.83, 0.21, State.CONFIRMED, "linked")
                    for name, key in keys.items()
                ),
                (Link(keys["lobby:1"], keys["street:7"], 0.83, {"appearance": 0.83, "time": 0.5}),),
            )
        )
    return folder


def test_show_the_evidence_of_each_link(invoke: Invoke, seen: Path) -> None:
    lines = _squeezed(invoke("gallery", "show", seen, "P0001").out)
    assert "street:7  2026-03-01T09:01:00Z  2026-03-01T09:01:00Z  0.83  0.21  linked  live-1" in lines
    assert "lobby:1  street:7  0.83  appearance 0.83, time 0.50" in lines
    found = json.loads(invoke("gallery", "show", seen, "P0001", "--json").out)
    assert found["links"] == [
        {
            "run": "live-1",
            "from": "lobby:1",
            "to": "street:7",
            "score": 0.83,
            "evidence": {"appearance": 0.83, "time": 0.5},
        }
    ]
    assert [one["id"] for one in found["tracklets"]] == ["lobby:1", "street:7"]


def test_merge_and_split(invoke: Invoke, seen: Path) -> None:
    outcome = invoke("gallery", "split", seen, "P0001", "street:7")
    assert (outcome.status, outcome.out) == (0, "street:7: now P0003\n")
    assert "by hand: never P0003" in invoke("gallery", "show", seen, "P0001").out
    outcome = invoke("gallery", "merge", seen, "P0002", "P0003")
    assert (outcome.status, outcome.out) == (0, "P0003 is P0002 from now on\n")
    assert json.loads(invoke("gallery", "show", seen, "P0003", "--json").out)["also_known_as"] == ["P0003"]
    assert json.loads(invoke("gallery", "merge", seen, "P0001", "P0002", "--json").out) == {
        "id": "P0001",
        "merged": "P0002",
    }


def test_erase_leaves_a_receipt_and_no_name(invoke: Invoke, seen: Path) -> None:
    outcome = invoke("gallery", "erase", seen, "P0001", "--yes")
    assert outcome.status == 0
    assert outcome.out.startswith("gallery: 2 vectors, 2 tracklets, 1 links\n")
    (receipt,) = seen.glob("erasure-*.json")
    assert all(b"P0001" not in file.read_bytes() for file in seen.iterdir())
    assert json.loads(receipt.read_text())["removed"] == {"people": 1, "vectors": 2, "tracklets": 2, "links": 1}
    assert _squeezed(invoke("gallery", "audit", seen).out)[1].endswith(
        "Z  erase  1 links, 1 people, 2 tracklets, 2 vectors"
    )
    found = json.loads(invoke("gallery", "erase", seen, "P0002", "--yes", "--json", "--receipts", seen / "r").out)
    assert found["removed"]["people"] == 1
    assert len(list((seen / "r").iterdir())) == 1


def test_erase_names_the_folders_it_could_not_reach(invoke: Invoke, seen: Path) -> None:
    with closing(open_by_hand(f"sqlite:///{seen}/gallery.db")) as store:
        store.record(Evidence(RunEntry("live-2", "/nowhere/out", "", START_NS)))
    outcome = invoke("gallery", "erase", seen, "P0001", "--yes")
    assert (outcome.status, outcome.err.count("\n")) == (0, 1)
    assert outcome.err.startswith("/nowhere/out: a run wrote there, but the folder is gone")


def test_purge(invoke: Invoke, folder: Path) -> None:
    assert invoke("gallery", "purge", folder, "--older-than", "9999d").out == "1 people forgotten\n"
    assert json.loads(invoke("gallery", "purge", folder, "--older-than", "1m", "--json").out) == {"people": 1}
    outcome = invoke("gallery", "purge", folder, "--older-than", "soon")
    assert (outcome.status, outcome.err) == (
        2,
        "error: --older-than soon: expected a duration such as 30m, 72h or 7d\n",
    )


def test_backup(invoke: Invoke, folder: Path) -> None:
    outcome = invoke("gallery", "backup", folder, folder / "copy.db")
    assert outcome.status == 0
    assert invoke("gallery", "list", folder / "copy.db").out == invoke("gallery", "list", folder).out
    assert invoke("gallery", "backup", folder, folder / "copy.db").status == 1


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["merge", "P0001", "P0009"], "holds nobody called P0009"),
        (["split", "P0001", "lobby:3"], "tracklet lobby:3: expected one on record"),
        (["erase", "P0009", "--yes"], "P0009: the gallery holds nobody of that name"),
    ],
)
def test_what_cannot_be_done_is_one_line(invoke: Invoke, seen: Path, command: list[str], reason: str) -> None:
    outcome = invoke("gallery", command[0], seen, *command[1:])
    assert outcome.status == 1
    assert reason in outcome.err
    assert outcome.err.count("\n") == 1


def test_hands_wait_for_the_run_that_writes(invoke: Invoke, folder: Path) -> None:
    url = f"sqlite:///{folder}/gallery.db"
    with closing(open_gallery(url, encoder=EncoderStamp("color-stripes", "a" * 64, 4))):
        outcome = invoke("gallery", "merge", folder, "P0001", "P0002")
        assert invoke("gallery", "backup", folder, folder / "copy.db").status == 0
    assert outcome.status == 1
    assert "already open for writing by process" in outcome.err


def _squeezed(text: str) -> list[str]:
    """The lines, with columns two blanks apart."""
    return ["  ".join(part.strip() for part in line.split("  ") if part.strip()) for line in text.splitlines()]
