"""Runs whose gallery is a database: the same results, and what happens when it goes away."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest

from postgres_server import PASSWORD, PostgresServer
from reid_pipeline.cli import main
from reid_pipeline.errors import GalleryError
from reid_pipeline.gallery.database import DatabaseAway
from reid_pipeline.gallery.evidence import Evidence, RunEntry
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_gallery
from reid_pipeline.runtime import memory as memory_module
from reid_pipeline.runtime.identify import Identify
from reid_pipeline.runtime.live import run
from reid_pipeline.runtime.memory import TICK_EVERY_S, Memory, MemoryRules, followed_by
from reid_pipeline.runtime.replay import replay
from reid_pipeline.runtime.report import Quiet
from reid_pipeline.types import NS_PER_S, GalleryChange, Identity, State
from tiny_site import Site, document

ENCODER = EncoderStamp("color-stripes", "a" * 64, 4)


def person(number: int) -> GalleryChange:
    return GalleryChange((Identity(f"P{number:04d}", State.CONFIRMED, ("lobby",), number, number),), (), (), number + 1)


def ids_in(url: str) -> list[str]:
    with closing(open_gallery(url, encoder=None)) as gallery:
        return [identity.id for identity in gallery.snapshot().identities]


def test_a_replay_writes_the_same_whatever_the_store_is(plaza: Site, server: PostgresServer) -> None:
    written = []
    for number, store in enumerate(("sqlite:///people.db", server.emptied_database())):
        for turn in range(2):
            loaded = replace(plaza.load(gallery={"store": store}), sha256="a" * 64)
            report = replay(loaded, plaza.options(f"out{number}{turn}"), Quiet())
            written.append([report.paths[name].read_bytes() for name in ("tracks", "events")])
    assert written[0] == written[2], "with an empty gallery"
    assert written[1] == written[3], "with what the first has learned"


def test_the_password_of_a_gallery_is_in_nothing_that_a_run_writes(plaza: Site, server: PostgresServer) -> None:
    url = server.emptied_database()
    run(plaza.load(gallery={"store": url}), plaza.options(), Quiet())
    written = b"".join(file.read_bytes() for file in (plaza.folder / "out").rglob("*") if file.is_file())
    assert PASSWORD.encode() not in written
    assert b"p%40ss" not in written
    assert ids_in(url) == ["P0001", "P0002", "P0003"]


def test_changes_that_wait_become_one() -> None:
    both = followed_by(
        replace(person(1), identities=(*person(1).identities, *person(2).identities), removed=("P0008", "P0003")),
        replace(person(3), removed=("P0001",), next_number=9),
    )
    assert [one.id for one in both.identities] == ["P0002", "P0003"]
    assert both.removed == ("P0008", "P0001")
    assert both.next_number == 9


def test_a_run_goes_on_without_its_gallery_and_sends_everything_when_it_is_back(server: PostgresServer) -> None:
    url = server.emptied_database()
    told: list[tuple[str, str]] = []
    with closing(open_gallery(url, encoder=ENCODER)) as store:
        memory = Memory(store, RunEntry("live-1", "/runs/1", "", 5), MemoryRules(0, 3600, 300))
        memory.report_to(lambda kind, line: told.append((kind, line)))
        memory.commit(person(1))
        server.stop()
        for number in (2, 3):
            memory.commit(person(number))
            memory.tick(round(number * TICK_EVERY_S * NS_PER_S))
        server.start()
        memory.commit(person(4))
        memory.tick(round(9 * TICK_EVERY_S * NS_PER_S))
        assert ids_in(url) == ["P0001", "P0002", "P0003", "P0004"]
        memory.finish([])
    assert [kind for kind, _ in told] == ["gallery_away", "gallery_back"]
    assert "cannot be reached" in told[0][1]


def stop_at_the_end(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch, back: threading.Timer | None = None
) -> None:
    """Have the server stop when a run has decided everything and the gallery knows nothing of it yet."""
    finish: Callable[[Identify], None] = Identify.finish

    def stop_first(identify: Identify) -> None:
        server.stop()
        if back is not None:
            back.start()
        finish(identify)

    monkeypatch.setattr(Identify, "finish", stop_first)


def test_a_run_waits_for_its_gallery_in_the_end(
    plaza: Site, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.emptied_database()
    back = threading.Timer(2.0, server.start, ["fsync=off"])
    stop_at_the_end(server, monkeypatch, back)
    replay(plaza.load(gallery={"store": url}), plaza.options(), Quiet())
    back.join()
    assert ids_in(url) == ["P0001", "P0002", "P0003"]


def test_a_run_whose_gallery_does_not_come_back_says_what_is_missing(
    plaza: Site, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.emptied_database()
    stop_at_the_end(server, monkeypatch)
    monkeypatch.setattr(memory_module, "PATIENCE_S", -1.0)
    try:
        with pytest.raises(GalleryError, match=r"cannot be reached.*; 3 people of this run are in tracks.json only"):
            replay(plaza.load(gallery={"store": url}), plaza.options(), Quiet())
    finally:
        server.start("fsync=off")
    assert json.loads((plaza.folder / "out" / "run.json").read_text())["state"] == "failed"
    assert '"type":"gallery_away"' in (plaza.folder / "out" / "events.jsonl").read_text()
    assert ids_in(url) == []


def test_a_gallery_that_is_away_when_a_run_begins_is_said_at_once(plaza: Site, server: PostgresServer) -> None:
    url = server.emptied_database()
    server.stop()
    try:
        with pytest.raises(DatabaseAway, match="cannot be reached"):
            run(plaza.load(gallery={"store": url}), plaza.options(), Quiet())
    finally:
        server.start("fsync=off")


def test_what_two_runs_learn_at_once_is_all_there(plaza: Site, server: PostgresServer) -> None:
    url = server.emptied_database()
    with closing(open_gallery(url, encoder=ENCODER)):
        report = replay(plaza.load(gallery={"store": url}), plaza.options(), Quiet())
    assert [one.id for one in document(report).identities] == ["P1000001", "P1000002", "P1000003"]
    assert ids_in(url) == ["P1000001", "P1000002", "P1000003"]


def test_who_is_erased_while_a_run_writes_is_left_in_its_folder_and_that_is_said(
    plaza: Site, server: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url = server.emptied_database()
    report = replay(plaza.load(gallery={"store": url}), plaza.options(), Quiet())
    erased = document(report).identities[0]
    with closing(open_gallery(url, encoder=stamp_of(url))) as running:
        running.record(Evidence(RunEntry("live-2", str(plaza.folder / "busy"), "", 5)))
        assert main(["gallery", "erase", url, erased.id, "--yes", "--receipts", str(plaza.folder)]) == 0
    assert f"{plaza.folder}/busy: a run still writes there" in capsys.readouterr().err
    assert erased not in document(report).identities
    assert erased.id not in ids_in(url)
    (receipt,) = plaza.folder.glob("erasure-*.json")
    assert json.loads(receipt.read_text())["open_folders"] == [str(plaza.folder / "busy")]


def test_commands_name_a_database_without_its_password(
    server: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url = server.emptied_database()
    open_gallery(url, encoder=ENCODER).close()
    assert main(["gallery", "list", url]) == 0
    assert main(["gallery", "stats", url, "--json"]) == 0
    assert main(["gallery", "show", url, "P0009"]) == 2
    assert main(["gallery", "merge", url, "P0001", "P0002"]) == 1
    assert main(["gallery", "list", url.replace("/site1", "/nowhere")]) == 1
    out, err = capsys.readouterr()
    assert err.count("postgresql://reid:***@/") == 4
    assert "p%40ss" not in out + err
    assert PASSWORD not in out + err


def test_a_password_from_the_environment_may_hold_anything(
    plaza: Site, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALLERY_PASSWORD", PASSWORD)
    url = server.emptied_database()
    store = url.replace("p%40ss%20word%2F17%25", "${GALLERY_PASSWORD}")
    assert store != url
    report = replay(plaza.load(gallery={"store": store}), plaza.options(), Quiet())
    assert ids_in(url) == [one.id for one in document(report).identities]


def stamp_of(url: str) -> EncoderStamp:
    """Of whichever encoder filled the gallery."""
    with psycopg.connect(url) as connection:
        meta: dict[str, str] = dict(connection.execute("SELECT key, value FROM reid_gallery.meta").fetchall())
    return EncoderStamp(meta["encoder_name"], meta["encoder_sha256"], int(meta["encoder_dim"]))
