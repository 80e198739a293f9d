"""The rows of people and their looks: read together over all writers, replaced by one of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from reid_pipeline.gallery.database import PlainVector, Row, Rows
from reid_pipeline.gallery.placing import FOREVER_NS, Placing
from reid_pipeline.gallery.sealing import Seal
from reid_pipeline.types import Float32, GalleryChange, Identity, Prototype, State

_STORED = np.dtype("<f4")
_IDENTITIES = "SELECT id, state, cameras, first_seen_ns, last_seen_ns FROM identities"
_LOOKS = "SELECT identity, camera, timestamp_ns, quality, vector, known_as, writer FROM prototypes"


@dataclass(frozen=True, slots=True)
class Codec:
    """Between vectors and what the database holds of them; `dim` is None while nothing was committed."""

    seal: Seal | None

    def store(self, vector: Float32) -> object:
        """The vector as a value for a statement."""
        plain = vector.astype(_STORED).tobytes()
        return PlainVector(plain) if self.seal is None else self.seal.close(plain)

    def load(self, stored: bytes, dim: int | None) -> Float32:
        """The vector. Raises `ValueError` where the bytes do not fit."""
        plain = stored if self.seal is None else self.seal.open(stored)
        wanted = (dim or 0) * _STORED.itemsize
        if len(plain) != wanted:
            raise ValueError(f"a vector has {len(plain)} bytes instead of {wanted}")
        return np.frombuffer(plain, _STORED).astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, in which transaction, and up to which one it knows the others' rows."""

    name: str
    change: int
    known: int


def read_identities(rows: Rows, only: str | None = None) -> tuple[Identity, ...]:
    """Everybody by id, or the one named; what several writers know of a person is put together."""
    where, values = (" WHERE id = ?", (only,)) if only is not None else ("", ())
    people: dict[str, Identity] = {}
    for id_, state, cameras, first_seen_ns, last_seen_ns in rows.query(f"{_IDENTITIES}{where} ORDER BY id", *values):
        found = Identity(id_, State(state), tuple(json.loads(cameras)), first_seen_ns, last_seen_ns)
        people[id_] = joined(people[id_], found) if id_ in people else found
    return tuple(people.values())


def joined(one: Identity, other: Identity) -> Identity:
    """Both as one person, called as the first."""
    both = {*one.cameras, *other.cameras}
    return Identity(
        one.id,
        State.CONFIRMED if State.CONFIRMED in (one.state, other.state) else State.PROVISIONAL,
        one.cameras if both == {*one.cameras} else tuple(sorted(both)),
        min(one.first_seen_ns, other.first_seen_ns),
        max(one.last_seen_ns, other.last_seen_ns),
    )


def read_prototypes(rows: Rows, codec: Codec, dim: int | None, only: str | None = None) -> tuple[Prototype, ...]:
    """All looks by identity, camera and time; the same look kept by two writers is there once."""
    where, values = (" WHERE identity = ?", (only,)) if only is not None else ("", ())
    order = " ORDER BY identity, camera, timestamp_ns, look"
    looks: list[Prototype] = []
    keepers: dict[tuple[object, ...], tuple[str, str]] = {}
    for identity, camera, timestamp_ns, quality, stored, known_as, writer in rows.query(
        _LOOKS + where + order, *values
    ):
        look = Prototype(identity, camera, timestamp_ns, quality, codec.load(bytes(stored), dim))
        keeper = (known_as, writer)
        if looks and looks[-1].identity != identity:
            keepers.clear()
        if keepers.setdefault((camera, timestamp_ns, quality, look.vector.tobytes()), keeper) == keeper:
            looks.append(look)
    return tuple(looks)


def apply_change(rows: Rows, change: GalleryChange, writer: Writer, codec: Codec) -> None:
    """Replace what the writer knows of the people named, and add what it says of them now."""
    placing = Placing(rows)
    names = [*change.removed, *(identity.id for identity in change.identities)]
    for table, owner in (("prototypes", "identity"), ("identities", "id")):
        rows.change_each(
            f"DELETE FROM {table} WHERE known_as = ? AND writer = ?", [(name, writer.name) for name in names]
        )
        rows.change_each(f"DELETE FROM {table} WHERE {owner} = ? AND change <= ?", [(n, writer.known) for n in names])
    until_ns = {i.id: placing.gone_until_ns(placing.person(i.id)) for i in change.identities}
    welcome = [i for i in change.identities if i.last_seen_ns > (until_ns[i.id] or -FOREVER_NS)]
    insert_identities(rows, [(placing.person(i.id), _since(i, until_ns[i.id])) for i in welcome], writer)
    looks = [
        (placing.owner(look.identity, look.camera, look.timestamp_ns), look)
        for look in change.prototypes
        if look.timestamp_ns > (until_ns[look.identity] or -FOREVER_NS)
    ]
    # int() and float(): drivers would store numpy scalars as something else
    rows.change_each(
        "INSERT INTO prototypes (identity, known_as, writer, change, camera, timestamp_ns, quality, vector)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(owner, look.identity, writer.name, writer.change),
                *(look.camera, int(look.timestamp_ns), float(look.quality), codec.store(look.vector)),
            )
            for owner, look in looks
        ],
    )


def insert_identities(rows: Rows, people: Sequence[tuple[str, Identity]], writer: Writer) -> None:
    """Add rows of who a person is now, with the id that the writer knows them by."""
    rows.change_each(
        "INSERT INTO identities (id, known_as, writer, change, state, cameras, first_seen_ns, last_seen_ns)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(name, i.id, writer.name, writer.change, *_fields(i)) for name, i in people],
    )


def delete_people(rows: Rows, ids: Iterable[str]) -> int:
    """Remove the people and their looks; returns how many looks there were."""
    vectors = 0
    for id_ in ids:
        vectors += rows.change("DELETE FROM prototypes WHERE identity = ?", id_)
        rows.change("DELETE FROM identities WHERE id = ?", id_)
    return vectors


def _fields(identity: Identity) -> Row:
    seen = (int(identity.first_seen_ns), int(identity.last_seen_ns))
    return identity.state.value, json.dumps(identity.cameras), *seen


def _since(identity: Identity, until_ns: int | None) -> Identity:
    """The identity without the time before it was forgotten."""
    if until_ns is None or identity.first_seen_ns > until_ns:
        return identity
    first_ns = until_ns + 1
    return Identity(identity.id, identity.state, identity.cameras, first_ns, max(first_ns, identity.last_seen_ns))
