"""Steps as they lie in a journal, and back: a fixed head, then rows of boxes, of observations and of ended tracks.

A journal of an hour holds hundreds of thousands of small steps. So many of them are taken apart at once: their rows are
laid together, checked once, and each step gets its slices.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.types import EncodedStep, Observation, TrackedBoxes, checked_before

STEP_KIND = 1

_HEAD = struct.Struct("<BHqqIII")  # kind, camera number, frame index, timestamp_ns; boxes, observations, ended tracks
_TRACKED = np.dtype([("track_id", "<i8"), ("xyxy", "<f4", 4), ("score", "<f4")])
_ENDED = np.dtype("<i8")
_NO_BOXES = TrackedBoxes.empty()


def _observed(dim: int) -> np.dtype[np.void]:
    """One observation as it lies in the file."""
    fields: list[Any] = [
        ("track_id", "<i8"),
        ("frame_index", "<i8"),
        ("timestamp_ns", "<i8"),
        ("xyxy", "<f4", 4),
        ("quality", "<f8"),
        ("vector", "<f4", dim),
    ]
    return np.dtype(fields)


class StepLayout:
    """Packs the steps of some cameras with vectors of length `dim`, and unpacks them."""

    def __init__(self, cameras: Sequence[str], dim: int) -> None:
        self._cameras = cameras
        self._number = {camera: number for number, camera in enumerate(cameras)}
        self._dim = dim
        self._observed = _observed(dim)

    def pack(self, step: EncodedStep) -> bytes:
        """The payload of a step's record. Raises `ValueError` for another camera or another length of vectors."""
        if step.camera not in self._number:
            raise ValueError(f"camera {step.camera!r} is not in the journal's header")
        tracked = np.empty(len(step.tracked), _TRACKED)
        tracked["track_id"], tracked["xyxy"], tracked["score"] = (
            step.tracked.track_id,
            step.tracked.xyxy,
            step.tracked.score,
        )
        observed = np.empty(len(step.observations), self._observed)
        for row, seen in zip(observed, step.observations, strict=True):
            if seen.camera != step.camera or seen.vector.shape != (self._dim,):
                raise ValueError(f"{seen!r} does not belong to a step of {step.camera!r} with {self._dim} dimensions")
            row["track_id"], row["frame_index"], row["timestamp_ns"] = (
                seen.track_id,
                seen.frame_index,
                seen.timestamp_ns,
            )
            row["xyxy"], row["quality"], row["vector"] = seen.xyxy, seen.quality, seen.vector
        counts = (len(tracked), len(observed), len(step.ended))
        head = _HEAD.pack(STEP_KIND, self._number[step.camera], step.index, step.timestamp_ns, *counts)
        return head + tracked.tobytes() + observed.tobytes() + np.array(step.ended, _ENDED).tobytes()

    def unpack(self, payloads: Sequence[bytes]) -> Iterator[EncodedStep]:
        """The steps that `pack` made these payloads of. Raises `ValueError` where one holds NaN or infinity."""
        heads = [_HEAD.unpack_from(payload) for payload in payloads]
        boxes, looks, ends = [], [], []
        for payload, (*_, box_count, look_count, _) in zip(payloads, heads, strict=True):
            looks_at = _HEAD.size + box_count * _TRACKED.itemsize
            ends_at = looks_at + look_count * self._observed.itemsize
            boxes.append(payload[_HEAD.size : looks_at])
            looks.append(payload[looks_at:ends_at])
            ends.append(payload[ends_at:])
        tracked = _tracked(b"".join(boxes))
        observed = _observations(np.frombuffer(b"".join(looks), self._observed))
        box = 0
        for (_, number, index, timestamp_ns, box_count, look_count, _), ended in zip(heads, ends, strict=True):
            yield EncodedStep(
                camera=self._cameras[number],
                index=index,
                timestamp_ns=timestamp_ns,
                tracked=tracked(box, box := box + box_count),
                observations=tuple([observed(self._cameras[number]) for _ in range(look_count)]),
                ended=tuple(np.frombuffer(ended, _ENDED).tolist()) if ended else (),
            )


def _tracked(rows: bytes) -> Callable[[int, int], TrackedBoxes]:
    """Gives the boxes from one row to another, as they are asked for."""
    table = np.frombuffer(rows, _TRACKED)
    xyxy, score = _column(table, "xyxy", np.float32), _column(table, "score", np.float32)
    track_id = _column(table, "track_id", np.int64)

    def some(first: int, end: int) -> TrackedBoxes:
        if first == end:
            return _NO_BOXES
        return checked_before(TrackedBoxes, xyxy=xyxy[first:end], score=score[first:end], track_id=track_id[first:end])

    return some


def _observations(table: NDArray[np.void]) -> Callable[[str], Observation]:
    """Gives one observation after the other; the camera is not in the rows."""
    names = ("track_id", "frame_index", "timestamp_ns", "quality")
    numbers = zip(*(table[name].tolist() for name in names), strict=True)
    arrays = zip(_column(table, "xyxy", np.float32), _column(table, "vector", np.float32), strict=True)
    rows = zip(numbers, arrays, strict=True)

    def following(camera: str) -> Observation:
        (track_id, frame_index, timestamp_ns, quality), (xyxy, vector) = next(rows)
        return checked_before(
            Observation,
            camera=camera,
            track_id=track_id,
            frame_index=frame_index,
            timestamp_ns=timestamp_ns,
            xyxy=xyxy,
            quality=quality,
            vector=vector,
        )

    return following


def _column(table: NDArray[np.void], name: str, dtype: type[np.generic]) -> NDArray[Any]:
    """One field of all rows, side by side and read-only. Raises `ValueError` for NaN and infinity."""
    column = np.ascontiguousarray(table[name], dtype)
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        raise ValueError(f"a journal's {name}: holds NaN or infinity")
    column.flags.writeable = False
    return column
