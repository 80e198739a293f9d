"""The gallery in PostgreSQL: what it says when something is wrong, and what happens when the server goes away."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postgres_server import PASSWORD, PostgresServer
from reid_pipeline.errors import ConfigError, EncoderMismatch, GalleryError
from reid_pipeline.gallery import postgres as postgres_store
from reid_pipeline.gallery.database import DatabaseAway
from reid_pipeline.gallery.evidence import Evidence, RunEntry
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import check_gallery, open_by_hand, open_gallery
from reid_pipeline.types import GalleryChange

Remember = Callable[..., GalleryChange]


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.emptied_database()


def ids_in(url: str) -> list[str]:
    with closing(open_gallery(url, encoder=None)) as gallery:
        return [identity.id for identity in gallery.snapshot().identities]


def test_vectors_can_be_searched_by_the_database(url: str, encoder: EncoderStamp, remember: Remember) -> None:
    change = remember("P0001", "P0002", looks=3)
    with closing(open_gallery(url, encoder=encoder)) as gallery:
        gallery.commit(change)
    wanted = change.prototypes[4]
    with psycopg.connect(url) as connection:
        numbers = ",".join(map(repr, wanted.vector.tolist()))
        nearest = connection.execute(
            "SELECT identity FROM reid_gallery.prototypes ORDER BY vector <=> %s::vector LIMIT 1", [f"[{numbers}]"]
        ).fetchone()
    assert nearest == (wanted.identity,)


def test_another_encoder_is_refused(url: str, encoder: EncoderStamp, remember: Remember) -> None:
    other = EncoderStamp("saga-s", "b" * 64, 8)
    with closing(open_gallery(url, encoder=encoder)) as first, closing(open_gallery(url, encoder=other)) as second:
        first.commit(remember("P0001"))
        with pytest.raises(EncoderMismatch, match="filled by encoder color-stripes"):
            second.commit(remember("P0002"))
    with pytest.raises(EncoderMismatch, match=r"gallery postgresql://reid:\*\*\*@/site1\?host=.*: filled by"):
        open_gallery(url, encoder=other)
    with pytest.raises(EncoderMismatch):
        check_gallery(url, encoder=other)
    assert ids_in(url) == ["P0001"]


def test_who_is_turned_away_keeps_no_connection(url: str, encoder: EncoderStamp, remember: Remember) -> None:
    with pytest.raises(GalleryError, match="holds no gallery"):
        open_by_hand(url)
    with pytest.raises(GalleryError, match="holds no gallery"):
        open_gallery(url, encoder=None)
    with closing(open_gallery(url, encoder=encoder)) as gallery:
        gallery.commit(remember("P0001"))
    with pytest.raises(EncoderMismatch):
        open_gallery(url, encoder=EncoderStamp("saga-s", "b" * 64, 8))
    with psycopg.connect(url) as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        for _ in range(100):  # the server notices a moment later that a client has hung up
            if connection.execute(others).fetchone() == (0,):
                return
            connection.rollback()
            time.sleep(0.02)
    pytest.fail("connections were left open")


def test_checking_makes_nothing(url: str, encoder: EncoderStamp) -> None:
    check_gallery(url, encoder=encoder)
    with pytest.raises(GalleryError, match="holds no gallery; check the name, or run the pipeline first"):
        open_gallery(url, encoder=None)
    with pytest.raises(GalleryError, match="holds no gallery"):
        open_by_hand(url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regnamespace('reid_gallery')").fetchone() == (None,)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda url: url.replace(":p%40", ":q%40"), "cannot be reached.*password authentication failed"),
        (lambda url: url.replace("/site1", "/nowhere"), 'database "nowhere" does not exist'),
        (lambda url: url.replace("%2Fpg-", "%2Fno-"), "cannot be reached.*No such file"),
    ],
)
def test_what_cannot_be_reached_is_one_line_without_the_password(
    url: str, encoder: EncoderStamp, change: Callable[[str], str], reason: str
) -> None:
    with pytest.raises(GalleryError, match=reason) as caught:
        open_gallery(change(url), encoder=encoder)
    assert "\n" not in str(caught.value)
    for secret in (PASSWORD, "p%40ss", "q%40ss", "ss word", "word/17"):
        assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reid:hunter2@host:port/people",
        "postgresql://reid:hunter2@/people?nonsense=1",
        "postgresql://reid:hunter2/x@/pe ople?host=/tmp",
        "postgresql://reid:hun%ter2@host/people",
    ],
)
def test_an_address_that_is_none_is_refused_without_the_password(url: str, encoder: EncoderStamp) -> None:
    with pytest.raises((ConfigError, GalleryError)) as caught:
        open_gallery(url, encoder=encoder)
    assert "hunter2" not in str(caught.value)
    assert "hun%ter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_newer_layout_is_left_alone(url: str, encoder: EncoderStamp) -> None:
    open_gallery(url, encoder=encoder).close()
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE reid_gallery.meta SET value = '9' WHERE key = 'layout'")
    with pytest.raises(GalleryError, match="expected layout version 2, got 9; update reid-pipeline"):
        open_gallery(url, encoder=encoder)


def test_a_user_who_may_not_make_tables_is_told(url: str, encoder: EncoderStamp) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    guest = url.replace("reid:p%40ss%20word%2F17%25@", "guest:guest@")
    with pytest.raises(GalleryError, match="this user may not do that; let them create a schema"):
        open_gallery(guest, encoder=encoder)


def test_a_backup_of_a_database_is_a_gallery_file(
    url: str, tmp_path: Path, encoder: EncoderStamp, remember: Remember
) -> None:
    with closing(open_gallery(url, encoder=encoder)) as gallery:
        gallery.commit(remember("P0001", "P0002"))
        gallery.record(Evidence(RunEntry("live-1", "/runs/1", "", 5)))
        gallery.backup(tmp_path / "copy.db")
        assert gallery.open_runs() == frozenset(), "apart from whoever asks"
        with closing(open_gallery(url, encoder=None)) as reader:
            assert reader.runs() == (RunEntry("live-1", "/runs/1", "", 5),)
        with closing(open_by_hand(url)) as hand:
            assert hand.open_runs() == {"live-1"}
        whole = gallery.snapshot()
    with closing(open_gallery(f"sqlite:///{tmp_path}/copy.db", encoder=encoder)) as copy:
        found = copy.snapshot()
        assert found.identities == whole.identities
        looks = [[look.vector.tobytes() for look in one.prototypes] for one in (found, whole)]
        assert looks[0] == looks[1]
    with closing(sqlite3.connect(tmp_path / "copy.db")) as raw:
        assert raw.execute("SELECT number, writer, run FROM blocks").fetchall() == [(0, None, None)]


def test_hands_and_runs_work_on_it_at_once(url: str, encoder: EncoderStamp, story: Any) -> None:
    with closing(open_gallery(url, encoder=encoder)) as run:
        story.seen("P0001", "lobby:1", 10, 12).seen("P0001", "street:4", 20, 23).seen("P0002", "lobby:2", 15, 16)
        story.seen("P0003", "street:5", 40, 41)
        story.tell(run)
        with closing(open_by_hand(url)) as hand:
            assert hand.split("P0001", ["street:4"]).id == "P1000001"
            hand.merge("P0001", "P0002")
            hand.erase("P0003")
        story.seen("P0002", "lobby:9", 50, 51).seen("P0003", "lobby:10", 60, 60)
        run.commit(story.change())
        run.record(story.evidence())
        people = run.snapshot()
        assert [one.id for one in people.identities] == ["P0001", "P1000001"]
        assert people.identities[0].last_seen_ns == 51_000_000_000
        assert sorted({one.timestamp_ns // 10**9 for one in people.prototypes if one.identity == "P0001"}) == [
            *(10, 11, 12, 15, 16, 50, 51)
        ]
        assert len(people.prototypes) == 7 + 4


class Files:
    """What the server has in its files, once it has written everything."""

    def __init__(self, postgres: PostgresServer, url: str) -> None:
        self._folder = postgres.folder / "data" / "base"
        self._url = url

    def hold(self, piece: bytes) -> bool:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        return any(piece in file.read_bytes() for file in self._folder.rglob("*") if file.is_file())


def test_who_was_erased_is_in_none_of_the_tables_files(
    url: str, postgres: PostgresServer, encoder: EncoderStamp, story: Any
) -> None:
    files = Files(postgres, url)
    with closing(open_gallery(url, encoder=encoder)) as run:
        story.seen("P0771", "lobby:1", 10, 12).seen("P0772", "lobby:2", 15, 16)
        story.tell(run)
    gone, kept = (look.vector.tobytes() for look in (story.looks[0], story.looks[-1]))
    assert files.hold(gone)
    with closing(open_by_hand(url)) as hand:
        hand.erase("P0771")
    assert not files.hold(gone)
    assert not files.hold(b"P0771")
    assert files.hold(kept)


def test_who_opens_a_gallery_that_is_written_has_numbers_of_their_own(
    url: str, encoder: EncoderStamp, remember: Remember
) -> None:
    first = open_gallery(url, encoder=encoder)
    second = open_gallery(url, encoder=encoder)
    assert (first.snapshot().next_number, second.snapshot().next_number) == (1, 1_000_001)
    first.commit(remember("P0001", next_number=2))
    second.commit(remember("P1000001", next_number=1_000_002))
    first.close()
    third = open_gallery(url, encoder=encoder)
    assert third.snapshot().next_number == 2, "a place that is free again is used first"
    second.close()
    third.close()
    with (
        closing(open_gallery(url, encoder=encoder)) as fourth,
        pytest.raises(GalleryError, match="new people in one run; is the detector broken"),
    ):
        fourth.commit(remember("P0003", next_number=1_000_002))


def test_a_place_is_taken_over_from_a_process_that_is_no_more(
    url: str, encoder: EncoderStamp, remember: Remember
) -> None:
    lost = open_gallery(url, encoder=encoder)
    lost.commit(remember("P0001", next_number=2))
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE reid_gallery.blocks SET writer = replace(writer, %s, %s)", [f":{os.getpid()}:", f":{child.pid}:"]
        )
    with closing(open_gallery(url, encoder=encoder)) as heir:
        assert heir.snapshot().next_number == 2
        with pytest.raises(GalleryError, match="another process took this one's place while it was away"):
            lost.commit(remember("P0002", next_number=3))
        lost.close()
        heir.commit(remember("P0002", next_number=3))
    assert ids_in(url) == ["P0001", "P0002"]


def test_a_place_is_kept_for_a_process_of_another_machine_that_is_silent_for_a_while(
    url: str, encoder: EncoderStamp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    silent = open_gallery(url, encoder=encoder)
    monkeypatch.undo()
    with closing(open_gallery(url, encoder=encoder)) as second:
        assert second.snapshot().next_number == 1_000_001
    monkeypatch.setattr(postgres_store, "DEAD_AFTER_S", -1.0)
    with closing(open_gallery(url, encoder=encoder)) as third:
        assert third.snapshot().next_number == 1
    silent.close()


@pytest.fixture
def restarted() -> Iterator[PostgresServer]:
    """A server of its own, which may go away."""
    server = PostgresServer()
    server.create()
    server.start()
    yield server
    server.remove()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_server_that_goes_away_and_comes_back_loses_nothing(
    restarted: PostgresServer, encoder: EncoderStamp, remember: Remember, how: signal.Signals
) -> None:
    url = restarted.new_database()
    with closing(open_gallery(url, encoder=encoder)) as gallery:
        gallery.commit(remember("P0001", next_number=2))
        restarted.stop(how)
        for _ in range(2):
            with pytest.raises(DatabaseAway, match=r"cannot be reached; what was committed before is safe"):
                gallery.commit(remember("P0002", next_number=3))
        with pytest.raises(DatabaseAway):
            gallery.purge(0)
        restarted.start()
        gallery.commit(remember("P0002", next_number=3))
        gallery.commit(replace(remember("P0003", next_number=4), removed=("P0001",)))
    assert ids_in(url) == ["P0002", "P0003"]


def test_a_gallery_is_closed_though_its_server_is_gone(restarted: PostgresServer, encoder: EncoderStamp) -> None:
    gallery = open_gallery(restarted.new_database(), encoder=encoder)
    restarted.stop()
    gallery.close()
    gallery.close()
