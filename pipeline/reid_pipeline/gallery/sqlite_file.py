"""The gallery's SQLite file: what it looks like inside, how it is opened, and what its errors mean.

While a writer has it open the file is in WAL mode, so readers do not wait; at rest it is one plain file that can be
copied, and read from a folder that cannot be written. The page size was measured with vectors of 512 numbers (2 KiB):
pages of 4 KiB hold one each and waste half of the file, 16 KiB hold seven and waste a tenth.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from reid_pipeline.errors import GalleryError
from reid_pipeline.gallery.layout import SCHEMA_VERSION, SQLITE_TYPES, tables

APPLICATION_ID = 0x52654964  # "ReId": how a gallery is told from any other SQLite file
BUSY_TIMEOUT_S = 5.0

_TABLES = tables(SQLITE_TYPES)
_MARKS = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
_LAYOUT = f"BEGIN; {_TABLES} {_MARKS} COMMIT;"

# layout 1 knew neither writers nor evidence; `erasing` has the file written anew on closing, without the old tables
_UPGRADE = f"""
BEGIN;
DROP INDEX prototypes_in_order;
ALTER TABLE meta RENAME TO old_meta;
ALTER TABLE identities RENAME TO old_identities;
ALTER TABLE prototypes RENAME TO old_prototypes;
{_TABLES}
INSERT INTO identities SELECT id, id, 'run', 0, state, cameras, first_seen_ns, last_seen_ns FROM old_identities;
INSERT INTO prototypes (identity, known_as, writer, change, camera, timestamp_ns, quality, vector)
    SELECT identity, identity, 'run', 0, camera, timestamp_ns, quality, vector FROM old_prototypes ORDER BY rowid;
UPDATE blocks SET next_number = CAST(value AS INTEGER) FROM old_meta WHERE key = 'next_number';
INSERT INTO meta SELECT key, value FROM old_meta WHERE key NOT IN ('next_number', 'erasing');
INSERT INTO meta VALUES ('erasing', '1');
DROP TABLE old_meta;
DROP TABLE old_identities;
DROP TABLE old_prototypes;
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""

_UNREADABLE = "is damaged or not a gallery; it was left as it is: restore a copy, or name another file"
_EXPLANATIONS = {
    "database or disk is full": "the disk is full; what was committed before is safe: free some space and run again",
    "disk I/O error": "the disk failed; what was committed before is safe: check its free space and health, run again",
    "readonly database": "the file cannot be written; give yourself write access to it and its folder, or name another",
    "unable to open": "cannot be opened; check that the file and its folder may be read and written",
    "locked": "another program keeps it locked; close that program and run again",
    "not a database": _UNREADABLE,
    "malformed": _UNREADABLE,
    "no such table": _UNREADABLE,
    "no such column": _UNREADABLE,
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into `GalleryError`s of one line that says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        found = (text for fragment, text in _EXPLANATIONS.items() if fragment in str(error))
        raise GalleryError(f"gallery {path}: {next(found, str(error))}") from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """`explained`, and the same for stored values that do not parse: bytes that were flipped on the disk."""
    with explained(path):
        try:
            yield
        except (LookupError, TypeError, ValueError) as error:
            raise GalleryError(f"gallery {path}: {_UNREADABLE} ({error})") from error


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Open the file, and create an empty one when it is missing and `write` is true; nothing is read yet.

    Without `write` SQLite refuses every change of content, but may still put in order what a killed writer left half
    done. Transactions are begun and ended by hand. Any thread may use the connection, one at a time.
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={'rwc' if write else 'rw'}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute(f"PRAGMA query_only = {not write}")
    return connection


def log_of(path: Path) -> Path:
    """Where SQLite keeps the commits that are not in the file yet."""
    return path.with_name(path.name + "-wal")


def create_if_empty(connection: sqlite3.Connection) -> None:
    """Lay out the tables in a file of no bytes, all of them or none."""
    if _pragma(connection, "page_count") == 0:
        connection.execute("PRAGMA page_size = 16384")
        connection.executescript(_LAYOUT)


def check_format(connection: sqlite3.Connection, path: Path, *, write: bool) -> None:
    """Raise `GalleryError` unless the file is a gallery that this program can read, or bring up to date to write."""
    application_id = _pragma(connection, "application_id")
    cut_off = path.stat().st_size % _pragma(connection, "page_size") and not log_of(path).exists()
    if cut_off:  # SQLite would read the rest of the last page as zeros
        raise GalleryError(f"gallery {path}: {_UNREADABLE}")
    if application_id != APPLICATION_ID:
        raise GalleryError(f"gallery {path}: is not a gallery; it was left as it is: name another file")
    version = _pragma(connection, "user_version")
    if version == 1 and not write:
        raise GalleryError(
            f"gallery {path}: expected layout version {SCHEMA_VERSION}, got 1; any run that uses it, or "
            f"`reid-pipeline gallery purge`, brings it up to date"
        )
    if not 1 <= version <= SCHEMA_VERSION:
        raise GalleryError(
            f"gallery {path}: expected layout version {SCHEMA_VERSION}, got {version}; "
            "update reid-pipeline or name another file"
        )


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Lay a gallery of an earlier version out as today, all of it or nothing."""
    if _pragma(connection, "user_version") == 1:
        connection.executescript(_UPGRADE)


def prepare_writing(connection: sqlite3.Connection) -> None:
    """Commit by appending to a log, on disk when the commit returns, and overwrite with zeros what is deleted."""
    connection.execute("PRAGMA secure_delete = ON").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_mode = WAL").fetchone()


def content_bytes(connection: sqlite3.Connection) -> int:
    """What the pages take, on the disk or in memory."""
    return _pragma(connection, "page_count") * _pragma(connection, "page_size")


def rewrite(connection: sqlite3.Connection) -> None:
    """Write the file anew from its rows.

    Zeroing what is deleted is not enough to erase: rows that SQLite moves from page to page leave copies behind, which
    it does not find again. Takes about 1 s for each 50,000 vectors of 512 numbers.
    """
    connection.execute("VACUUM")


def fold_log(connection: sqlite3.Connection) -> None:
    """Move the log into the file and cut it to nothing, so that no deleted byte outlives the writer."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    try:
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        # a reader has the file open right now: it stays in WAL mode until the next writer closes it
        if "locked" not in str(error):
            raise


@contextmanager
def transaction(connection: sqlite3.Connection, *, write: bool) -> Iterator[None]:
    """All of the block or nothing of it; reads in it see one moment."""
    connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
