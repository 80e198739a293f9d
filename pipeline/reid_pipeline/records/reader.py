"""Reads tracks.json back and says in one line what is wrong with a file that is none."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.errors import RecordError
from reid_pipeline.records.document import (
    SCHEMA,
    SCHEMA_VERSION,
    CameraRecord,
    IdentityRecord,
    ModelRecord,
    RunInfo,
    TrackletRecord,
    TracksDocument,
)
from reid_pipeline.records.files import reading
from reid_pipeline.records.fixed import MS_PER_S
from reid_pipeline.records.node import Node, Unexpected
from reid_pipeline.types import NS_PER_S, IdentityEvent, Link, State, TrackletKey


def read_tracks(path: Path) -> TracksDocument:
    """The document in `path`; the folder of a run stands for the tracks.json in it.

    Unknown keys are passed over, so that a file with additions of others still reads.

    Raises:
        RecordError: the file cannot be read, is not JSON, is another kind of document, is one of a newer release, or
            something in it is missing or of the wrong type; one line names the place.
    """
    if path.is_dir():
        path = path / "tracks.json"
    with reading(path):
        text = path.read_bytes()
    try:
        content = json.loads(text, object_hook=_compact, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: expected tracks.json, but this is not JSON ({error}); was it cut off?") from error
    try:
        return _document(Node(content, ""))
    except Unexpected as error:
        raise RecordError(f"{path}: {error}") from error


def tracks_schema() -> dict[str, Any]:
    """The JSON Schema of tracks.json, as shipped."""
    text = resources.files("reid_pipeline.records").joinpath("tracks.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


@dataclass(frozen=True, slots=True)
class _Boxes:
    """The frames of one tracklet as arrays."""

    frame: NDArray[np.int64]
    time_s: NDArray[np.float64]
    xywh: NDArray[np.float64]
    score: NDArray[np.float64]


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _compact(fields: dict[str, Any]) -> dict[str, Any]:
    """Turn a tracklet's frames into arrays as soon as they are parsed: as objects they would take 20 times the memory.

    Frames that are not what they should be stay as they are, for `_boxes` to complain about with their place.
    """
    frames = fields.get("frames")
    if not isinstance(frames, list):
        return fields
    try:
        columns = [np.array([frame[key] for frame in frames]) for key in ("frame", "time", "bbox", "score")]
    except (KeyError, TypeError, ValueError, OverflowError):
        return fields
    numbers, times, boxes, scores = columns
    kinds = numbers.dtype.kind + "".join("f" if column.dtype.kind in "if" else "?" for column in columns[1:])
    if kinds == "ifff" and boxes.shape == (len(frames), 4) and times.ndim == scores.ndim == numbers.ndim == 1:
        as_floats = (column.astype(np.float64) for column in (times, boxes, scores))
        return {**fields, "frames": _Boxes(numbers.astype(np.int64), *as_floats)}
    return fields


def _document(root: Node) -> TracksDocument:
    schema, version = root["schema"], root["schema_version"]
    if schema.text() != SCHEMA:
        raise schema.unexpected(json.dumps(SCHEMA))
    if version.integer() > SCHEMA_VERSION:
        raise Unexpected(
            f"schema_version: expected at most {SCHEMA_VERSION}, got {version.integer()}; "
            "upgrade reid-pipeline to read this file"
        )
    document = TracksDocument(
        run=_run(root["run"]),
        cameras=tuple(map(_camera, root["cameras"].items())),
        identities=tuple(map(_identity, root["identities"].items())),
        links=tuple(map(_link, root["links"].items())),
        events=tuple(map(_event, root["events"].items())),
        tracklets=tuple(map(_tracklet, root["tracklets"].items())),
    )
    _check_references(document)
    return document


def _run(node: Node) -> RunInfo:
    models = node["models"]
    epoch = node.get("epoch")
    return RunInfo(
        id=node["id"].text(),
        config_sha256=node["config_sha256"].text(),
        software=node["software"].text(),
        detector=_model(models["detector"]),
        encoder=_model(models["encoder"]),
        mode=node["mode"].text(),
        deterministic=node["deterministic"].flag(),
        epoch_ns=None if epoch is None or epoch.value is None else _unix_ns(epoch),
    )


def _model(node: Node) -> ModelRecord:
    return ModelRecord(name=node["name"].text(), sha256=node["sha256"].text())


def _camera(node: Node) -> CameraRecord:
    return CameraRecord(
        id=node["id"].text(),
        width=node["width"].integer(),
        height=node["height"].integer(),
        fps=node["fps"].number(),
        frames=node["frames"].integer(),
        dropped=node["dropped"].integer(),
    )


def _identity(node: Node) -> IdentityRecord:
    return IdentityRecord(
        id=node["id"].text(),
        state=_state(node["state"]),
        cameras=tuple(camera.text() for camera in node["cameras"].items()),
        first_seen_s=node["first_seen"].number(),
        last_seen_s=node["last_seen"].number(),
        tracklets=tuple(map(_key, node["tracklets"].items())),
    )


def _tracklet(node: Node) -> TrackletRecord:
    boxes = _boxes(node["frames"])
    identity = node["identity"]
    key = TrackletKey(node["camera"].text(), node["track_id"].integer())
    if _key(node["id"]) != key:
        raise node["id"].unexpected(f'"{key}"')
    return TrackletRecord(
        camera=key.camera,
        track_id=key.track_id,
        identity=None if identity.value is None else identity.text(),
        score=node["score"].number(),
        margin=node["margin"].number(),
        frame=boxes.frame,
        time_s=boxes.time_s,
        xywh=boxes.xywh,
        box_score=boxes.score,
    )


def _boxes(node: Node) -> _Boxes:
    if not isinstance(node.value, _Boxes):
        if not list(node.items()):
            raise node.unexpected("at least one frame")
        for frame in node.items():
            frame["frame"].integer(), frame["time"].number(), frame["score"].number()
            if len([side.number() for side in frame["bbox"].items()]) != 4:
                raise frame["bbox"].unexpected("x, y, width and height")
        raise Unexpected(f"{node.place}: expected frames with numbers that fit 64 bits")
    if (np.diff(node.value.frame) <= 0).any():
        raise Unexpected(f"{node.place}: expected frames in rising order")
    return node.value


def _link(node: Node) -> Link:
    return Link(
        source=_key(node["from"]),
        target=_key(node["to"]),
        score=node["score"].number(),
        evidence={name: value.number() for name, value in node["evidence"].fields()},
    )


def _event(node: Node) -> IdentityEvent:
    tracklet, other, reason = node.get("tracklet"), node.get("other"), node.get("reason")
    return IdentityEvent(
        type=node["type"].text(),
        timestamp_ns=round(node["time"].number() * MS_PER_S) * (NS_PER_S // MS_PER_S),
        identity=node["identity"].text(),
        tracklet=None if tracklet is None else _key(tracklet),
        other=None if other is None else other.text(),
        reason="" if reason is None else reason.text(),
    )


def _key(node: Node) -> TrackletKey:
    camera, colon, track_id = node.text().rpartition(":")
    if not (camera and colon and track_id.isdecimal()):
        raise node.unexpected("camera:track_id")
    return TrackletKey(camera, int(track_id))


def _state(node: Node) -> State:
    try:
        return State(node.text())
    except ValueError:
        raise node.unexpected(" or ".join(state.value for state in State)) from None


def _unix_ns(node: Node) -> int:
    try:
        moment = datetime.fromisoformat(node.text().replace("Z", "+00:00"))
    except ValueError:
        raise node.unexpected("an ISO 8601 time") from None
    return round(moment.timestamp() * MS_PER_S) * (NS_PER_S // MS_PER_S)


def _check_references(document: TracksDocument) -> None:
    """Whatever one part says of another must be there; each thing once."""
    cameras = _unique("cameras", [camera.id for camera in document.cameras])
    identities = _unique("identities", [identity.id for identity in document.identities])
    tracklets = _unique("tracklets", [tracklet.key for tracklet in document.tracklets])
    for number, tracklet in enumerate(document.tracklets):
        if tracklet.camera not in cameras:
            raise Unexpected(f"tracklets[{number}].camera: {tracklet.camera!r} is not among the cameras")
        if tracklet.identity is not None and tracklet.identity not in identities:
            raise Unexpected(f"tracklets[{number}].identity: {tracklet.identity!r} is not among the identities")
    for number, identity in enumerate(document.identities):
        lost = [str(key) for key in identity.tracklets if key not in tracklets]
        if lost:
            raise Unexpected(f"identities[{number}].tracklets: {lost[0]!r} is not among the tracklets")


def _unique(part: str, ids: Sequence[Hashable]) -> set[Hashable]:
    seen: set[Hashable] = set()
    for number, each in enumerate(ids):
        if each in seen:
            raise Unexpected(f"{part}[{number}].id: {str(each)!r} is there twice")
        seen.add(each)
    return seen
