"""Recorded detections in place of a detector: one file in MOTChallenge format per camera."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np

from reid_pipeline.detect.letterbox import clip
from reid_pipeline.detect.yolo import solid
from reid_pipeline.errors import ConfigError, RecordError
from reid_pipeline.types import Boxes, Float32, Frame

Rows = dict[int, list[tuple[float, ...]]]


class RecordedDetector:
    """Plays back the boxes that were recorded for each camera's frames.

    Rows are `frame,id,x,y,w,h[,score,...]` with frames from 1; ids are ignored, a missing score is 1. Empty lines and
    lines that start with # are skipped.
    """

    name = "recorded"
    batch = 1
    parallel = 1

    def __init__(self, files: Mapping[str, Path], confidence: float) -> None:
        """Read the file of every camera. Raises `RecordError` naming file and line of the first broken row."""
        digest = hashlib.sha256()
        self._frames: dict[str, dict[int, tuple[Float32, Float32]]] = {}
        for camera, path in sorted(files.items()):
            content = _read(path)
            digest.update(camera.encode() + b"\0" + content)
            rows = _parse(path, content, confidence)
            self._frames[camera] = {frame: _arrays(boxes) for frame, boxes in rows.items()}
        self.sha256 = digest.hexdigest()

    def submit(self, frames: Sequence[Frame]) -> Future[list[Boxes]]:
        """The recorded boxes, clipped to the pictures. Raises `ConfigError` for a camera without a recording."""
        result: Future[list[Boxes]] = Future()
        result.set_result([self._boxes(frame) for frame in frames])
        return result

    def close(self) -> None:
        """Forget the recordings."""
        self._frames.clear()

    def _boxes(self, frame: Frame) -> Boxes:
        if frame.camera not in self._frames:
            known = ", ".join(self._frames)
            raise ConfigError(
                f"detector.detections: no recorded detections for camera {frame.camera}, only for {known or 'none'}; "
                f"add its file"
            )
        if frame.index not in self._frames[frame.camera]:
            return Boxes.empty()
        height, width = frame.image.shape[:2]
        xyxy, score = self._frames[frame.camera][frame.index]
        return solid(clip(xyxy, width, height), score)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: recorded detections cannot be read: {error.strerror}") from None


def _parse(path: Path, content: bytes, confidence: float) -> Rows:
    """Rows by 0-based frame index: x1, y1, x2, y2, score."""
    rows: Rows = {}
    for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            frame, row = _row(text)
        except ValueError as error:
            raise RecordError(
                f"{path}:{number}: expected frame,id,x,y,w,h,score with numbers, {error}; got {text[:60]!r}"
            ) from None
        if row[4] >= confidence:
            rows.setdefault(frame - 1, []).append(row)
    return rows


def _row(text: str) -> tuple[int, tuple[float, ...]]:
    """Frame (from 1) and box of one line. Raises `ValueError` saying what is expected of which field."""
    fields = text.split(",")
    if len(fields) < 6:
        raise ValueError("at least six of them")
    try:
        frame, x, y, width, height = (float(fields[i]) for i in (0, 2, 3, 4, 5))
        score = float(fields[6]) if len(fields) > 6 else 1.0
    except ValueError:
        raise ValueError("separated by commas") from None
    if not all(map(math.isfinite, (frame, x, y, width, height, score))):
        raise ValueError("all of them finite")
    if frame < 1 or frame != int(frame):
        raise ValueError("frames counted from 1")
    if width < 0 or height < 0:
        raise ValueError("w and h not negative")
    if not 0 <= score <= 1:
        raise ValueError("score between 0 and 1")
    return int(frame), (x, y, x + width, y + height, score)


def _arrays(rows: Sequence[tuple[float, ...]]) -> tuple[Float32, Float32]:
    table = np.array(rows, np.float32)
    return table[:, :4], table[:, 4]
