"""The text of tracks.json, part by part.

Boxes have 2 decimals (px), times and frame rates 3 (s), scores, margins and evidence 4. Keys are sorted and every
camera, identity, tracklet, link and event is one line of ASCII, so that two files can be compared line by line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from typing import TextIO

import numpy as np

from reid_pipeline.records.document import (
    SCHEMA,
    SCHEMA_VERSION,
    CameraRecord,
    IdentityRecord,
    ModelRecord,
    RunInfo,
    TrackletRecord,
    TracksHead,
)
from reid_pipeline.records.fixed import Json, Raw, decimal, milliseconds, seconds, to_json
from reid_pipeline.types import IdentityEvent, Link

_BOX_PLACES, _TIME_PLACES, _SCORE_PLACES = 2, 3, 4
_FRAME = '{"bbox":[%.2f,%.2f,%.2f,%.2f],"frame":%d,"score":%.4f,"time":%.3f}'


def write_document(
    out: TextIO, head: TracksHead, tracklets: Iterable[TrackletRecord], *, render: Callable[[Json], str] = to_json
) -> None:
    """Write the whole document, holding one tracklet at a time; `render` gives the text of each part."""
    out.write('{\n"cameras":')
    out.writelines(_array(map(render, map(camera_fields, head.cameras))))
    out.write(',\n"events":')
    out.writelines(_array(map(render, map(event_fields, head.events))))
    out.write(',\n"identities":')
    out.writelines(_array(map(render, map(identity_fields, head.identities))))
    out.write(',\n"links":')
    out.writelines(_array(map(render, map(link_fields, head.links))))
    out.write(f',\n"run":{render(run_fields(head.run))}')
    out.write(f',\n"schema":{to_json(SCHEMA)},\n"schema_version":{SCHEMA_VERSION}')
    out.write(',\n"tracklets":')
    out.writelines(_array(map(render, map(tracklet_fields, tracklets))))
    out.write("\n}\n")


def run_fields(run: RunInfo) -> Json:
    """The run as JSON; the epoch is ISO 8601 in UTC, or null."""
    return {
        "config_sha256": run.config_sha256,
        "deterministic": run.deterministic,
        "epoch": None if run.epoch_ns is None else iso_time(run.epoch_ns),
        "id": run.id,
        "mode": run.mode,
        "models": {"detector": _model_fields(run.detector), "encoder": _model_fields(run.encoder)},
        "software": run.software,
    }


def camera_fields(camera: CameraRecord) -> Json:
    """The camera as JSON."""
    return {
        "dropped": camera.dropped,
        "fps": decimal(camera.fps, _TIME_PLACES),
        "frames": camera.frames,
        "height": camera.height,
        "id": camera.id,
        "width": camera.width,
    }


def identity_fields(identity: IdentityRecord) -> Json:
    """The identity as JSON."""
    return {
        "cameras": list(identity.cameras),
        "first_seen": decimal(identity.first_seen_s, _TIME_PLACES),
        "id": identity.id,
        "last_seen": decimal(identity.last_seen_s, _TIME_PLACES),
        "state": identity.state.value,
        "tracklets": [str(key) for key in identity.tracklets],
    }


def tracklet_fields(tracklet: TrackletRecord) -> Json:
    """The tracklet and its frames as JSON."""
    # adding zero turns the -0.0 of a box at the border into 0.0
    xywh = np.round(tracklet.xywh, _BOX_PLACES) + 0.0
    columns = (*xywh.T.tolist(), tracklet.frame.tolist(), tracklet.box_score.tolist(), tracklet.time_s.tolist())
    frames = ",".join([_FRAME % row for row in zip(*columns, strict=True)])
    return {
        "camera": tracklet.camera,
        "end": decimal(tracklet.end_s, _TIME_PLACES),
        "frames": Raw(f"[{frames}]"),
        "id": str(tracklet.key),
        "identity": tracklet.identity,
        "margin": decimal(tracklet.margin, _SCORE_PLACES),
        "score": decimal(tracklet.score, _SCORE_PLACES),
        "start": decimal(tracklet.start_s, _TIME_PLACES),
        "track_id": tracklet.track_id,
    }


def link_fields(link: Link) -> Json:
    """The link as JSON."""
    return {
        "evidence": {name: decimal(value, _SCORE_PLACES) for name, value in link.evidence.items()},
        "from": str(link.source),
        "score": decimal(link.score, _SCORE_PLACES),
        "to": str(link.target),
    }


def event_fields(event: IdentityEvent) -> Json:
    """The event as JSON; what it does not say is left out."""
    fields: dict[str, Json] = {"identity": event.identity, "time": seconds(event.timestamp_ns), "type": event.type}
    if event.tracklet is not None:
        fields["tracklet"] = str(event.tracklet)
    if event.other is not None:
        fields["other"] = event.other
    if event.reason:
        fields["reason"] = event.reason
    return fields


def iso_time(timestamp_ns: int) -> str:
    """A Unix time as ISO 8601 in UTC with milliseconds."""
    whole_s, rest_ms = divmod(milliseconds(timestamp_ns), 1000)
    return f"{datetime.fromtimestamp(whole_s, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest_ms:03d}Z"


def _model_fields(model: ModelRecord) -> Json:
    return {"name": model.name, "sha256": model.sha256}


def _array(lines: Iterable[str]) -> Iterator[str]:
    separator = "[\n"
    for line in lines:
        yield separator + line
        separator = ",\n"
    yield "[]" if separator == "[\n" else "\n]"
