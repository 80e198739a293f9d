"""A track of one camera and what is known of it so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from reid_pipeline.core.looks import LookSet
from reid_pipeline.core.topology import Span
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
    looks: LookSet = field(default_factory=lambda: LookSet(TRACKLET_LOOKS))

    @property
    def span(self) -> Span:
        return Span(self.key.camera, self.start_ns, self.last_ns)

    def see(self, timestamp_ns: int) -> None:
        """One more box."""
        self.last_ns = timestamp_ns
        self.boxes += 1

    def observe(self, observation: Observation) -> None:
        """One more encoded crop."""
        self.observed += 1
        self.looks.add(observation.camera, observation.timestamp_ns, observation.quality, observation.vector)
