"""What the rest of the pipeline needs of a single-camera tracker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from reid_pipeline.types import Boxes, Frame, TrackedBoxes


@dataclass(frozen=True, slots=True)
class TrackUpdate:
    """The tracks visible in a frame, and the ids of those that ended with it and never return."""

    tracked: TrackedBoxes
    ended: tuple[int, ...]


class Tracker(Protocol):
    """Follows the people of one camera. One instance per camera; ids count from 1."""

    def update(self, frame: Frame, boxes: Boxes) -> TrackUpdate:
        """Take the next frame's boxes; frames come in order, and gaps between their timestamps are respected."""
        ...
