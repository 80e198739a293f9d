"""A copy of a gallery, whatever database it is in, as a gallery file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from reid_pipeline.errors import GalleryError
from reid_pipeline.gallery import sqlite_file
from reid_pipeline.gallery.database import Rows
from reid_pipeline.gallery.layout import COLUMNS


def write_backup(rows: Rows, path: Path) -> None:
    """Write all rows of one moment to a new file, which appears when it is whole.

    Sealed vectors stay sealed; numbers that running processes hold are free in the copy.

    Raises:
        GalleryError: there is such a file already, or it cannot be written.
    """
    if path.exists():
        raise GalleryError(f"backup {path}: is there already; name a new file")
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with sqlite_file.explained(path):
            unfinished.unlink(missing_ok=True)
            with closing(sqlite_file.connect(unfinished, write=True)) as copy:
                sqlite_file.create_if_empty(copy)
                with sqlite_file.transaction(copy, write=True):
                    _copy_tables(rows, copy)
        unfinished.rename(path)
    except OSError as error:
        raise GalleryError(f"backup {path}: cannot be written ({error.strerror}); name a file elsewhere") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _copy_tables(rows: Rows, copy: sqlite3.Connection) -> None:
    for table, columns in COLUMNS.items():
        marks = ", ".join("?" for _ in columns.split(","))
        copy.execute(f"DELETE FROM {table}")
        copy.executemany(f"INSERT INTO {table} VALUES ({marks})", rows.query(f"SELECT {columns} FROM {table}"))
    copy.execute("UPDATE blocks SET writer = NULL, run = NULL")
