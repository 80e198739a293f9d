"""What a run knows for good, on disk until tracks.json is written, so that it takes no memory in a long run."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from reid_pipeline.core.standing import Decisions
from reid_pipeline.records.files import writing
from reid_pipeline.types import IdentityEvent, Link, TrackletKey

_TABLES = """
PRAGMA journal_mode = MEMORY;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA temp_store = MEMORY;
CREATE TABLE pieces (camera TEXT, track_id INTEGER, start_ns INTEGER, end_ns INTEGER, boxes BLOB);
CREATE INDEX tracks ON pieces (camera, track_id, start_ns, end_ns);
CREATE TABLE answers (
    camera TEXT, track_id INTEGER, identity TEXT, score REAL, margin REAL, PRIMARY KEY (camera, track_id)
) WITHOUT ROWID;
CREATE TABLE links (
    source_camera TEXT, source_track INTEGER, target_camera TEXT, target_track INTEGER, score REAL, evidence TEXT
);
CREATE INDEX in_order ON links (source_camera, source_track, target_camera, target_track);
CREATE TABLE events (
    type TEXT, timestamp_ns INTEGER, identity TEXT, camera TEXT, track_id INTEGER, other TEXT, reason TEXT
);
CREATE INDEX in_time ON events (timestamp_ns);
"""


class Piece(NamedTuple):
    """Boxes of a track that follow each other: the times of the first and the last, and all of them as bytes."""

    key: TrackletKey
    start_ns: int
    end_ns: int
    boxes: bytes


class Track(NamedTuple):
    """A track and who it is; `identity` is None where nothing was said."""

    key: TrackletKey
    identity: str | None
    score: float
    margin: float


class Member(NamedTuple):
    """A track of a person, and when it was there."""

    identity: str
    key: TrackletKey
    start_ns: int
    end_ns: int


class Spool:
    """A temporary database without a name, so nothing of it is left behind however a run ends.

    Whatever is asked of it raises `RecordError` when the disk is full or refuses.
    """

    def __init__(self, folder: Path) -> None:
        """Open an empty one in the folder, which is made."""
        self._folder = folder
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=folder, prefix=".spool-")
            os.close(descriptor)
        try:
            with self._explained():
                self._database = sqlite3.connect(name, check_same_thread=False)
                self._database.executescript(_TABLES)
        finally:
            os.unlink(name)

    def add(self, pieces: Iterable[Piece], decisions: Decisions) -> None:
        """Keep all of it or, where the disk is full, nothing.

        Pieces of a track come in order of time. Of the decisions, what is settled is kept, links and events; of several
        answers about one track, the last counts.
        """
        with self._explained(), self._database as rows:
            rows.executemany("INSERT INTO pieces VALUES (?, ?, ?, ?, ?)", ((*key, *rest) for key, *rest in pieces))
            rows.executemany(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)",
                [
                    (*one.assignment.key, one.assignment.identity, one.assignment.score, one.assignment.margin)
                    for one in decisions.settled
                ],
            )
            rows.executemany(
                "INSERT INTO links VALUES (?, ?, ?, ?, ?, ?)",
                [(*one.source, *one.target, one.score, json.dumps(one.evidence)) for one in decisions.links],
            )
            rows.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (one.type, one.timestamp_ns, one.identity, *(one.tracklet or (None, None)), one.other, one.reason)
                    for one in decisions.events
                ],
            )

    def rename(self, now: Callable[[str], str]) -> None:
        """Who turned out to be another is that person from now on; `now` says of every identity who it is."""
        with self._explained(), self._database:
            self._database.create_function("who_now", 1, now)
            self._database.execute(
                "UPDATE answers SET identity = who_now(identity) WHERE identity <> who_now(identity)"
            )

    def cameras(self) -> list[str]:
        """The cameras that have boxes, by name."""
        return [camera for (camera,) in self._query("SELECT DISTINCT camera FROM pieces ORDER BY camera")]

    def tracks(self, camera: str) -> Iterator[Track]:
        """The tracks of a camera that have boxes, by number."""
        for track_id, identity, score, margin in self._query(
            "SELECT track_id, identity, score, margin"
            " FROM (SELECT DISTINCT camera, track_id FROM pieces WHERE camera = ?)"
            " LEFT JOIN answers USING (camera, track_id) ORDER BY track_id",
            camera,
        ):
            yield Track(TrackletKey(camera, track_id), identity, score or 0.0, margin or 0.0)

    def boxes(self, key: TrackletKey) -> bytes:
        """All boxes of a track in order of time."""
        found = self._query("SELECT boxes FROM pieces WHERE camera = ? AND track_id = ? ORDER BY rowid", *key)
        return b"".join([boxes for (boxes,) in found])

    def answers(self) -> Iterator[Track]:
        """All tracks that have an answer, in any order."""
        for camera, track_id, *rest in self._query("SELECT camera, track_id, identity, score, margin FROM answers"):
            yield Track(TrackletKey(camera, track_id), *rest)

    def people(self) -> list[str]:
        """Who has tracks with boxes, in any order."""
        return [
            one for (one,) in self._query("SELECT DISTINCT identity FROM pieces JOIN answers USING (camera, track_id)")
        ]

    def members(self, place: Callable[[str], int]) -> Iterator[Member]:
        """The tracks of all people, by identity, then time, then `place` of the camera and number."""
        self._database.create_function("place", 1, place)
        for identity, camera, track_id, start_ns, end_ns in self._query(
            "SELECT identity, camera, track_id, MIN(start_ns) AS began_ns, MAX(end_ns)"
            " FROM pieces JOIN answers USING (camera, track_id) GROUP BY camera, track_id"
            " ORDER BY LENGTH(identity), identity, began_ns, place(camera), track_id"  # P9999 before P10000
        ):
            yield Member(identity, TrackletKey(camera, track_id), start_ns, end_ns)

    def links(self) -> Iterator[Link]:
        """All links, by the tracks that they lead from and to."""
        for camera, track_id, other_camera, other_track, score, evidence in self._query(
            "SELECT * FROM links ORDER BY source_camera, source_track, target_camera, target_track, rowid"
        ):
            source, target = TrackletKey(camera, track_id), TrackletKey(other_camera, other_track)
            yield Link(source, target, score, json.loads(evidence))

    def events(self) -> Iterator[IdentityEvent]:
        """All events in order of time."""
        for type_, timestamp_ns, identity, camera, track_id, other, reason in self._query(
            "SELECT * FROM events ORDER BY timestamp_ns, rowid"
        ):
            tracklet = None if camera is None else TrackletKey(camera, track_id)
            yield IdentityEvent(type_, timestamp_ns, identity, tracklet, other, reason)

    def count_answers(self) -> int:
        """How many tracks have an answer."""
        return int(next(self._query("SELECT COUNT(*) FROM answers"))[0])

    def count_crossings(self) -> int:
        """How many links lead from one camera to another."""
        return int(next(self._query("SELECT COUNT(*) FROM links WHERE source_camera <> target_camera"))[0])

    def close(self) -> None:
        """Give the disk back what it took; nothing may be asked any more."""
        self._database.close()

    def _query(self, statement: str, *values: Any) -> Iterator[Any]:
        with self._explained():
            yield from self._database.execute(statement, values)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say of SQLite's errors what is said of any file that cannot be written."""
        with writing(self._folder):
            try:
                yield
            except sqlite3.Error as error:
                full = "disk is full" in str(error)
                number, why = (errno.ENOSPC, os.strerror(errno.ENOSPC)) if full else (errno.EIO, str(error))
                raise OSError(number, why) from error
