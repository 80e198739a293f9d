"""Collects the boxes of a run and writes tracks.json; `read_tracks` is the way back.

The same steps and the same summary give the same bytes on any machine. Boxes wait in a temporary file, so memory holds
only an index of the tracklets and a run over days stays as small as one over minutes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

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
from reid_pipeline.types import EncodedStep, State, TrackedBoxes, TrackletKey

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

_ROWS = np.dtype([("frame", "<i8"), ("timestamp_ns", "<i8"), ("xyxy", "<f4", 4), ("score", "<f4")])
_SPILL_BOXES = 8192


@dataclass(slots=True)
class _Track:
    """Where the boxes of one track are in the temporary file: offset and length of each piece, in order of time."""

    start_ns: int
    end_ns: int = 0  # of the last box so far
    pieces: list[tuple[int, int]] = field(default_factory=list)


class _Frame(NamedTuple):
    """The boxes of one step, which wait in memory."""

    camera: str
    frame_index: int
    timestamp_ns: int
    tracked: TrackedBoxes


class TrackRecorder:
    """Takes every step of a run and writes tracks.json, as often as asked. Not for several threads at once."""

    def __init__(self, spool_dir: Path) -> None:
        """Start with nothing. The temporary file lies in `spool_dir` and has no name. Raises `RecordError`."""
        self._spool_dir = spool_dir
        self._tracks: dict[TrackletKey, _Track] = {}
        self._waiting: list[_Frame] = []
        self._boxes = 0  # that wait
        with writing(spool_dir):
            spool_dir.mkdir(parents=True, exist_ok=True)
            self._spool = tempfile.TemporaryFile(dir=spool_dir, buffering=0)  # noqa: SIM115 - lives as long as the recorder

    def add(self, step: EncodedStep) -> None:
        """Keep the boxes of one frame; a camera's frames come in order. Raises `RecordError` on a full disk."""
        if not len(step.tracked):
            return
        self._waiting.append(_Frame(step.camera, step.index, step.timestamp_ns, step.tracked))
        self._boxes += len(step.tracked)
        if self._boxes >= _SPILL_BOXES:
            self._spill()

    def write(self, path: Path, summary: RunSummary) -> None:
        """Replace `path` by a tracks.json of everything added so far; adding may go on afterwards.

        Args:
            path: the file; its folders are made.
            summary: what the run knows beside the boxes.

        Raises:
            RecordError: the file cannot be written; an older one is untouched.
            ValueError: boxes of a camera, or an identity, that the summary does not list.
        """
        self._spill()
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

    def _spill(self) -> None:
        """Move the waiting boxes to the temporary file, those of each track together."""
        if not self._waiting:
            return
        rows, keys, starts = _by_track(self._waiting)
        with writing(self._spool_dir):
            offset = self._spool.seek(0, 2)
            write_whole(self._spool, rows.tobytes())
        for key, start, end in zip(keys, starts, [*starts[1:], len(rows)], strict=True):
            track = self._tracks.setdefault(key, _Track(start_ns=int(rows["timestamp_ns"][start])))
            track.end_ns = int(rows["timestamp_ns"][end - 1])
            track.pieces.append((offset + start * _ROWS.itemsize, (end - start) * _ROWS.itemsize))
        self._waiting, self._boxes = [], 0

    def _rows(self, track: _Track) -> NDArray[np.void]:
        parts = []
        for offset, length in track.pieces:
            self._spool.seek(offset)
            parts.append(self._spool.read(length))
        return np.frombuffer(b"".join(parts), _ROWS)

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


def _by_track(frames: Sequence[_Frame]) -> tuple[NDArray[np.void], list[TrackletKey], list[int]]:
    """The boxes of all frames as rows, track after track: the rows, the tracks, and where each one's rows start."""
    counts = [len(frame.tracked) for frame in frames]
    rows = np.empty(sum(counts), _ROWS)
    rows["frame"] = np.repeat([frame.frame_index for frame in frames], counts)
    rows["timestamp_ns"] = np.repeat([frame.timestamp_ns for frame in frames], counts)
    rows["xyxy"] = np.concatenate([frame.tracked.xyxy for frame in frames])
    rows["score"] = np.concatenate([frame.tracked.score for frame in frames])
    names, of_frame = np.unique([frame.camera for frame in frames], return_inverse=True)
    camera = np.repeat(of_frame, counts)
    track_id = np.concatenate([frame.tracked.track_id for frame in frames])
    order = np.lexsort((track_id, camera))
    camera, track_id = camera[order], track_id[order]
    begins = np.append(True, (np.diff(camera) != 0) | (np.diff(track_id) != 0))
    starts = np.flatnonzero(begins)
    keys = zip(names[camera[starts]].tolist(), track_id[starts].tolist(), strict=True)
    return rows[order], [TrackletKey(*key) for key in keys], starts.tolist()
