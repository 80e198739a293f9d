"""Takes a person out of what a run has written: tracks, events, crops, journal, overlay and exports.

Whatever is rewritten replaces the old file when it is whole, so that erasing that fails half-way can be done again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from reid_pipeline.core.splitting import before_cuts
from reid_pipeline.errors import RecordError
from reid_pipeline.records.crops import saved_crops
from reid_pipeline.records.document import TracksDocument
from reid_pipeline.records.export import export
from reid_pipeline.records.export_list import noted_exports
from reid_pipeline.records.files import reading, replacing, writing
from reid_pipeline.records.journal import JournalWriter, read_journal
from reid_pipeline.records.tracks import read_tracks
from reid_pipeline.records.writer import write_document
from reid_pipeline.types import EncodedStep, TrackedBoxes, TrackletKey

Tracklets = frozenset[TrackletKey]
TracksOfRun = Mapping[str, Tracklets]


@dataclass(frozen=True, slots=True)
class Purged:
    """How much was taken out of files. Holds nothing personal."""

    folders: int = 0
    missing_folders: int = 0
    tracklets: int = 0
    events: int = 0
    crops: int = 0
    observations: int = 0
    videos: int = 0
    exports: int = 0

    def __add__(self, other: Purged) -> Purged:
        return Purged(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


def purge_folder(folder: Path, names: Collection[str], tracks: TracksOfRun) -> tuple[Purged, TracksOfRun]:
    """Take a person out of a run's folder.

    Args:
        folder: where one or more runs wrote; one that is gone is counted as missing.
        names: the person's id and every id that was merged into it.
        tracks: the person's tracks in each run, as the gallery knows them.

    Returns:
        How much that was, and the tracks with those added that only the files knew of.

    Raises:
        RecordError: something in the folder cannot be read or written; nothing of that file has changed.
    """
    if not folder.is_dir():
        return Purged(missing_folders=1), tracks
    own = dict(tracks)
    done = Purged(folders=1)
    if (folder / "events.jsonl").exists():
        run, theirs, events = _purge_events(folder / "events.jsonl", names, tracks)
        own[run] = own.get(run, Tracklets()) | theirs
        done += Purged(events=events)
    if (folder / "tracks.json").exists():
        run, theirs, exports = _purge_tracks(folder, names, own)
        own[run] = own.get(run, Tracklets()) | theirs
        done += Purged(tracklets=len(theirs), exports=exports)
    everywhere = Tracklets().union(*own.values())
    done += Purged(crops=_delete_crops(folder, everywhere))
    overlay = folder / "overlay.mp4"
    if everywhere and overlay.exists():  # nobody can be cut out of a video
        with writing(overlay):
            overlay.unlink()
        done += Purged(videos=1)
    return done, own


def purge_journal(path: Path, tracklets: Tracklets) -> Purged:
    """Take tracks out of a journal: their boxes and their vectors. Raises `RecordError`."""
    if not path.exists():
        return Purged()
    header, steps = read_journal(path)
    taken = 0
    with replacing(path) as unfinished, JournalWriter(unfinished, header) as rest:
        try:
            for step in steps:
                left = _step_without(step, tracklets)
                taken += len(step.observations) - len(left.observations)
                rest.write(left)
        except RecordError:
            pass  # a journal that was cut off: its whole steps are kept, and what is behind them is not
        rest.close(steps.dropped)
    return Purged(observations=taken)


def without(document: TracksDocument, names: Collection[str], tracklets: Collection[TrackletKey]) -> TracksDocument:
    """The document as if the person had not been there."""
    stay = [
        replace(identity, tracklets=tuple(key for key in identity.tracklets if key not in tracklets))
        for identity in document.identities
        if identity.id not in names
    ]
    return TracksDocument(
        run=document.run,
        cameras=document.cameras,
        identities=tuple(identity for identity in stay if identity.tracklets),
        links=tuple(k for k in document.links if k.source not in tracklets and k.target not in tracklets),
        events=tuple(
            event
            for event in document.events
            if event.identity not in names and event.other not in names and event.tracklet not in tracklets
        ),
        tracklets=tuple(t for t in document.tracklets if t.key not in tracklets),
    )


def _purge_tracks(folder: Path, names: Collection[str], tracks: TracksOfRun) -> tuple[str, Tracklets, int]:
    """Drop the person's tracks; returns the run, the tracks that were there, and the number of exports made again."""
    path = folder / "tracks.json"
    document = read_tracks(path)
    known = tracks.get(document.run.id, Tracklets())
    theirs = frozenset(t.key for t in document.tracklets if t.identity in names or t.key in known)
    left = without(document, names, theirs)
    if theirs or len(left.events) < len(document.events):
        with replacing(path) as unfinished, unfinished.open("w", encoding="ascii", newline="\n") as out:
            write_document(out, left, left.tracklets)
    return document.run.id, theirs, _export_again(folder, left)


def _export_again(folder: Path, document: TracksDocument) -> int:
    """Make the exports that are still there once more; returns how many."""
    there = [noted for noted in noted_exports(folder) if noted.path.exists()]
    for noted in there:
        export(document, noted.format, noted.path)
    return len(there)


def _purge_events(path: Path, names: Collection[str], tracks: TracksOfRun) -> tuple[str, Tracklets, int]:
    """Drop the person's lines; returns the run, the tracks that were theirs in the end, and the number of lines."""
    with reading(path):
        lines = path.read_bytes().splitlines(keepends=True)
    events = [_parsed(line) for line in lines]
    run = next((event.get("run", "") for event in events if event.get("type") == "run_started"), "")
    last = {e["tracklet"]: e["identity"] for e in events if "tracklet" in e and "identity" in e}
    theirs = {name for name, identity in last.items() if identity in names}
    theirs |= {str(key) for key in tracks.get(run, Tracklets())}
    stay = [
        line
        for line, event in zip(lines, events, strict=True)
        if event.get("tracklet") not in theirs
        and event.get("identity") not in names
        and event.get("other") not in names
    ]
    if len(stay) < len(lines):
        with replacing(path) as unfinished:
            unfinished.write_bytes(b"".join(stay))
    return run, frozenset(_key(name) for name in theirs), len(lines) - len(stay)


def _parsed(line: bytes) -> dict[str, str]:
    try:
        event = json.loads(line)
    except ValueError:  # the last line of a run that was killed
        return {}
    return event if isinstance(event, dict) else {}


def _key(name: str) -> TrackletKey:
    camera, _, track_id = name.rpartition(":")
    return TrackletKey(camera, int(track_id))


def _delete_crops(folder: Path, tracklets: Tracklets) -> int:
    # Several tracklets may be parts of one track, whose crops are to be deleted once.
    found = sorted({path for key in tracklets for path in saved_crops(folder, key)})
    for path in found:
        with writing(path):
            path.unlink()
    return len(found)


def _step_without(step: EncodedStep, tracklets: Tracklets) -> EncodedStep:
    # A journal and its crops are older than any cut, so a person's part of a track takes the whole track along.
    own = {before_cuts(key.track_id) for key in tracklets if key.camera == step.camera}
    if own.isdisjoint((*step.tracked.track_id.tolist(), *step.ended, *(o.track_id for o in step.observations))):
        return step
    keep = ~np.isin(step.tracked.track_id, sorted(own))
    return replace(
        step,
        tracked=TrackedBoxes(step.tracked.xyxy[keep], step.tracked.score[keep], step.tracked.track_id[keep]),
        observations=tuple(one for one in step.observations if one.track_id not in own),
        ended=tuple(track_id for track_id in step.ended if track_id not in own),
    )
