"""The gallery in one SQLite file, or in memory for as long as its process lives."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from reid_pipeline.errors import GalleryError
from reid_pipeline.gallery import sqlite_file
from reid_pipeline.gallery.database import Row, Rows
from reid_pipeline.gallery.layout import SQLITE_TYPES, tables
from reid_pipeline.gallery.meta import clear_erasing, read_meta, read_stamp, write_meta
from reid_pipeline.gallery.sealing import Seal, new_check, refuse_other_key
from reid_pipeline.gallery.sql_gallery import HAND, Access, SqlGallery, refuse_other_encoder
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.write_lock import WriteLock

RUN = "run"
"""The name of whichever process writes: there is one at a time."""


class SqliteRows:
    """An open transaction of a connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def query(self, statement: str, *values: Any) -> list[Row]:
        return self._connection.execute(statement, values).fetchall()

    def change(self, statement: str, *values: Any) -> int:
        return self._connection.execute(statement, values).rowcount

    def change_each(self, statement: str, rows: Iterable[Row]) -> None:
        self._connection.executemany(statement, rows)


class SqliteFile:
    """A gallery file as a `Database`; `lock` is there when it may be written."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: WriteLock | None) -> None:
        self.label = f"gallery {path}"
        self.connection = connection
        self._path = path
        self._lock = lock

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        with sqlite_file.reading(self._path), sqlite_file.transaction(self.connection, write=False):
            yield SqliteRows(self.connection)

    @contextmanager
    def writing(self) -> Iterator[Rows]:
        with sqlite_file.explained(self._path), sqlite_file.transaction(self.connection, write=True):
            yield SqliteRows(self.connection)

    def beat(self) -> None: ...

    def size_bytes(self) -> int:
        return sum(file.stat().st_size for file in (self._path, sqlite_file.log_of(self._path)) if file.exists())

    def close(self) -> None:
        with ExitStack() as last:
            if self._lock is not None:
                last.callback(self._lock.release)
            last.callback(self.connection.close)
            if self._lock is not None:
                with sqlite_file.explained(self._path):
                    _finish_erasing(self.connection)
                    sqlite_file.fold_log(self.connection)


class SqliteMemory:
    """A gallery that is gone when the process is, as a `Database`."""

    label = "gallery memory://"

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.executescript(tables(SQLITE_TYPES))

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        with sqlite_file.transaction(self._connection, write=False):
            yield SqliteRows(self._connection)

    @contextmanager
    def writing(self) -> Iterator[Rows]:
        with sqlite_file.transaction(self._connection, write=True):
            yield SqliteRows(self._connection)

    def beat(self) -> None: ...

    def size_bytes(self) -> int:
        return sqlite_file.content_bytes(self._connection)

    def close(self) -> None:
        self._connection.close()


class SqliteGallery(SqlGallery):
    """A gallery file, open for writing by this process alone, or for reading beside any other."""

    @classmethod
    def open_for_writing(cls, path: Path, encoder: EncoderStamp, seal: Seal | None = None) -> SqliteGallery:
        """Open the file, or start a new one where there is none.

        Raises:
            EncoderMismatch: its vectors are another encoder's.
            GalleryError: another process writes it, it is no gallery, or it cannot be written.
        """
        _refuse_folder(path)
        with ExitStack() as undo:
            database = _open_locked(path, encoder, seal, undo)
            opened = cls(database, Access(encoder=encoder, writer=RUN, seal=seal))
            undo.pop_all()
            return opened

    @classmethod
    def open_by_hand(cls, path: Path, seal: Seal | None = None) -> SqliteGallery:
        """Open a file that is there to correct what it says.

        Raises:
            GalleryError: there is no such file, another process writes it, it is no gallery, or it cannot be written.
        """
        _refuse_folder(path)
        _refuse_missing(path)
        with ExitStack() as undo:
            database = _open_locked(path, None, seal, undo)
            opened = cls(database, Access(writer=HAND, seal=seal))
            undo.pop_all()
            return opened

    @classmethod
    def open_for_reading(cls, path: Path, seal: Seal | None = None) -> SqliteGallery:
        """Open the file to look at it, also while another process writes it.

        Raises:
            GalleryError: there is no such file, it is no gallery, or it cannot be read.
        """
        _refuse_folder(path)
        _refuse_missing(path)
        with ExitStack() as undo, sqlite_file.reading(path):
            connection = sqlite_file.connect(path, write=False)
            undo.callback(connection.close)
            sqlite_file.check_format(connection, path, write=False)
            _check_notes(connection, path, None, seal)
            opened = cls(SqliteFile(path, connection, None), Access(seal=seal))
            undo.pop_all()
            return opened

    @classmethod
    def check(cls, path: Path, encoder: EncoderStamp | None, seal: Seal | None = None) -> None:
        """Raise what `open_for_writing` would raise, and make nothing; `encoder` None is whichever filled it."""
        _refuse_folder(path)
        with ExitStack() as undo:
            undo.callback(WriteLock(path).release)
            if not os.path.exists(path) or not os.path.getsize(path):
                return
            with sqlite_file.reading(path):
                connection = sqlite_file.connect(path, write=False)
                undo.callback(connection.close)
                sqlite_file.check_format(connection, path, write=True)
                _check_notes(connection, path, encoder, seal)


def _open_locked(path: Path, encoder: EncoderStamp | None, seal: Seal | None, undo: ExitStack) -> SqliteFile:
    """The file as a database that this process alone writes; `undo` lets go of it again."""
    lock = WriteLock(path)
    undo.callback(lock.release)
    with sqlite_file.reading(path):
        connection = sqlite_file.connect(path, write=True)
        undo.callback(connection.close)
        sqlite_file.create_if_empty(connection)
        sqlite_file.check_format(connection, path, write=True)
        if seal is not None and not read_meta(SqliteRows(connection)):  # nothing is in it yet
            write_meta(SqliteRows(connection), sealed=new_check(seal))
        _check_notes(connection, path, encoder, seal)
        sqlite_file.prepare_writing(connection)
        sqlite_file.bring_up_to_date(connection)
    return SqliteFile(path, connection, lock)


def _check_notes(connection: sqlite3.Connection, path: Path, encoder: EncoderStamp | None, seal: Seal | None) -> None:
    """Raise `GalleryError` where the gallery is another encoder's, or sealed with another key."""
    meta = read_meta(SqliteRows(connection))
    refuse_other_key(meta, seal, f"gallery {path}")
    if encoder is not None:
        refuse_other_encoder(read_stamp(meta), encoder, f"gallery {path}")


def _finish_erasing(connection: sqlite3.Connection) -> None:
    """The note stays in the file until this is done, so a killed run's erasing is finished by the next one."""
    rows = SqliteRows(connection)
    if "erasing" in read_meta(rows):
        sqlite_file.rewrite(connection)
        clear_erasing(rows)


def _refuse_folder(path: Path) -> None:
    if os.path.isdir(path):  # unlike Path.is_dir, says no where it may not look
        raise GalleryError(f"gallery {path}: expected a file, got a folder; add a file name such as gallery.db")


def _refuse_missing(path: Path) -> None:
    if not os.path.exists(path):
        raise GalleryError(f"gallery {path}: no such file; check the name, or run the pipeline first to fill it")
