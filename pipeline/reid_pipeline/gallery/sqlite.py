"""The gallery in one SQLite file."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from reid_pipeline.errors import EncoderMismatch, GalleryError
from reid_pipeline.gallery import sqlite_file
from reid_pipeline.gallery.protocol import GalleryStats
from reid_pipeline.gallery.stamp import EncoderStamp, check_change
from reid_pipeline.gallery.write_lock import WriteLock
from reid_pipeline.types import GalleryChange, GallerySnapshot, Identity, Prototype, State

_STORED_VECTOR = np.dtype("<f4")


class SqliteGallery:
    """A gallery file, open for writing by this process alone, or for reading beside any other."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        *,
        encoder: EncoderStamp | None = None,
        lock: WriteLock | None = None,
    ) -> None:
        self._path = path
        self._connection = connection
        self._encoder = encoder
        self._lock = lock
        self._closed = False

    @classmethod
    def open_for_writing(cls, path: Path, encoder: EncoderStamp) -> SqliteGallery:
        """Open the file, or start a new one where there is none.

        Raises:
            EncoderMismatch: its vectors are another encoder's.
            GalleryError: another process writes it, it is no gallery, or it cannot be written.
        """
        _refuse_folder(path)
        with ExitStack() as undo:
            lock = WriteLock(path)
            undo.callback(lock.release)
            with sqlite_file.reading(path):
                connection = sqlite_file.connect(path, write=True)
                undo.callback(connection.close)
                sqlite_file.create_if_empty(connection)
                sqlite_file.check_format(connection, path)
                _refuse_other_encoder(_read_stamp(connection), encoder, path)
                sqlite_file.prepare_writing(connection)
            undo.pop_all()
            return cls(path, connection, encoder=encoder, lock=lock)

    @classmethod
    def check(cls, path: Path, encoder: EncoderStamp | None) -> None:
        """Raise what `open_for_writing` would raise, and make nothing; `encoder` None is whichever filled it."""
        _refuse_folder(path)
        with ExitStack() as undo:
            undo.callback(WriteLock(path).release)
            if not os.path.exists(path) or not os.path.getsize(path):
                return
            with sqlite_file.reading(path):
                connection = sqlite_file.connect(path, write=False)
                undo.callback(connection.close)
                sqlite_file.check_format(connection, path)
                if encoder is not None:
                    _refuse_other_encoder(_read_stamp(connection), encoder, path)

    @classmethod
    def open_for_reading(cls, path: Path) -> SqliteGallery:
        """Open the file to look at it, also while another process writes it.

        Raises:
            GalleryError: there is no such file, it is no gallery, or it cannot be read.
        """
        _refuse_folder(path)
        if not os.path.exists(path):
            raise GalleryError(f"gallery {path}: no such file; check the name, or run the pipeline first to fill it")
        with ExitStack() as undo, sqlite_file.reading(path):
            connection = sqlite_file.connect(path, write=False)
            undo.callback(connection.close)
            sqlite_file.check_format(connection, path)
            undo.pop_all()
            return cls(path, connection)

    def snapshot(self) -> GallerySnapshot:
        with sqlite_file.reading(self._path), sqlite_file.transaction(self._connection, write=False):
            return _read_all(self._connection)

    def commit(self, change: GalleryChange) -> None:
        if self._encoder is None:
            raise GalleryError(f"gallery {self._path}: open for reading only; open it with an encoder to change it")
        check_change(change, self._encoder)
        with sqlite_file.explained(self._path), sqlite_file.transaction(self._connection, write=True):
            _apply(self._connection, change)
            if change.prototypes:
                _write_stamp(self._connection, self._encoder)

    def stats(self) -> GalleryStats:
        with sqlite_file.reading(self._path), sqlite_file.transaction(self._connection, write=False):
            stamp = _read_stamp(self._connection)
            return GalleryStats(
                identities=_count(self._connection, "identities"),
                prototypes=_count(self._connection, "prototypes"),
                dim=stamp.dim if stamp else None,
                encoder=stamp.name if stamp else None,
                bytes=sum(
                    file.stat().st_size for file in (self._path, sqlite_file.log_of(self._path)) if file.exists()
                ),
            )

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with ExitStack() as last:
            if self._lock is not None:
                last.callback(self._lock.release)
            last.callback(self._connection.close)
            if self._lock is not None:
                with sqlite_file.explained(self._path):
                    _finish_erasing(self._connection)
                    sqlite_file.fold_log(self._connection)


