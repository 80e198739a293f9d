"""What a gallery needs of a database; the SQL in between is the same for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from reid_pipeline.errors import GalleryError

Row = Sequence[Any]


class PlainVector(bytes):
    """Little-endian float32 numbers as a value for a statement; answers hold such bytes again."""


class DatabaseAway(GalleryError):
    """The database cannot be reached right now; nothing of the transaction was kept, or it can safely be repeated."""


class Rows(Protocol):
    """An open transaction. Statements hold `?` for each value."""

    def query(self, statement: str, *values: object) -> list[Row]:
        """All rows of an answer."""
        ...

    def change(self, statement: str, *values: object) -> int:
        """Run a statement; the number of rows that it changed."""
        ...

    def change_each(self, statement: str, rows: Iterable[Row]) -> None:
        """Run a statement for each row of values."""
        ...


class Database(Protocol):
    """A place for a gallery's tables. `label` names it in messages, without a password."""

    label: str

    def reading(self) -> AbstractContextManager[Rows]:
        """A transaction that sees one moment and changes nothing. Raises `GalleryError`."""
        ...

    def writing(self) -> AbstractContextManager[Rows]:
        """A transaction of which all is on disk afterwards, or nothing; one at a time over all processes."""
        ...

    def beat(self) -> None:
        """Now and then: this process is still there. Raises `GalleryError`."""
        ...

    def size_bytes(self) -> int:
        """What it takes on the disk."""
        ...

    def close(self) -> None:
        """Leave no erased byte behind as far as that is possible, and let go."""
        ...
