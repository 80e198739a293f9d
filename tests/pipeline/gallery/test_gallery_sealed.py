"""Vectors that only who has the key can read, in files and databases."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import psycopg
import pytest

from postgres_server import PostgresServer
from reid_pipeline.errors import ConfigError, GalleryError, MissingExtra
from reid_pipeline.gallery.sealing import Seal, read_seal
from reid_pipeline.gallery.sqlite import SqliteFile
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import check_gallery, open_by_hand, open_gallery
from reid_pipeline.types import GalleryChange

Remember = Callable[..., GalleryChange]

KEYS = {"ONE": base64.b64encode(bytes(range(32))).decode(), "OTHER": base64.b64encode(bytes(range(100, 132))).decode()}
ENCODER = EncoderStamp("saga-s", "b" * 64, 64)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres").emptied_database())
    return f"sqlite:///{tmp_path}/gallery.db"


@pytest.fixture
def sealed(url: str, remember: Remember) -> str:
    """A gallery that was filled and sealed."""
    with closing(open_gallery(url, encoder=ENCODER, key="env:ONE")) as gallery:
        gallery.commit(remember("P0001", "P0002", dim=64))
    return url


def test_who_has_the_key_reads_what_was_written(sealed: str, remember: Remember, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEYS["ONE"] + "\n")
    wanted = {look.vector.tobytes() for look in remember("P0001", "P0002", dim=64).prototypes}
    for key in ("env:ONE", f"file:{tmp_path}/key"):
        with closing(open_gallery(sealed, encoder=None, key=key)) as gallery:
            assert {look.vector.tobytes() for look in gallery.snapshot().prototypes} == wanted
            assert gallery.stats().sealed
            dossier = gallery.dossier("P0001")
            assert dossier is not None
            assert len(dossier.prototypes) == 2
    with closing(open_gallery(sealed, encoder=ENCODER, key="env:ONE")) as gallery:
        gallery.commit(remember("P0003", dim=64))
        assert gallery.stats().prototypes == 6


def test_a_wrong_key_or_none_is_one_line(sealed: str) -> None:
    for key, reason in (("env:OTHER", "this is not the key that its vectors were sealed with"), (None, "are sealed")):
        for attempt in (
            lambda key=key: open_gallery(sealed, encoder=None, key=key),
            lambda key=key: open_gallery(sealed, encoder=ENCODER, key=key),
            lambda key=key: open_by_hand(sealed, key=key),
            lambda key=key: check_gallery(sealed, encoder=ENCODER, key=key),
        ):
            with pytest.raises(GalleryError, match=reason) as caught:
                attempt()
            assert "\n" not in str(caught.value)
    open_gallery(sealed, encoder=None, key="env:ONE").close()


def test_no_vector_is_in_the_file(tmp_path: Path, remember: Remember) -> None:
    pieces = [look.vector[30:32].tobytes() for look in remember("P0001", "P0002", dim=64).prototypes]
    held = {}
    for key in (None, "env:ONE"):
        path = tmp_path / f"{key}.db"
        with closing(open_gallery(f"sqlite:///{path}", encoder=ENCODER, key=key)) as gallery:
            gallery.commit(remember("P0001", "P0002", dim=64))
            gallery.backup(tmp_path / f"copy of {key}.db")
        for file in (path, tmp_path / f"copy of {key}.db"):
            held[key, file.name] = sum(piece in file.read_bytes() for piece in pieces)
            for secret in KEYS.values():
                assert secret.encode() not in file.read_bytes()
                assert base64.b64decode(secret) not in file.read_bytes()
    assert list(held.values()) == [4, 4, 0, 0]
    with pytest.raises(GalleryError, match="are sealed"):
        open_gallery(f"sqlite:///{tmp_path}/copy of env:ONE.db", encoder=None)


def test_no_vector_is_in_the_database(postgres: PostgresServer, remember: Remember) -> None:
    url = postgres.emptied_database()
    with closing(open_gallery(url, encoder=ENCODER, key="env:ONE")) as gallery:
        gallery.commit(remember("P0001", dim=64))
    pieces = [look.vector[30:32].tobytes() for look in remember("P0001", dim=64).prototypes]
    with psycopg.connect(url) as connection:
        stored = [bytes(row[0]) for row in connection.execute("SELECT vector FROM reid_gallery.prototypes")]
    assert len(stored) == 2
    assert not [piece for piece in pieces if any(piece in one or piece[::-1] in one for one in stored)]


def test_a_gallery_that_was_begun_open_stays_open(url: str, remember: Remember) -> None:
    with closing(open_gallery(url, encoder=ENCODER)) as gallery:
        gallery.commit(remember("P0001", dim=64))
    with pytest.raises(GalleryError, match="was begun without a key, so its vectors can be read by anybody"):
        open_gallery(url, encoder=ENCODER, key="env:ONE")
    with closing(open_gallery(url, encoder=None)) as gallery:
        assert not gallery.stats().sealed


def test_a_vector_that_was_tampered_with_is_damage(tmp_path: Path, remember: Remember) -> None:
    url = f"sqlite:///{tmp_path}/gallery.db"
    with closing(open_gallery(url, encoder=ENCODER, key="env:ONE")) as gallery:
        gallery.commit(remember("P0001", dim=64))
        assert isinstance(gallery._database, SqliteFile)
        gallery._database.connection.execute("UPDATE prototypes SET vector = zeroblob(length(vector))")
        with pytest.raises(GalleryError, match=r"is damaged.*cannot be opened with this key"):
            gallery.snapshot()


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("env:NOT_SET", "gallery key env:NOT_SET: is empty or not set; expected 32 random bytes as base64"),
        ("env:SHORT", "gallery key env:SHORT: is no key; expected 32 random bytes"),
        ("env:WORDS", "gallery key env:WORDS: is no key"),
        ("file:/nowhere/key", r"gallery key file:/nowhere/key: cannot be read \(No such file"),
        ("file:", "expected env:NAME or file:PATH"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "expected env:NAME or file:PATH; the key itself does not"),
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(key: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT", "c2VjcmV0LXNlY3JldA==")
    monkeypatch.setenv("WORDS", "correct horse battery staple")
    with pytest.raises(ConfigError, match=reason) as caught:
        read_seal(key)
    for secret in ("c2VjcmV0", "horse", "AAECAwQ"):
        assert secret not in str(caught.value)


def test_the_same_vector_is_never_sealed_the_same() -> None:
    seal = read_seal("env:ONE")
    assert isinstance(seal, Seal)
    plain = np.ones(64, np.float32).tobytes()
    closed = [seal.close(plain) for _ in range(100)]
    assert len(set(closed)) == 100
    assert {seal.open(one) for one in closed} == {plain}
    for broken in (b"", b"short", closed[0][:-1], closed[0][:-1] + b"x"):
        with pytest.raises(ValueError, match="cannot be opened"):
            seal.open(broken)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(MissingExtra, match=r"pip install 'reid-pipeline\[encryption\]'"):
        read_seal("env:ONE")


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reid_pipeline.gallery.postgres", None)
    with pytest.raises(MissingExtra, match=r"pip install 'reid-pipeline\[postgres\]'"):
        open_gallery("postgresql://user:secret@host/people", encoder=None)
