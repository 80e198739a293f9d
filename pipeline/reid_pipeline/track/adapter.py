"""One camera's tracker of the `trackers` package behind our protocol."""

from __future__ import annotations

import numpy as np
import supervision as sv
from trackers.core.base import BaseTracker

from reid_pipeline.track.protocol import TrackUpdate
from reid_pipeline.types import NS_PER_S, Boxes, Frame, TrackedBoxes

# The library skips a frame whose time did not advance; a camera that repeats a timestamp moves on by this much.
MIN_STEP_NS = 1_000_000


class LibraryTracker:
    """Gives the library's tracks ids from 1 in the order of their confirmation, and says when each is over.

    A track that the library has let go is reported as ended in the same frame. Should the library bring its id back
    later, that is a new track with a new id. Tracks that are not confirmed yet are not reported.
    """

    def __init__(self, library: BaseTracker) -> None:
        self._library = library
        self._ids: dict[int, int] = {}
        self._confirmed = 0
        self._start_ns: int | None = None
        self._elapsed_ns = 0

    def update(self, frame: Frame, boxes: Boxes) -> TrackUpdate:
        """The tracks that these boxes continue or start, by id, and the ids of those that are over."""
        detections = sv.Detections(xyxy=boxes.xyxy, confidence=boxes.score)
        found = self._library.update(detections, timestamp=self._advance(frame.timestamp_ns) / NS_PER_S)
        for library_id in found.tracker_id:
            if library_id >= 0 and library_id not in self._ids:
                self._confirmed += 1
                self._ids[int(library_id)] = self._confirmed
        track_id = np.array([self._ids.get(int(each), 0) for each in found.tracker_id], np.int64)
        rows = np.argsort(track_id, kind="stable")
        rows = rows[track_id[rows] > 0]
        tracked = TrackedBoxes(found.xyxy[rows], found.confidence[rows], track_id[rows]) if len(rows) else None
        return TrackUpdate(tracked or TrackedBoxes.empty(), self._ended())

    def _advance(self, timestamp_ns: int) -> int:
        """Time since the first frame; the library counts in float seconds, which suit small numbers."""
        if self._start_ns is None:
            self._start_ns = timestamp_ns
        else:
            self._elapsed_ns = max(timestamp_ns - self._start_ns, self._elapsed_ns + MIN_STEP_NS)
        return self._elapsed_ns

    def _ended(self) -> tuple[int, ...]:
        alive = {int(track.tracker_id) for track in self._library.tracks}
        gone = [library_id for library_id in self._ids if library_id not in alive]
        return tuple(sorted(self._ids.pop(library_id) for library_id in gone))
