"""What is done by hand or by retention: merging, splitting, erasing and forgetting people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace

from reid_pipeline.gallery.database import Rows
from reid_pipeline.gallery.evidence import AuditLine, Removed, Sighting
from reid_pipeline.gallery.evidence_rows import delete_sightings, read_sightings
from reid_pipeline.gallery.people_rows import Writer, delete_people, insert_identities, read_identities
from reid_pipeline.gallery.placing import FOREVER_NS, digest
from reid_pipeline.types import Identity, TrackletKey

OLD_SIGHTINGS_PER_PERSON = 16
"""So many old sightings of people who stay are let go for each person that a purge may forget."""


def merge(rows: Rows, keep: Identity, away: Identity, writer: Writer) -> None:
    """Everything of `away` becomes `keep`'s, and stays so."""
    rows.change(
        "UPDATE prototypes SET identity = ?, writer = ?, change = ? WHERE identity = ?",
        *(keep.id, writer.name, writer.change, away.id),
    )
    rows.change("DELETE FROM identities WHERE id = ?", away.id)
    rows.change("DELETE FROM identities WHERE id = ? AND known_as = ?", keep.id, away.id)
    insert_identities(rows, [(keep.id, away)], writer)
    rename(rows, away.id, keep.id)


def rename(rows: Rows, former: str, identity: str) -> None:
    """Where the person was seen, and what was said of them by hand, is `identity`'s, who answers to both names."""
    rows.change("UPDATE sightings SET identity = ? WHERE identity = ?", identity, former)
    rows.change("UPDATE placements SET identity = ? WHERE identity = ?", identity, former)
    rows.change("UPDATE placements SET source = ? WHERE source = ?", identity, former)
    rows.change("DELETE FROM placements WHERE source = identity")
    rows.change("UPDATE aliases SET identity = ? WHERE identity = ?", identity, former)
    rows.change("INSERT INTO aliases (alias, identity) VALUES (?, ?)", former, identity)
    others = _strangers(rows, former)
    _delete_strangers(rows, former)
    for other in others:
        _add_strangers(rows, identity, other)


def reunite(rows: Rows, merged: Iterable[tuple[str, str]], writer: Writer) -> None:
    """Of a run's people some turned out to be others. Whom a hand has set apart meanwhile, or erased, stays so."""
    for former, identity in merged:
        keep = next(iter(read_identities(rows, identity)), None)
        if keep is None or identity in _strangers(rows, former):
            continue
        elsewhere = read_identities(rows, former)  # what other runs know of the former
        if elsewhere:
            merge(rows, keep, elsewhere[0], writer)
        else:
            rename(rows, former, identity)


def split(rows: Rows, person: Identity, leaving: Sequence[Sighting], new_id: str, hand: Writer) -> Identity:
    """The sightings, and the looks taken during them, become a new person; the two are never the same again."""
    for one in leaving:
        track = (one.run, one.tracklet.camera, one.tracklet.track_id)
        rows.change(
            "UPDATE prototypes SET identity = ?, writer = ?, change = ?"
            " WHERE identity = ? AND camera = ? AND timestamp_ns BETWEEN ? AND ?",
            *(new_id, hand.name, hand.change, person.id, one.tracklet.camera, one.start_ns, one.end_ns),
        )
        rows.change("UPDATE sightings SET identity = ? WHERE run = ? AND camera = ? AND track_id = ?", new_id, *track)
        rows.change("DELETE FROM placements WHERE run = ? AND camera = ? AND track_id = ?", *track)
        rows.change(
            "INSERT INTO placements (run, camera, track_id, source, identity, start_ns, end_ns)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(*track, person.id, new_id, one.start_ns, one.end_ns),
        )
    new = Identity(
        new_id,
        person.state,
        tuple(sorted({one.tracklet.camera for one in leaving})),
        min(one.start_ns for one in leaving),
        max(one.end_ns for one in leaving),
    )
    rows.change("DELETE FROM identities WHERE id = ?", person.id)
    insert_identities(rows, [(person.id, _what_is_left(rows, person, new)), (new_id, new)], hand)
    _add_strangers(rows, person.id, new_id)
    return new


def _what_is_left(rows: Rows, person: Identity, gone: Identity) -> Identity:
    """The person by the sightings and looks that remain, and by what was known of before those that left."""
    stay = read_sightings(rows, person.id)
    looks = rows.query("SELECT camera, timestamp_ns FROM prototypes WHERE identity = ?", person.id)
    cameras = {one.tracklet.camera for one in stay} | {camera for camera, _ in looks}
    times = [t for one in stay for t in (one.start_ns, one.end_ns)] + [t for _, t in looks]
    return replace(
        person,
        cameras=tuple(sorted(cameras | (set(person.cameras) - set(gone.cameras)))),
        first_seen_ns=person.first_seen_ns if person.first_seen_ns < gone.first_seen_ns else min(times),
        last_seen_ns=person.last_seen_ns if person.last_seen_ns > gone.last_seen_ns else max(times),
    )