def _refuse_folder(path: Path) -> None:
    if os.path.isdir(path):  # unlike Path.is_dir, says no where it may not look
        raise GalleryError(f"gallery {path}: expected a file, got a folder; add a file name such as gallery.db")


def _refuse_other_encoder(filled_by: EncoderStamp | None, encoder: EncoderStamp, path: Path) -> None:
    if filled_by is not None and filled_by.sha256 != encoder.sha256:
        raise EncoderMismatch(
            f"gallery {path}: filled by encoder {filled_by}, but this run uses {encoder}; "
            "vectors of two encoders cannot be compared: name another file, or delete this one to start afresh"
        )


def _apply(connection: sqlite3.Connection, change: GalleryChange) -> None:
    replaced = [(id_,) for id_ in (*change.removed, *(identity.id for identity in change.identities))]
    connection.executemany("DELETE FROM prototypes WHERE identity = ?", replaced)
    connection.executemany("DELETE FROM identities WHERE id = ?", replaced)
    # int() and float(): sqlite3 would store numpy scalars as blobs
    connection.executemany(
        "INSERT INTO identities (id, state, cameras, first_seen_ns, last_seen_ns) VALUES (?, ?, ?, ?, ?)",
        [
            (i.id, i.state.value, json.dumps(i.cameras), int(i.first_seen_ns), int(i.last_seen_ns))
            for i in change.identities
        ],
    )
    connection.executemany(
        "INSERT INTO prototypes (identity, camera, timestamp_ns, quality, vector) VALUES (?, ?, ?, ?, ?)",
        [
            (p.identity, p.camera, int(p.timestamp_ns), float(p.quality), p.vector.astype(_STORED_VECTOR).tobytes())
            for p in change.prototypes
        ],
    )
    _write_meta(connection, next_number=change.next_number)
    if change.removed:
        _write_meta(connection, erasing=1)


def _finish_erasing(connection: sqlite3.Connection) -> None:
    """The note stays in the file until this is done, so a killed run's erasing is finished by the next one."""
    if "erasing" in _read_meta(connection):
        sqlite_file.rewrite(connection)
        connection.execute("DELETE FROM meta WHERE key = 'erasing'")


def _read_all(connection: sqlite3.Connection) -> GallerySnapshot:
    stamp = _read_stamp(connection)
    vector_bytes = stamp.dim * _STORED_VECTOR.itemsize if stamp else 0
    identities = tuple(
        Identity(id_, State(state), tuple(json.loads(cameras)), first_seen_ns, last_seen_ns)
        for id_, state, cameras, first_seen_ns, last_seen_ns in connection.execute(
            "SELECT id, state, cameras, first_seen_ns, last_seen_ns FROM identities ORDER BY id"
        )
    )
    prototypes = []
    # rowid last: looks of one camera and moment keep the order in which they were committed
    for identity, camera, timestamp_ns, quality, stored in connection.execute(
        "SELECT identity, camera, timestamp_ns, quality, vector FROM prototypes"
        " ORDER BY identity, camera, timestamp_ns, rowid"
    ):
        if len(stored) != vector_bytes:
            raise ValueError(f"a vector of {identity} has {len(stored)} bytes instead of {vector_bytes}")
        vector = np.frombuffer(stored, _STORED_VECTOR).astype(np.float32, copy=False)
        prototypes.append(Prototype(identity, camera, timestamp_ns, quality, vector))
    next_number = int(_read_meta(connection).get("next_number", 1))
    return GallerySnapshot(identities, tuple(prototypes), next_number)


def _read_stamp(connection: sqlite3.Connection) -> EncoderStamp | None:
    meta = _read_meta(connection)
    if "encoder_sha256" not in meta:
        return None
    return EncoderStamp(meta["encoder_name"], meta["encoder_sha256"], int(meta["encoder_dim"]))


def _write_stamp(connection: sqlite3.Connection, encoder: EncoderStamp) -> None:
    _write_meta(connection, encoder_name=encoder.name, encoder_sha256=encoder.sha256, encoder_dim=encoder.dim)


def _read_meta(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT key, value FROM meta"))


def _write_meta(connection: sqlite3.Connection, **values: str | int) -> None:
    connection.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", list(values.items()))


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])
