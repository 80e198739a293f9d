"""A track of one camera and what is known of it so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reid_pipeline.core.looks import LookSet
from reid_pipeline.core.motion import Homography, Walk, within_reach
from reid_pipeline.core.topology import Span, Topology
from reid_pipeline.types import Observation, TrackletKey

TRACKLET_LOOKS = 16


@dataclass(slots=True)
class Tracklet:
    """`observed` counts all observations, of which `looks` keeps the most different ones."""

    key: TrackletKey
    start_ns: int
    last_ns: int
    boxes: int = 0
    observed: int = 0
    seen_ns: tuple[int, int] | None = None
    looks: LookSet = field(default_factory=lambda: LookSet(TRACKLET_LOOKS))
    walk: Walk = field(default_factory=Walk)
    _span: Span | None = None  # asked for far more often than it changes

    @property
    def span(self) -> Span:
        """From the first look to the last: a box that nobody looked at proves nothing about who was there.

        By the time that the cameras share, where `start_ns`, `last_ns` and `seen_ns` are by the camera's own clock.
        """
        if self._span is None:
            start_ns, end_ns = (self.start_ns, self.last_ns) if self.seen_ns is None else self.seen_ns
            self._span = Span(self.key.camera, start_ns - self.walk.ahead_ns, end_ns - self.walk.ahead_ns)
        return self._span

    def see(self, timestamp_ns: int, xyxy: Sequence[float], homography: Homography | None) -> None:
        """One more box, in pixels."""
        self.last_ns = timestamp_ns
        self.boxes += 1
        if self.seen_ns is None:
            self._span = None
        self.walk.go(timestamp_ns, xyxy, homography)

    def observe(self, observation: Observation) -> None:
        """One more encoded crop."""
        self.observed += 1
        when = observation.timestamp_ns
        self.seen_ns = (
            (when, when) if self.seen_ns is None else (min(self.seen_ns[0], when), max(self.seen_ns[1], when))
        )
        self._span = None
        self.looks.add(observation.camera, observation.timestamp_ns, observation.quality, observation.vector)

    def correct(self, ahead_ns: int) -> None:
        """The camera's clock turned out to be ahead by so much."""
        self.walk.correct(ahead_ns)
        self._span = None


def could_be_one(a: Tracklet, b: Tracklet, topology: Topology) -> bool:
    """Whether two tracklets can be one person, as far as places and times tell."""
    if not topology.compatible(a.span, b.span):
        return False
    return a.key.camera != b.key.camera or within_reach(a.walk, b.walk)
