"""What cameras.yaml may say: one frozen model per section, with every key's meaning, bounds and default.

Unknown keys are refused. The models check what can be checked without touching a file, a model or the network; names
that must fit together (neighbours, overlaps, recorded detections) are checked by `Config`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

KeyPath = tuple[str, ...]
Problem = tuple[KeyPath, str]

CROSS_CHECK = "cross_check"
RECORDED = "recorded"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DURATION_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

NAME_PATTERN = "^[A-Za-z0-9_-]+$"
STORE_PATTERN = "^$|^(sqlite|memory|postgresql|postgres)://"
DURATION_PATTERN = "^[1-9][0-9]{0,8}[smhd]$"
EXPECTED_PATTERNS = {
    NAME_PATTERN: "a name of letters, digits, - and _",
    STORE_PATTERN: "sqlite:///FILE, postgresql://USER:PASSWORD@HOST/DATABASE or memory://",
    DURATION_PATTERN: "a duration such as 30m, 72h or 7d",
}

# pydantic's JSON Schema gives the pattern of a map's keys without forbidding others
ONLY_NAMED: dict[str, Any] = {"additionalProperties": False}

CameraName = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64)]
Row = tuple[float, float, float]
Matrix3 = tuple[Row, Row, Row]
Cosine = Annotated[float, Field(ge=0, le=1)]
Backend = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """Base of every section: frozen, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class TravelTime(Section):
    """How long people take from one camera to another."""

    min_s: float = Field(ge=0)
    """Shortest time between leaving one camera and appearing in the other, in seconds."""
    max_s: float = Field(ge=0)
    """Longest time between leaving one camera and appearing in the other, in seconds."""

    @model_validator(mode="after")
    def _ordered(self) -> TravelTime:
        if self.min_s > self.max_s:
            raise ValueError(f"expected min_s <= max_s, got {self.min_s:g} > {self.max_s:g}")
        return self


class Camera(Section):
    """One camera: where its pictures come from, and what is known of its place."""

    source: Annotated[str, Field(min_length=1)] | Annotated[int, Field(ge=0)] = Field(repr=False)
    """A video file, a folder or glob of pictures, a stream's address (rtsp://, http://), or a device's number."""
    start: datetime | None = None
    """Wall time of frame 0 of a recording, such as 2026-03-01T09:00:00Z; without a zone it is read as UTC."""
    neighbors: dict[CameraName, TravelTime] = Field(default={}, json_schema_extra=ONLY_NAMED)
    """Cameras that people reach directly from this one, and how long that takes."""
    overlaps: tuple[CameraName, ...] | None = None
    """Cameras that see some of the same floor; an empty list says that there are none, null that it is not known."""
    homography: Matrix3 | None = None
    """3x3 matrix from pixels (x, y, 1) to floor metres (x, y, 1), one row per list."""
    fps: float | None = Field(default=None, gt=0, le=1000)
    """Frames per second of a folder of pictures, which does not say so itself."""
    offset_s: float = Field(default=0.0, ge=-60, le=60)
    """How far the camera's clock is ahead of the others', in seconds; below 0 where it is behind. People are compared
    at times that are corrected by it; the times in results stay those of the camera's clock."""
    timeout_s: float = Field(default=10.0, gt=0, le=3600)
    """How long a stream may stay silent before it counts as stalled and is opened again."""
    transport: Literal["tcp", "udp"] = "tcp"
    """How an RTSP stream travels; tcp loses nothing, udp is quicker on good networks."""

    @field_validator("start", mode="after")
    @classmethod
    def _utc(cls, start: datetime | None) -> datetime | None:
        return start.replace(tzinfo=timezone.utc) if start is not None and start.tzinfo is None else start

    @field_validator("homography", mode="before")
    @classmethod
    def _three_by_three(cls, rows: Any) -> Any:
        if rows is None:
            return None
        if not (_has_three(rows) and all(_has_three(row) for row in rows)):
            raise ValueError("expected three rows of three numbers")
        return tuple(tuple(row) for row in rows)

    @field_validator("homography", mode="after")
    @classmethod
    def _invertible(cls, matrix: Matrix3 | None) -> Matrix3 | None:
        if matrix is not None and _determinant(matrix) == 0:
            raise ValueError("expected a matrix that can be inverted; its determinant is 0")
        return matrix

    @property
    def start_ns(self) -> int | None:
        """`start` as nanoseconds since 1970-01-01 UTC, exactly."""
        return None if self.start is None else (self.start - EPOCH) // timedelta(microseconds=1) * 1000


