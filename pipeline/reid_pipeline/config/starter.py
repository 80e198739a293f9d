"""A first cameras.yaml for the sources somebody has."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PASSWORD = re.compile(r"(?P<user>^[A-Za-z][A-Za-z0-9+.-]*://[^:/@\s]*):(?P<password>\S*)@")
_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")

_HEAD = """\
# Cameras and settings for reid-pipeline. Check it with `reid-pipeline config check cameras.yaml`.
# Paths are relative to this file; ${NAME} is taken from the environment. Every key: `reid-pipeline config schema`.

cameras:
"""

_TAIL = """\

# What is known of the place makes links between cameras better. Examples, to be put below a camera:
#   start: 2026-03-01T09:00:00Z                  # wall time of a recording's first frame
#   neighbors: {other_camera: {min_s: 2, max_s: 40}}   # people walk there directly, in so many seconds
#   overlaps: [other_camera]                     # sees some of the same floor; [] says that no camera does

detector:
  model: yolox-tiny        # or yolo11n, yolo26n, or the path of an .onnx or .xml file
  confidence: 0.25         # boxes scored lower are dropped

encoder:
  model: saga-s            # or color-stripes, which needs no weights, or the path of a re-identification network

gallery:
  # store: sqlite:///people.db   # people keep their ids over all runs that share it; default: one per output folder
  retention: 72h           # people not seen for so long are forgotten

output:
  directory: out           # tracks.json, events.jsonl and run.json
  video: false             # true: also overlay.mp4, with boxes coloured by identity
"""


@dataclass(frozen=True, slots=True)
class Starter:
    """The text of a cameras.yaml, and the environment variables that now stand for passwords in it."""

    text: str
    passwords: tuple[str, ...]


def starter(sources: Sequence[str]) -> Starter:
    """A commented cameras.yaml with one camera per source (file, folder, glob, address or device number)."""
    cameras: dict[str, str] = {}
    passwords: list[str] = []
    for source in sources:
        name = _unused(_camera_name(source), cameras)
        shown, variable = _without_password(source, name)
        if variable is not None:
            passwords.append(variable)
        # YAML reads JSON's quoted strings, so no character in a path needs care
        cameras[name] = shown if shown.isdecimal() else json.dumps(shown, ensure_ascii=False)
    entries = (f"  {json.dumps(name)}:\n    source: {source}\n" for name, source in cameras.items())
    return Starter(_HEAD + "".join(entries) + _TAIL, tuple(passwords))


def _camera_name(source: str) -> str:
    if _ADDRESS.match(source) or source.isdecimal():
        return "camera"
    path = PurePosixPath(source)
    stem = path.parent.name if set("*?[") & set(path.name) else path.stem
    return re.sub(r"[^A-Za-z0-9_-]+", "_", stem)[:48].strip("_") or "camera"


def _unused(name: str, taken: dict[str, str]) -> str:
    if name not in taken:
        return name
    return next(f"{name}{number}" for number in range(2, len(taken) + 3) if f"{name}{number}" not in taken)


def _without_password(source: str, name: str) -> tuple[str, str | None]:
    """The source with a password replaced by a reference to the environment, and the variable's name."""
    found = _PASSWORD.match(source)
    if found is None:
        return source.replace("${", "$${"), None
    if _REFERENCE.fullmatch(found["password"]):
        return source, None
    variable = re.sub(r"[^A-Za-z0-9]", "_", name).upper() + "_PASSWORD"
    variable = f"CAMERA_{variable}" if variable[0].isdigit() else variable
    return f"{found['user']}:${{{variable}}}@{source[found.end() :]}", variable
