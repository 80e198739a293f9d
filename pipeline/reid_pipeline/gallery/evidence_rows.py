"""The rows of runs, sightings and links."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from reid_pipeline.gallery.database import Row, Rows
from reid_pipeline.gallery.evidence import Evidence, RunEntry, RunLink, Sighting
from reid_pipeline.gallery.placing import Placing
from reid_pipeline.types import Link, State, TrackletKey

_SIGHTINGS = "SELECT run, camera, track_id, identity, start_ns, end_ns, score, margin, state, reason FROM sightings"
_LINKS = "SELECT run, source_camera, source_track, target_camera, target_track, score, evidence FROM links"
_OF_SOURCE = "run = ? AND source_camera = ? AND source_track = ?"
_OF_TARGET = "run = ? AND target_camera = ? AND target_track = ?"


def write_evidence(rows: Rows, evidence: Evidence) -> None:
    """Keep the evidence, as far as it is about people who are in the gallery."""
    run = evidence.run
    rows.change(
        "INSERT INTO runs (run, folder, journal, started_ns) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (run, folder) DO UPDATE SET journal = excluded.journal, started_ns = excluded.started_ns",
        *(run.run, run.folder, run.journal, run.started_ns),
    )
    placing = Placing(rows)
    placed = {
        TrackletKey(camera, track_id): identity
        for camera, track_id, identity in rows.query(
            "SELECT camera, track_id, identity FROM placements WHERE run = ?", run.run
        )
    }
    rows.change_each(
        "DELETE FROM sightings WHERE run = ? AND camera = ? AND track_id = ?",
        [(run.run, one.tracklet.camera, one.tracklet.track_id) for one in evidence.sightings],
    )
    rows.change_each(
        "INSERT INTO sightings (identity, run, camera, track_id, start_ns, end_ns, score, margin, state, reason)"
        " SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM identities WHERE id = ?)",
        [_sighting_row(one, placed.get(one.tracklet) or placing.person(one.identity)) for one in evidence.sightings],
    )
    _write_links(rows, run.run, evidence.links)


def _sighting_row(one: Sighting, identity: str) -> Row:
    track = (one.run, one.tracklet.camera, one.tracklet.track_id)
    measured = (int(one.start_ns), int(one.end_ns), float(one.score), float(one.margin))
    return identity, *track, *measured, one.state.value, one.reason, identity


def _write_links(rows: Rows, run: str, links: Sequence[Link]) -> None:
    """Links between tracks that are on record."""
    if not links:
        return  # a run tells of its tracks every two seconds, and of links at its end
    known = {
        TrackletKey(camera, track_id)
        for camera, track_id in rows.query("SELECT camera, track_id FROM sightings WHERE run = ?", run)
    }
    kept = [link for link in links if link.source in known and link.target in known]
    ends = [(run, a.camera, a.track_id, b.camera, b.track_id) for a, b in ((k.source, k.target) for k in kept)]
    rows.change_each(f"DELETE FROM links WHERE {_OF_SOURCE} AND target_camera = ? AND target_track = ?", ends)
    rows.change_each(
        "INSERT INTO links (run, source_camera, source_track, target_camera, target_track, score, evidence)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (*end, float(link.score), json.dumps(link.evidence, sort_keys=True))
            for end, link in zip(ends, kept, strict=True)
        ],
    )


def read_sightings(rows: Rows, identity: str) -> tuple[Sighting, ...]:
    """Where the person was seen, in order of time."""
    found = rows.query(f"{_SIGHTINGS} WHERE identity = ? ORDER BY start_ns, run, camera, track_id", identity)
    return tuple(
        Sighting(run, TrackletKey(camera, track_id), id_, start_ns, end_ns, score, margin, State(state), reason)
        for run, camera, track_id, id_, start_ns, end_ns, score, margin, state, reason in found
    )


def read_links(rows: Rows, sightings: Iterable[Sighting]) -> tuple[RunLink, ...]:
    """The links between two of these sightings, in the order of the second."""
    own = {(one.run, one.tracklet): number for number, one in enumerate(sightings)}
    found: list[RunLink] = []
    for run, tracklet in own:
        for _, camera, track, other_camera, other_track, score, evidence in rows.query(
            f"{_LINKS} WHERE {_OF_SOURCE}", run, tracklet.camera, tracklet.track_id
        ):
            link = Link(TrackletKey(camera, track), TrackletKey(other_camera, other_track), score, json.loads(evidence))
            if (run, link.target) in own:
                found.append(RunLink(run, link))
    return tuple(sorted(found, key=lambda one: (own[one.run, one.link.target], own[one.run, one.link.source])))


def read_runs(rows: Rows) -> tuple[RunEntry, ...]:
    """All runs on record, the earliest first."""
    found = rows.query("SELECT run, folder, journal, started_ns FROM runs ORDER BY started_ns, run, folder")
    return tuple(RunEntry(run, folder, journal, started_ns) for run, folder, journal, started_ns in found)


def delete_sightings(rows: Rows, tracks: Iterable[tuple[str, TrackletKey]]) -> tuple[int, int]:
    """Remove the sightings and every link to or from them; returns how many of each."""
    sightings = links = 0
    for run, key in tracks:
        track = (run, key.camera, key.track_id)
        for end in (_OF_SOURCE, _OF_TARGET):
            links += rows.change(f"DELETE FROM links WHERE {end}", *track)
        sightings += rows.change("DELETE FROM sightings WHERE run = ? AND camera = ? AND track_id = ?", *track)
    return sightings, links
