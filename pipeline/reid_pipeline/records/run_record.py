"""run.json: how a run went. Everything that differs from one run to the next is here and not in tracks.json."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from importlib import metadata
from pathlib import Path

from reid_pipeline.core.offsets import Offset
from reid_pipeline.records.files import write_text
from reid_pipeline.records.writer import iso_time
from reid_pipeline.types import NS_PER_S

# what can change a result
_PACKAGES = (
    "av",
    "numpy",
    "onnxruntime",
    "opencv-python",
    "openvino",
    "reid-pipeline",
    "scipy",
    "supervision",
    "tensorrt",
    "torch",
    "trackers",
)


def software_versions() -> dict[str, str]:
    """The versions of Python and of the installed packages that can change a result."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


class RunState(str, Enum):
    """How far a run is: `RUNNING` in a file that nobody writes any more means that the run died."""

    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """What one camera's source went through. `source` is safe to print; `error` is empty while all is well."""

    source: str
    frames: int
    dropped: int
    stalls: int
    reconnects: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run, now or at its end. Times are Unix nanoseconds; `stages` holds the busy seconds of each stage.

    `clocks` are the cameras' clocks that were found to be wrong.
    """

    id: str
    mode: str
    config_sha256: str
    state: RunState
    started_ns: int
    cameras: Mapping[str, CameraHealth]
    stopped_ns: int | None = None
    error: str = ""
    stages: Mapping[str, float] = field(default_factory=dict)
    clocks: Sequence[Offset] = ()
    versions: Mapping[str, str] = field(default_factory=software_versions)


def clock_fields(offset: Offset) -> dict[str, str | float]:
    """A clock as plain JSON values; `offset_s` is what to set in cameras.yaml."""
    return {
        "camera": offset.camera,
        "reference": offset.reference,
        "ahead_s": offset.ahead_s,
        "error_s": offset.error_s,
        "tracks": offset.tracks,
        "offset_s": offset.total_s,
    }


def write_run_record(path: Path, record: RunRecord) -> None:
    """Replace `path` by the record. Raises `RecordError`."""
    frames = sum(camera.frames for camera in record.cameras.values())
    fields = {
        "cameras": {name: asdict(health) for name, health in record.cameras.items()},
        "clocks": [clock_fields(offset) for offset in record.clocks],
        "config_sha256": record.config_sha256,
        "error": record.error,
        "frames": frames,
        "id": record.id,
        "mode": record.mode,
        "stages": {name: round(busy_s, 3) for name, busy_s in record.stages.items()},
        "started": iso_time(record.started_ns),
        "state": record.state.value,
        "stopped": None,
        "versions": dict(record.versions),
    }
    if record.stopped_ns is not None:
        seconds = (record.stopped_ns - record.started_ns) / NS_PER_S
        fields["stopped"] = iso_time(record.stopped_ns)
        fields["seconds"] = round(seconds, 3)
        fields["fps"] = round(frames / seconds, 2) if seconds > 0 else 0.0
    write_text(path, json.dumps(fields, indent=2, sort_keys=True) + "\n")
