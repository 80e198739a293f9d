"""`reid-pipeline gallery` on real stores."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_gallery
from reid_pipeline.types import GalleryChange, Identity, Prototype, State

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


def _squeezed(text: str) -> list[str]:
    """The lines, with columns two blanks apart."""
    return ["  ".join(part.strip() for part in line.split("  ") if part.strip()) for line in text.splitlines()]