class Detector(Section):
    """What finds people in a frame."""

    model: str = Field(default="yolox-tiny", min_length=1)
    """A known name (see `reid-pipeline engines list`), the path of an .onnx or .xml file, or `recorded`."""
    confidence: float = Field(default=0.25, gt=0, lt=1)
    """Boxes scored below this are dropped."""
    every: int = Field(default=1, ge=1, le=1000)
    """Detect on every Nth frame only; tracks coast over the frames between."""
    batch: int = Field(default=1, ge=1, le=256)
    """Frames of all cameras in one request, where the model leaves that open; on CPUs 1 is the quickest."""
    backend: Backend = "auto"
    """The runtime that executes the model: auto, openvino, onnxruntime, ..."""
    detections: dict[CameraName, Annotated[str, Field(min_length=1)]] = Field(default={}, json_schema_extra=ONLY_NAMED)
    """With `model: recorded`: each camera's file of recorded boxes in MOTChallenge format."""
    threads: int = Field(default=0, ge=0, le=1024)
    """CPU threads for the model; 0 leaves it to the runtime."""


class Tracker(Section):
    """What follows people within one camera."""

    algorithm: Literal["bytetrack", "botsort", "ocsort"] = "bytetrack"
    """The tracking algorithm."""
    lost_s: float = Field(default=2.0, gt=0, le=60)
    """How long a track survives without a box, in seconds."""


class Encoder(Section):
    """What turns a person's picture into a vector."""

    model: str = Field(default="saga-s", min_length=1)
    """A known name (see `reid-pipeline engines list`) or the path of an .onnx, .xml, .engine or .safetensors file."""
    backend: Backend = "auto"
    """The runtime that executes the model: auto, openvino, onnxruntime, ..."""
    threads: int = Field(default=0, ge=0, le=1024)
    """CPU threads for the model; 0 leaves it to the runtime."""
    max_crops_per_s: float = Field(default=20.0, gt=0, le=10000)
    """At most so many pictures per second of video are encoded for each camera; the best ones are chosen."""


class Association(Section):
    """When two tracks are one person."""

    match: Cosine | None = None
    """Similarity from which two looks are taken for one person; null: the value measured for the encoder."""
    update: Cosine | None = None
    """Similarity from which a look is also remembered for its person; stricter than `match`; null: derived from it."""
    margin: float = Field(default=0.05, ge=0, le=1)
    """How much better than the second-best person the best one must be."""
    confirm_observations: int = Field(default=3, ge=1, le=1000)
    """Looks that an identity needs before it is confirmed."""
    window_s: float = Field(default=300.0, gt=0)
    """How far back a decision may still be revised, in seconds."""
    revise: bool = True
    """Look at recent decisions again every few seconds of a run; false: only once, at its end."""
    calibrate: bool = True
    """Learn on the site how alike strangers and one person look there, and move `match` accordingly."""
    travel_times: bool = True
    """Let the time between two cameras count, as `neighbors` says and as it is learned; false: `min_s` alone counts."""
    max_lag_s: float = Field(default=2.0, gt=0, le=3600)
    """How long a live run waits for a slow camera before it goes on without it."""

    @model_validator(mode="after")
    def _stricter(self) -> Association:
        if self.match is not None and self.update is not None and self.update < self.match:
            raise ValueError(f"expected update >= match, got {self.update:g} < {self.match:g}")
        return self