def erase(rows: Rows, person: Identity) -> Removed:
    """Remove the person under every name; nobody who remembers them can bring them back."""
    return _remove(rows, person.id, dict.fromkeys((person.id, *aliases_of(rows, person.id)), FOREVER_NS))


def forget_expired(rows: Rows, before_ns: int, limit: int) -> tuple[tuple[str, ...], Removed]:
    """Remove people whom nobody has seen since, longest ago first, and old sightings of those who stay."""
    removed = Removed()
    people = expired(rows, before_ns, limit)
    for person in people:
        removed += _remove(
            rows, person.id, dict.fromkeys((person.id, *aliases_of(rows, person.id)), person.last_seen_ns)
        )
    old = rows.query(
        "SELECT run, camera, track_id FROM sightings WHERE end_ns < ? ORDER BY end_ns LIMIT ?",
        *(before_ns, limit * OLD_SIGHTINGS_PER_PERSON),
    )
    sightings, links = delete_sightings(rows, [(run, TrackletKey(camera, track)) for run, camera, track in old])
    removed += Removed(tracklets=sightings, links=links)
    return tuple(person.id for person in people), removed


def expired(rows: Rows, before_ns: int, limit: int) -> list[Identity]:
    """People last seen before the moment, longest ago first."""
    found = rows.query(
        "SELECT id, MAX(last_seen_ns) AS seen_ns FROM identities WHERE last_seen_ns < ? AND NOT EXISTS"
        " (SELECT 1 FROM identities AS other WHERE other.id = identities.id AND other.last_seen_ns >= ?)"
        " GROUP BY id ORDER BY seen_ns, id LIMIT ?",
        *(before_ns, before_ns, limit),
    )
    return [person for id_, _ in found for person in read_identities(rows, id_)]


def has_old_sightings(rows: Rows, before_ns: int) -> bool:
    """Whether a purge would find sightings to let go."""
    return bool(rows.query("SELECT 1 FROM sightings WHERE end_ns < ? LIMIT 1", before_ns))


def write_audit(rows: Rows, at_ns: int, action: str, counts: Mapping[str, int]) -> None:
    """Add a line that says what was done, and not to whom."""
    rows.change(
        "INSERT INTO audit (at_ns, action, counts) VALUES (?, ?, ?)",
        *(at_ns, action, json.dumps(counts, sort_keys=True)),
    )


def read_audit(rows: Rows) -> tuple[AuditLine, ...]:
    """All lines, the oldest first."""
    found = rows.query("SELECT at_ns, action, counts FROM audit ORDER BY number")
    return tuple(AuditLine(at_ns, action, json.loads(counts)) for at_ns, action, counts in found)


def counts_of(removed: Removed) -> dict[str, int]:
    """The figures by name, for an audit line."""
    return asdict(removed)


def aliases_of(rows: Rows, identity: str) -> tuple[str, ...]:
    """Names that were merged away into the person's."""
    found = rows.query("SELECT alias FROM aliases WHERE identity = ? ORDER BY alias", identity)
    return tuple(alias for (alias,) in found)


def strangers_of(rows: Rows, identity: str) -> tuple[str, ...]:
    """Whom the person must never be taken for."""
    return tuple(_strangers(rows, identity))


def _remove(rows: Rows, identity: str, until_ns: Mapping[str, int]) -> Removed:
    sightings, links = delete_sightings(rows, [(one.run, one.tracklet) for one in read_sightings(rows, identity)])
    vectors = delete_people(rows, [identity])
    rows.change("DELETE FROM placements WHERE identity = ? OR source = ?", identity, identity)
    rows.change("DELETE FROM aliases WHERE identity = ?", identity)
    _delete_strangers(rows, identity)
    _remember_gone(rows, until_ns.items())
    return Removed(people=1, vectors=vectors, tracklets=sightings, links=links)


def _remember_gone(rows: Rows, until_ns: Iterable[tuple[str, int]]) -> None:
    rows.change_each(
        "INSERT INTO gone (digest, until_ns) VALUES (?, ?)"
        " ON CONFLICT (digest) DO UPDATE SET until_ns = excluded.until_ns",
        [(digest(name), until) for name, until in until_ns],
    )


def _strangers(rows: Rows, identity: str) -> list[str]:
    pairs = rows.query("SELECT identity, other FROM strangers WHERE identity = ? OR other = ?", identity, identity)
    return sorted(b if a == identity else a for a, b in pairs)


def _delete_strangers(rows: Rows, identity: str) -> None:
    rows.change("DELETE FROM strangers WHERE identity = ? OR other = ?", identity, identity)


def _add_strangers(rows: Rows, one: str, other: str) -> None:
    if one != other:
        pair = (min(one, other), max(one, other))
        rows.change("INSERT INTO strangers (identity, other) VALUES (?, ?) ON CONFLICT DO NOTHING", *pair)
