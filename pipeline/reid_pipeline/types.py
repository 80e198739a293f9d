"""What flows between the stages.

    Frame -> Boxes -> TrackedBoxes -> Crop -> CameraStep -> Observation -> EncodedStep
        -> Assignment, IdentityEvent, Settlement

Every value is frozen and checked once, when it is made: shape, dtype and finiteness. Arrays are made read-only.
Times are nanoseconds on the run's common clock; boxes are pixels of the source picture, as x1, y1, x2, y2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Image = NDArray[np.uint8]

NS_PER_S = 1_000_000_000

T = TypeVar("T")


def _array(owner: object, name: str, shape: tuple[int | None, ...], dtype: type[np.generic]) -> None:
    """Check the array in `owner.name` and freeze it; `None` in `shape` is any length."""
    value = getattr(owner, name)
    label = f"{type(owner).__name__}.{name}"
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{label}: expected an array, got {type(value).__name__}")
    fits = value.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, value.shape, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join("_" if n is None else str(n) for n in shape) + ")"
        raise ValueError(f"{label}: expected shape {wanted}, got {value.shape}")
    if value.dtype != dtype:
        raise TypeError(f"{label}: expected {np.dtype(dtype).name}, got {value.dtype}")
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        raise ValueError(f"{label}: holds NaN or infinity")
    if value.flags.writeable:
        view = value.view()
        view.flags.writeable = False
        object.__setattr__(owner, name, view)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one camera: `image` is uint8 (H, W, 3) BGR, `index` counts from 0."""

    camera: str
    index: int
    timestamp_ns: int
    image: Image = field(repr=False)

    def __post_init__(self) -> None:
        _array(self, "image", (None, None, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Boxes:
    """Detected people in one frame: `xyxy` float32 (N, 4) px and `score` float32 (N,) in 0..1; N may be 0."""

    xyxy: Float32
    score: Float32

    def __post_init__(self) -> None:
        _array(self, "xyxy", (None, 4), np.float32)
        _array(self, "score", (len(self.xyxy),), np.float32)

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def empty(cls) -> Boxes:
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True)
class TrackedBoxes:
    """Boxes with the camera's own track ids (int64 (N,), from 1, each at most once per frame)."""

    xyxy: Float32
    score: Float32
    track_id: NDArray[np.int64]

    def __post_init__(self) -> None:
        _array(self, "xyxy", (None, 4), np.float32)
        _array(self, "score", (len(self.xyxy),), np.float32)
        _array(self, "track_id", (len(self.xyxy),), np.int64)

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def empty(cls) -> TrackedBoxes:
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class Crop:
    """A picture of one tracked person worth encoding: uint8 RGB, as large as its box, not resized."""

    camera: str
    track_id: int
    frame_index: int
    timestamp_ns: int
    xyxy: Float32
    quality: float
    image: Image = field(repr=False)

    def __post_init__(self) -> None:
        _array(self, "xyxy", (4,), np.float32)
        _array(self, "image", (None, None, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Observation:
    """One crop as the encoder saw it: `vector` is float32 (D,) of length 1."""

    camera: str
    track_id: int
    frame_index: int
    timestamp_ns: int
    xyxy: Float32
    quality: float
    vector: Float32 = field(repr=False)

    def __post_init__(self) -> None:
        _array(self, "xyxy", (4,), np.float32)
        _array(self, "vector", (None,), np.float32)


@dataclass(frozen=True, slots=True)
class CameraStep:
    """What one frame of one camera gave; there is one per frame even when it is empty: it is the watermark."""

    camera: str
    index: int
    timestamp_ns: int
    tracked: TrackedBoxes
    crops: tuple[Crop, ...]
    ended: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EncodedStep:
    """A camera step whose crops have become observations. A journal is a file of these."""

    camera: str
    index: int
    timestamp_ns: int
    tracked: TrackedBoxes
    observations: tuple[Observation, ...]
    ended: tuple[int, ...]


class State(str, Enum):
    """How sure an identity is: provisional answers may still be revised."""

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"


class TrackletKey(NamedTuple):
    """A track of one camera, the unit that gets an identity. Its text form is `camera:track_id`."""

    camera: str
    track_id: int

    def __str__(self) -> str:
        return f"{self.camera}:{self.track_id}"


@dataclass(frozen=True, slots=True)
class Assignment:
    """The identity of one track from `timestamp_ns` on, until a later assignment of the same track.

    `score` is the similarity to the identity in 0..1 (1.0 for a person never seen before), `margin` the distance to the
    second-best identity, `reason` one of "new", "linked", "confirmed", "revised", "merged", "split".
    """

    camera: str
    track_id: int
    identity: str
    timestamp_ns: int
    score: float
    margin: float
    state: State
    reason: str

    @property
    def key(self) -> TrackletKey:
        return TrackletKey(self.camera, self.track_id)


@dataclass(frozen=True, slots=True)
class Settlement:
    """Nothing revises this assignment any more, for the run looks no further back, or has ended; a hand still can.

    The person as a whole may still turn out to be another, which an event `merged` without a tracklet says.

    The track was seen from `start_ns` to `end_ns`.
    """

    assignment: Assignment
    timestamp_ns: int
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class IdentityEvent:
    """Something that happened to an identity.

    `type` is one of new, linked, revised, merged, split, erased. `tracklet` is the track it happened through and
    `other` the other identity involved (where a revised track came from, what a merge swallowed, what split off).
    """

    type: str
    timestamp_ns: int
    identity: str
    tracklet: TrackletKey | None = None
    other: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Evidence that two tracks are one person: `score` in 0..1, and its parts by name (appearance, time, ...)."""

    source: TrackletKey
    target: TrackletKey
    score: float
    evidence: dict[str, float]


@dataclass(frozen=True, slots=True)
class Prototype:
    """One remembered look of a person; `vector` is float32 (D,) of length 1."""

    identity: str
    camera: str
    timestamp_ns: int
    quality: float
    vector: Float32 = field(repr=False)

    def __post_init__(self) -> None:
        _array(self, "vector", (None,), np.float32)


@dataclass(frozen=True, slots=True)
class Identity:
    """A person in the gallery."""

    id: str
    state: State
    cameras: tuple[str, ...]
    first_seen_ns: int
    last_seen_ns: int


@dataclass(frozen=True, slots=True)
class SiteLikeness:
    """How alike tracklets of two cameras (the same one twice, or in the order of their names) were found to be.

    Of strangers, or with `same` of one person. `total` and `squares` are sums over `count` similarities and over their
    squares.
    """

    cameras: tuple[str, str]
    same: bool
    count: int
    total: float
    squares: float


@dataclass(frozen=True, slots=True)
class GallerySnapshot:
    """All that a gallery knows when a run starts. `next_number` is the number of the next new identity, from 1.

    `never_same` holds pairs of people of whom somebody said by hand that they are two, the lower id first.
    """

    identities: tuple[Identity, ...]
    prototypes: tuple[Prototype, ...]
    next_number: int
    likeness: tuple[SiteLikeness, ...] = ()
    never_same: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class GalleryChange:
    """What a run wants remembered; a store applies it whole or not at all.

    `prototypes` replaces, for each identity named in `identities`, everything the gallery held of it. `removed` lists
    identities that are no more. `merged` says who they are now, of those who turned out to be somebody else: pairs of
    the former id and the one that it is from now on, which is in `identities`. `likeness` replaces what the gallery
    held of the pairs of cameras that it names. `never_same` is news only: all that was said by hand so far.
    """

    identities: tuple[Identity, ...]
    prototypes: tuple[Prototype, ...]
    removed: tuple[str, ...]
    next_number: int
    likeness: tuple[SiteLikeness, ...] = ()
    merged: tuple[tuple[str, str], ...] = ()
    never_same: frozenset[tuple[str, str]] = frozenset()


def checked_before(kind: type[T], **fields: object) -> T:
    """A value of a kind above, made of parts that were checked before, which therefore are not checked again."""
    value = object.__new__(kind)
    for name, given in fields.items():
        object.__setattr__(value, name, given)
    return value


def as_float32(values: Any) -> Float32:
    """The values as a contiguous float32 array."""
    return np.ascontiguousarray(values, dtype=np.float32)
