"""Collects the boxes of a run and writes tracks.json; `read_tracks` is the way back.

The same steps and the same summary give the same bytes on any machine. Boxes wait in a temporary file, so memory holds
only an index of the tracklets and a run over days stays as small as one over minutes.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.records.document import (
    CameraRecord,
    IdentityRecord,
    ModelRecord,
    RunInfo,
    RunSummary,
    TrackletRecord,
    TracksDocument,
    TracksHead,
)
from reid_pipeline.records.files import replacing, write_whole, writing
from reid_pipeline.records.fixed import MS_PER_S, milliseconds
from reid_pipeline.records.reader import read_tracks, tracks_schema
from reid_pipeline.records.writer import write_document
from reid_pipeline.types import EncodedStep, State, TrackletKey

__all__ = [
    "CameraRecord",
    "IdentityRecord",
    "ModelRecord",
    "RunInfo",
    "RunSummary",
    "TrackRecorder",
    "TrackletRecord",
    "TracksDocument",
    "read_tracks",
    "tracks_schema",
]

_ROW = struct.Struct("<qq5f")
_ROWS = np.dtype([("frame", "<i8"), ("timestamp_ns", "<i8"), ("xyxy", "<f4", 4), ("score", "<f4")])
_SPILL_BYTES = 256 * _ROW.size


@dataclass(slots=True)
class _Track:
    """Where the boxes of one track are: pieces of the temporary file, then those that still wait in memory."""

    start_ns: int
    end_ns: int = 0  # of the last box so far
    pieces: list[tuple[int, int]] = field(default_factory=list)
    waiting: bytearray = field(default_factory=bytearray)


class TrackRecorder:
    """Takes every step of a run and writes tracks.json, as often as asked. Not for several threads at once."""

    def __init__(self, spool_dir: Path) -> None:
        """Start with nothing. The temporary file lies in `spool_dir` and has no name. Raises `RecordError`."""
        self._spool_dir = spool_dir
        self._tracks: dict[TrackletKey, _Track] = {}
        with writing(spool_dir):
            spool_dir.mkdir(parents=True, exist_ok=True)
            self._spool = tempfile.TemporaryFile(dir=spool_dir, buffering=0)  # noqa: SIM115 - lives as long as the recorder

    def add(self, step: EncodedStep) -> None:
        """Keep the boxes of one frame; a camera's frames come in order. Raises `RecordError` on a full disk."""
        tracked = step.tracked
        for track_id, xyxy, score in zip(
            tracked.track_id.tolist(), tracked.xyxy.tolist(), tracked.score.tolist(), strict=True
        ):
            key = TrackletKey(step.camera, track_id)
            track = self._tracks.get(key)
            if track is None:
                track = self._tracks[key] = _Track(start_ns=step.timestamp_ns)
            track.end_ns = step.timestamp_ns
            track.waiting += _ROW.pack(step.index, step.timestamp_ns, *xyxy, score)
            if len(track.waiting) >= _SPILL_BYTES:
                self._spill(track)
        for track_id in step.ended:
            ended = self._tracks.get(TrackletKey(step.camera, track_id))
            if ended is not None:
                self._spill(ended)

    def write(self, path: Path, summary: RunSummary) -> None:
        """Replace `path` by a tracks.json of everything added so far; adding may go on afterwards.

        Args:
            path: the file; its folders are made.
            summary: what the run knows beside the boxes.

        Raises:
            RecordError: the file cannot be written; an older one is untouched.
            ValueError: boxes of a camera, or an identity, that the summary does not list.
        """
        place = {camera.id: number for number, camera in enumerate(summary.cameras)}
        unknown = sorted({key.camera for key in self._tracks} - place.keys())
        if unknown:
            raise ValueError(f"cameras that the summary does not list: {', '.join(unknown)}")
        keys = sorted(self._tracks, key=lambda key: (place[key.camera], key.track_id))
        head = TracksHead(
            run=summary.run,
            cameras=tuple(summary.cameras),
            identities=tuple(self._identities(keys, summary)),
            links=tuple(sorted(summary.links, key=lambda link: (link.source, link.target))),
            events=tuple(sorted(summary.events, key=lambda event: event.timestamp_ns)),
        )
        with replacing(path) as unfinished, unfinished.open("w", encoding="ascii", newline="\n") as out:
            write_document(out, head, (self._tracklet(key, summary) for key in keys))

    def close(self) -> None:
        """Give the temporary file back to the disk; nothing may be added or written afterwards."""
        self._spool.close()

    def __enter__(self) -> TrackRecorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _spill(self, track: _Track) -> None:
        """Move the waiting boxes to the temporary file."""
        with writing(self._spool_dir):
            offset = self._spool.seek(0, 2)
            write_whole(self._spool, bytes(track.waiting))
        track.pieces.append((offset, len(track.waiting)))
        track.waiting = bytearray()

    def _rows(self, track: _Track) -> NDArray[np.void]:
        parts = []
        for offset, length in track.pieces:
            self._spool.seek(offset)
            parts.append(self._spool.read(length))
        return np.frombuffer(b"".join([*parts, track.waiting]), _ROWS)

    def _tracklet(self, key: TrackletKey, summary: RunSummary) -> TrackletRecord:
        rows = self._rows(self._tracks[key])
        x1, y1, x2, y2 = rows["xyxy"].astype(np.float64).T
        assigned = summary.assignments.get(key)
        return TrackletRecord(
            camera=key.camera,
            track_id=key.track_id,
            identity=assigned.identity if assigned else None,
            score=assigned.score if assigned else 0.0,
            margin=assigned.margin if assigned else 0.0,
            frame=rows["frame"].astype(np.int64),
            time_s=milliseconds(rows["timestamp_ns"]) / MS_PER_S,
            xywh=np.stack([x1, y1, x2 - x1, y2 - y1], axis=1),
            box_score=rows["score"].astype(np.float64),
        )

    def _identities(self, keys: list[TrackletKey], summary: RunSummary) -> Iterator[IdentityRecord]:
        """The identities of the tracklets, by id; they are derived from the tracklets so that both always agree."""
        states = {identity.id: identity.state for identity in summary.identities}
        members: dict[str, list[TrackletKey]] = {}
        for key in keys:
            if key in summary.assignments:
                members.setdefault(summary.assignments[key].identity, []).append(key)
        unknown = sorted(members.keys() - states.keys())
        if unknown:
            raise ValueError(f"identities that the summary does not list: {', '.join(unknown)}")
        for identity in sorted(members, key=lambda text: (len(text), text)):  # P9999 before P10000
            yield self._identity(identity, states[identity], members[identity])

    def _identity(self, identity: str, state: State, keys: list[TrackletKey]) -> IdentityRecord:
        keys = sorted(keys, key=lambda key: self._tracks[key].start_ns)
        return IdentityRecord(
            id=identity,
            state=state,
            cameras=tuple(dict.fromkeys(key.camera for key in keys)),
            first_seen_s=milliseconds(self._tracks[keys[0]].start_ns) / MS_PER_S,
            last_seen_s=milliseconds(max(self._tracks[key].end_ns for key in keys)) / MS_PER_S,
            tracklets=tuple(keys),
        )
