"""Collects what a run sees and decides, and writes tracks.json; `read_tracks` is the way back.

The same steps, decisions and summary give the same bytes on any machine. All of it waits in a temporary file, so what
is recorded of a run over days takes no more memory than of one over minutes.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.standing import Decisions
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
from reid_pipeline.records.files import replacing
from reid_pipeline.records.fixed import MS_PER_S, milliseconds
from reid_pipeline.records.reader import read_tracks, tracks_schema
from reid_pipeline.records.spool import Member, Piece, Spool, Track
from reid_pipeline.records.writer import write_document
from reid_pipeline.types import EncodedStep, Link, State, TrackedBoxes, TrackletKey

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
_SPILL_BOXES, _SPILL_DECISIONS = 8192, 1024


class _Frame(NamedTuple):
    """The boxes of one step, which wait in memory."""

    camera: str
    frame_index: int
    timestamp_ns: int
    tracked: TrackedBoxes


class TrackRecorder:
    """Takes what a run sees and decides, and writes tracks.json, as often as asked. Not for several threads at once."""

    def __init__(self, spool_dir: Path) -> None:
        """Start with nothing. The temporary file lies in `spool_dir` and has no name. Raises `RecordError`."""
        self._spool = Spool(spool_dir)
        self._waiting: list[_Frame] = []
        self._boxes = 0  # that wait
        self._decisions = Decisions()  # that wait, without assignments

    def add(self, step: EncodedStep) -> None:
        """Keep the boxes of one frame; a camera's frames come in order. Raises `RecordError` on a full disk."""
        if not len(step.tracked):
            return
        self._waiting.append(_Frame(step.camera, step.index, step.timestamp_ns, step.tracked))
        self._boxes += len(step.tracked)
        if self._boxes >= _SPILL_BOXES:
            self._spill()

    def keep(self, decisions: Decisions) -> None:
        """Keep events and what was decided for good. Raises `RecordError` on a full disk."""
        waiting = self._decisions
        waiting.settled += decisions.settled
        waiting.links += decisions.links
        waiting.events += decisions.events
        if len(waiting.settled) + len(waiting.links) + len(waiting.events) >= _SPILL_DECISIONS:
            self._spill()

    def answers(self) -> dict[TrackletKey, str]:
        """Who each tracklet is of which that was decided for good; raises `RecordError` like whatever asks."""
        self._spill()
        return {track.key: track.identity for track in self._spool.answers() if track.identity is not None}

    def links(self) -> Iterator[Link]:
        """The links between tracklets."""
        self._spill()
        return self._spool.links()

    def count_tracklets(self) -> int:
        """Of how many tracklets it was decided for good who they are."""
        self._spill()
        return self._spool.count_answers()

    def count_crossings(self) -> int:
        """How many links lead from one camera to another."""
        self._spill()
        return self._spool.count_crossings()

    def write(self, path: Path, summary: RunSummary) -> None:
        """Replace `path` by a tracks.json of everything added so far; adding may go on afterwards.

        Args:
            path: the file; its folders are made.
            summary: what the run knows beside that.

        Raises:
            RecordError: the file cannot be written; an older one is untouched.
            ValueError: boxes of a camera, or an identity, that the summary does not list.
        """
        self._spill()
        self._spool.rename(summary.now)
        states = {identity.id: identity.state for identity in summary.identities}
        _refuse("cameras", self._spool.cameras(), [camera.id for camera in summary.cameras])
        _refuse("identities", self._spool.people(), states)
        head = TracksHead(
            run=summary.run,
            cameras=summary.cameras,
            identities=self._identities(summary.cameras, states),
            links=self._spool.links(),
            events=self._spool.events(),
        )
        with replacing(path) as unfinished, unfinished.open("w", encoding="ascii", newline="\n") as out:
            write_document(out, head, self._tracklets(summary.cameras))

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
        """Move what waits to the temporary file, the boxes of each track together."""
        self._spool.add(_by_track(self._waiting), self._decisions)
        self._waiting, self._boxes, self._decisions = [], 0, Decisions()

    def _tracklets(self, cameras: Iterable[CameraRecord]) -> Iterator[TrackletRecord]:
        for camera in cameras:
            for track in self._spool.tracks(camera.id):
                yield _tracklet(track, np.frombuffer(self._spool.boxes(track.key), _ROWS))

    def _identities(self, cameras: Sequence[CameraRecord], states: Mapping[str, State]) -> Iterator[IdentityRecord]:
        """The identities of the tracklets, by id; they are derived from the tracklets so that both always agree."""
        place = {camera.id: number for number, camera in enumerate(cameras)}
        for identity, members in groupby(self._spool.members(place.__getitem__), key=lambda member: member.identity):
            yield _identity(identity, states[identity], list(members))


def _refuse(what: str, found: Iterable[str], listed: Container[str]) -> None:
    unknown = sorted(name for name in found if name not in listed)
    if unknown:
        raise ValueError(f"{what} that the summary does not list: {', '.join(unknown)}")


def _tracklet(track: Track, rows: NDArray[np.void]) -> TrackletRecord:
    x1, y1, x2, y2 = rows["xyxy"].astype(np.float64).T
    return TrackletRecord(
        camera=track.key.camera,
        track_id=track.key.track_id,
        identity=track.identity,
        score=track.score,
        margin=track.margin,
        frame=rows["frame"].astype(np.int64),
        time_s=milliseconds(rows["timestamp_ns"]) / MS_PER_S,
        xywh=np.stack([x1, y1, x2 - x1, y2 - y1], axis=1),
        box_score=rows["score"].astype(np.float64),
    )


def _identity(identity: str, state: State, members: Sequence[Member]) -> IdentityRecord:
    """Members come in order of time."""
    return IdentityRecord(
        id=identity,
        state=state,
        cameras=tuple(dict.fromkeys(member.key.camera for member in members)),
        first_seen_s=milliseconds(members[0].start_ns) / MS_PER_S,
        last_seen_s=milliseconds(max(member.end_ns for member in members)) / MS_PER_S,
        tracklets=tuple(member.key for member in members),
    )


def _by_track(frames: Sequence[_Frame]) -> Iterator[Piece]:
    """The boxes of all frames, track after track."""
    if not frames:
        return
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
    rows, camera, track_id = rows[order], camera[order], track_id[order]
    starts = np.flatnonzero(np.append(True, (np.diff(camera) != 0) | (np.diff(track_id) != 0)))
    keys = zip(names[camera[starts]].tolist(), track_id[starts].tolist(), strict=True)
    for key, piece in zip(keys, np.split(rows, starts[1:]), strict=True):
        first_ns, last_ns = piece["timestamp_ns"][[0, -1]].tolist()
        yield Piece(TrackletKey(*key), first_ns, last_ns, piece.tobytes())
