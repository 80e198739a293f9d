"""What tracks.json says, as values: the parts that a writer is given and the document that a reader gets back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.types import Identity, IdentityEvent, Link, State, TrackletKey

SCHEMA = "reid-pipeline/tracks"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model that a run used; `sha256` is empty where there is no model file (recorded detections)."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What the run was. `epoch_ns` is the Unix time of zero on the run's clock, None where nobody knows it."""

    id: str
    config_sha256: str
    software: str
    detector: ModelRecord
    encoder: ModelRecord
    mode: str
    deterministic: bool
    epoch_ns: int | None = None


@dataclass(frozen=True, slots=True)
class CameraRecord:
    """One camera and how many of its frames were seen and missed; sizes are 0 for a camera that never opened."""

    id: str
    width: int
    height: int
    fps: float
    frames: int
    dropped: int


def _same(identity: str) -> str:
    return identity


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run knows at its end, when tracks.json is written.

    `identities` holds at least everybody who was assigned a tracklet; those of an older run that nobody saw this time
    are left out of the file. `now` says who an identity is by now, for people who turned out to be one person.
    """

    run: RunInfo
    cameras: Sequence[CameraRecord]
    identities: Iterable[Identity]
    now: Callable[[str], str] = _same


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """A person of the run; cameras and tracklets in the order in which they saw the person first."""

    id: str
    state: State
    cameras: tuple[str, ...]
    first_seen_s: float
    last_seen_s: float
    tracklets: tuple[TrackletKey, ...]


@dataclass(frozen=True, slots=True)
class TrackletRecord:
    """One track of one camera, its boxes in order of frames; all arrays have its N boxes.

    `frame` int64 from 0, `time_s` float64 on the run's clock, `xywh` float64 (N, 4) px, `box_score` float64. `identity`
    is None for a track that gave nothing to recognise it by; `score` and `margin` then are 0.
    """

    camera: str
    track_id: int
    identity: str | None
    score: float
    margin: float
    frame: NDArray[np.int64] = field(repr=False)
    time_s: NDArray[np.float64] = field(repr=False)
    xywh: NDArray[np.float64] = field(repr=False)
    box_score: NDArray[np.float64] = field(repr=False)

    @property
    def key(self) -> TrackletKey:
        return TrackletKey(self.camera, self.track_id)

    @property
    def start_s(self) -> float:
        return float(self.time_s[0])

    @property
    def end_s(self) -> float:
        return float(self.time_s[-1])

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True, slots=True)
class TracksHead:
    """All of tracks.json but the boxes, in the order of the file; each part may be there for reading once."""

    run: RunInfo
    cameras: Iterable[CameraRecord]
    identities: Iterable[IdentityRecord]
    links: Iterable[Link]
    events: Iterable[IdentityEvent]


@dataclass(frozen=True, slots=True)
class TracksDocument(TracksHead):
    """A whole tracks.json; tracklets in the order of the cameras and then of their track ids."""

    cameras: tuple[CameraRecord, ...]
    identities: tuple[IdentityRecord, ...]
    links: tuple[Link, ...]
    events: tuple[IdentityEvent, ...]
    tracklets: tuple[TrackletRecord, ...]
