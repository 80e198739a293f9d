"""The tables of a gallery, the same in every database.

Whose a row is, and how processes that share a gallery stay out of each other's way:

- `identity` (`id` in `identities`) is the person as of now; `known_as` the id under which the writer knows them, which
  differs after a merge or split by hand. `writer` is the process that wrote the row, `change` numbers its transaction.
- A writer replaces only what it knows: its own rows, and those it found when it last took a snapshot. So a person can
  have rows of several writers; readers see them together.
- `gone` holds digests of ids that were erased or expired, and up to when: a process that still remembers the person
  cannot bring that back.
- `blocks` hands out numbers for new people: each process that writes has a block of its own.
"""

from __future__ import annotations

SCHEMA_VERSION = 2

BLOCK_SIZE = 1_000_000
"""Numbers of new people in a block; who joins a gallery that is being written begins at the next million."""

COLUMNS = {
    "meta": "key, value",
    "blocks": "number, next_number, writer, run, alive_s",
    "identities": "id, known_as, writer, change, state, cameras, first_seen_ns, last_seen_ns",
    "prototypes": "look, identity, known_as, writer, change, camera, timestamp_ns, quality, vector",
    "runs": "run, folder, journal, started_ns",
    "sightings": "run, camera, track_id, identity, start_ns, end_ns, score, margin, state, reason",
    "links": "run, source_camera, source_track, target_camera, target_track, score, evidence",
    "aliases": "alias, identity",
    "strangers": "identity, other",
    "placements": "run, camera, track_id, source, identity, start_ns, end_ns",
    "gone": "digest, until_ns",
    "audit": "number, at_ns, action, counts",
}
"""Every table and its columns, in the order of a backup."""

_TABLES = """
CREATE TABLE meta (key {text} PRIMARY KEY, value {text} NOT NULL){keyed};
CREATE TABLE blocks (
    number {integer} PRIMARY KEY,
    next_number {integer} NOT NULL,
    writer {text},                       -- null while nobody writes
    run {text},
    alive_s {real} NOT NULL
);
CREATE TABLE identities (
    id {text} NOT NULL,
    known_as {text} NOT NULL,
    writer {text} NOT NULL,
    change {integer} NOT NULL,
    state {text} NOT NULL,
    cameras {text} NOT NULL,             -- a JSON list
    first_seen_ns {integer} NOT NULL,
    last_seen_ns {integer} NOT NULL,
    PRIMARY KEY (id, known_as, writer)
){keyed};
CREATE INDEX identities_by_age ON identities (last_seen_ns);
CREATE INDEX identities_by_name ON identities (known_as);
CREATE TABLE prototypes (
    look {serial},
    identity {text} NOT NULL,
    known_as {text} NOT NULL,
    writer {text} NOT NULL,
    change {integer} NOT NULL,
    camera {text} NOT NULL,
    timestamp_ns {integer} NOT NULL,
    quality {real} NOT NULL,
    vector {vector} NOT NULL             -- float32, little-endian, or sealed
);
CREATE INDEX prototypes_in_order ON prototypes (identity, camera, timestamp_ns);
CREATE INDEX prototypes_by_name ON prototypes (known_as);
CREATE TABLE runs (
    run {text} NOT NULL,
    folder {text} NOT NULL,
    journal {text} NOT NULL,
    started_ns {integer} NOT NULL,
    PRIMARY KEY (run, folder)
){keyed};
CREATE TABLE sightings (
    run {text} NOT NULL,
    camera {text} NOT NULL,
    track_id {integer} NOT NULL,
    identity {text} NOT NULL,
    start_ns {integer} NOT NULL,
    end_ns {integer} NOT NULL,
    score {real} NOT NULL,
    margin {real} NOT NULL,
    state {text} NOT NULL,
    reason {text} NOT NULL,
    PRIMARY KEY (run, camera, track_id)
){keyed};
CREATE INDEX sightings_by_identity ON sightings (identity);
CREATE INDEX sightings_by_age ON sightings (end_ns);
CREATE TABLE links (
    run {text} NOT NULL,
    source_camera {text} NOT NULL,
    source_track {integer} NOT NULL,
    target_camera {text} NOT NULL,
    target_track {integer} NOT NULL,
    score {real} NOT NULL,
    evidence {text} NOT NULL,            -- a JSON object
    PRIMARY KEY (run, source_camera, source_track, target_camera, target_track)
){keyed};
CREATE INDEX links_by_target ON links (run, target_camera, target_track);
CREATE TABLE aliases (alias {text} PRIMARY KEY, identity {text} NOT NULL){keyed};
CREATE TABLE strangers (identity {text} NOT NULL, other {text} NOT NULL, PRIMARY KEY (identity, other)){keyed};
CREATE TABLE placements (
    run {text} NOT NULL,
    camera {text} NOT NULL,
    track_id {integer} NOT NULL,
    source {text} NOT NULL,              -- whose the track had been
    identity {text} NOT NULL,
    start_ns {integer} NOT NULL,
    end_ns {integer} NOT NULL,
    PRIMARY KEY (run, camera, track_id)
){keyed};
CREATE TABLE gone (digest {text} PRIMARY KEY, until_ns {integer} NOT NULL){keyed};
CREATE TABLE audit (number {serial}, at_ns {integer} NOT NULL, action {text} NOT NULL, counts {text} NOT NULL);
INSERT INTO blocks (number, next_number, alive_s) VALUES (0, 1, 0);
"""

SQLITE_TYPES = {
    "text": "TEXT",
    "integer": "INTEGER",
    "real": "REAL",
    "vector": "BLOB",
    "serial": "INTEGER PRIMARY KEY",
    "keyed": " WITHOUT ROWID",
}


def tables(types: dict[str, str]) -> str:
    """The statements that lay out an empty gallery, in a database's own words for the types."""
    return _TABLES.format(**types)
