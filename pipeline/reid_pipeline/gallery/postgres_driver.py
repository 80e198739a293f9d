"""psycopg as the gallery uses it: how a server is reached, how vectors travel, and what errors mean.

Only this module and `postgres` import psycopg, and they are imported on use. No message holds the password of an
address.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Format
from psycopg.types import TypeInfo

from reid_pipeline.errors import ConfigError, GalleryError
from reid_pipeline.gallery.database import DatabaseAway, PlainVector
from reid_pipeline.redact import redact

_DEFAULTS = {
    "connect_timeout": "3",
    # a server that vanished without a word is noticed
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "application_name": "reid-pipeline",
}
# nobody waits for ever for a process that was stopped in the middle of a transaction
_SETTINGS = "SET lock_timeout = '20s'; SET idle_in_transaction_session_timeout = '60s'; SET synchronous_commit = on"

_VECTOR_HEAD = struct.Struct(">HH")
_STORED, _SENT = np.dtype("<f4"), np.dtype(">f4")

_EXPLANATIONS = {
    "53100": "the server's disk is full; what was committed before is safe: free some space and run again",
    "53200": "the server is out of memory; what was committed before is safe",
    "42501": "this user may not do that; let them create a schema and the extension vector, or do it for them",
    "0A000": "the server lacks the extension vector; install pgvector there",
    "58P01": "the server lacks the extension vector; install pgvector there",
    "25006": "the server only answers questions right now; name one that can be written",
}
_AWAY = ("08", "57P", "55P03", "25P03", "40")


def label_of(url: str) -> str:
    """What the gallery is called in messages."""
    return f"gallery {redact(url)}"


def connect(url: str) -> psycopg.Connection[Any]:
    """A new connection, each statement its own transaction unless one is begun. Raises psycopg's errors."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:  # its text may quote a password that was taken for something else
        raise ConfigError(
            f"gallery store '{redact(url).partition('://')[0]}://': expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
            "; percent-encode what is special in a password"
        ) from None
    missing: dict[str, Any] = {name: value for name, value in _DEFAULTS.items() if name not in given}
    connection = psycopg.connect(make_conninfo(url, **missing), autocommit=True)
    connection.execute(_SETTINGS)
    return connection


def is_away(connection: psycopg.Connection[Any]) -> bool:
    """Whether the connection is of no use any more."""
    return connection.closed or connection.broken


def register_vectors(connection: psycopg.Connection[Any]) -> None:
    """Let pgvector's type travel as it is, where the database has it."""
    info = TypeInfo.fetch(connection, "vector")
    if info is None:
        return

    type_oid = info.oid

    class VectorDumper(Dumper):
        format = Format.BINARY
        oid = type_oid

        def dump(self, obj: PlainVector) -> Buffer:
            numbers = np.frombuffer(obj, _STORED)
            return _VECTOR_HEAD.pack(len(numbers), 0) + numbers.astype(_SENT).tobytes()

    class VectorLoader(Loader):
        format = Format.BINARY

        def load(self, data: Buffer) -> bytes:
            return np.frombuffer(bytes(data), _SENT, offset=_VECTOR_HEAD.size).astype(_STORED).tobytes()

    connection.adapters.register_dumper(PlainVector, VectorDumper)
    connection.adapters.register_loader(type_oid, VectorLoader)


@contextmanager
def explained(label: str, url: str) -> Iterator[None]:
    """Turn psycopg's errors into `GalleryError`s of one line, `DatabaseAway` where trying again may help."""
    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ""
        said = _one_line(error, url)
        if state in _EXPLANATIONS:
            raise GalleryError(f"{label}: {_EXPLANATIONS[state]} ({said})") from None
        lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not state
        if lost or state.startswith(_AWAY):
            raise DatabaseAway(
                f"{label}: cannot be reached; what was committed before is safe: check the server ({said})"
            ) from None
        raise GalleryError(f"{label}: {said}") from None


def _one_line(error: Exception, url: str) -> str:
    text = " ".join(str(error).split())
    password = conninfo_to_dict(url).get("password")
    return redact(text.replace(str(password), "***") if password else text)