class Gallery(Section):
    """Where people are remembered between runs."""

    store: str = Field(default="", pattern=STORE_PATTERN, repr=False)
    """sqlite:///FILE, postgresql://USER:PASSWORD@HOST/DATABASE (shared by several runs), memory://, or empty for
    gallery.db in the output folder."""
    retention: str | None = Field(default=None, pattern=DURATION_PATTERN)
    """Forget people not seen for so long: 30m, 72h, 7d; null: never."""
    key: str | None = Field(default=None, repr=False)
    """Where the key is that vectors are sealed with, env:NAME or file:PATH; null: they are not sealed."""

    @field_validator("key", mode="after")
    @classmethod
    def _says_where(cls, key: str | None) -> str | None:
        if key is not None and not re.fullmatch(r"env:\w+|file:.+", key):
            # the value is not repeated: it may be the key
            raise ValueError("expected env:NAME or file:PATH, which say where the key is; it does not belong here")
        return key

    @property
    def retention_s(self) -> int | None:
        """`retention` in seconds; None is for ever."""
        return None if self.retention is None else int(self.retention[:-1]) * DURATION_SECONDS[self.retention[-1]]


class Output(Section):
    """What a run writes, and where."""

    directory: str = Field(default="out", min_length=1)
    """Folder for tracks.json, events.jsonl and run.json; made when missing."""
    video: bool = False
    """Also write overlay.mp4, all cameras with boxes coloured by identity."""
    crops: bool = False
    """Also keep the pictures of people that were encoded."""
    journal: bool = False
    """Also write a journal, from which the run can be replayed without video or models."""


class Config(Section):
    """A whole cameras.yaml."""

    cameras: dict[CameraName, Camera] = Field(min_length=1, json_schema_extra=ONLY_NAMED)
    """Stable camera name -> its settings. Names appear in ids, file names and results."""
    detector: Detector = Detector()
    """What finds people in a frame."""
    tracker: Tracker = Tracker()
    """What follows people within one camera."""
    encoder: Encoder = Encoder()
    """What turns a person's picture into a vector."""
    association: Association = Association()
    """When two tracks are one person."""
    gallery: Gallery = Gallery()
    """Where people are remembered between runs."""
    output: Output = Output()
    """What a run writes, and where."""

    @model_validator(mode="after")
    def _cross_check(self) -> Config:
        problems = [*self._camera_problems(), *self._detection_problems()]
        if problems:
            text = "; ".join(f"{'.'.join(path)}: {message}" for path, message in problems)
            # the loader reads `problems` back to give each its own line of the file
            context: dict[str, Any] = {"text": text, "problems": problems}
            raise PydanticCustomError(CROSS_CHECK, "{text}", context)
        return self

    def _camera_problems(self) -> Iterator[Problem]:
        for name, camera in self.cameras.items():
            for other in camera.neighbors:
                yield from self._named(other, ("cameras", name, "neighbors", other), but_not=name)
            for other in camera.overlaps or ():
                yield from self._named(other, ("cameras", name, "overlaps"), but_not=name)

    def _detection_problems(self) -> Iterator[Problem]:
        detections = self.detector.detections
        if self.detector.model != RECORDED:
            if detections:
                yield ("detector", "detections"), f"only used with `model: {RECORDED}`, got model {self.detector.model}"
            return
        for name in detections:
            yield from self._named(name, ("detector", "detections", name), but_not=None)
        missing = [name for name in self.cameras if name not in detections]
        if missing:
            yield ("detector", "detections"), f"expected a file for every camera, got none for {', '.join(missing)}"

    def _named(self, name: str, path: KeyPath, *, but_not: str | None) -> Iterator[Problem]:
        if name == but_not:
            yield path, "a camera cannot name itself"
        elif name not in self.cameras:
            yield path, f"there is no camera {name}; cameras are {', '.join(self.cameras)}"


def _has_three(values: Any) -> bool:
    return isinstance(values, list | tuple) and len(values) == 3


def _determinant(matrix: Matrix3) -> float:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
