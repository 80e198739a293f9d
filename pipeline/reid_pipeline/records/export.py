"""Turns a tracks document into what other tools read.

    json      tracks.json again, indented for people
    mot       a folder with one MOTChallenge file per camera: frame (from 1), id, x, y, w, h, score, -1, -1, -1
    aicity    one AI City file: camera (from 1) id frame (from 0) x y w h -1 -1, whole pixels, spaces between
    csv       one flat table with a header, a row per box

`mot` and `aicity` have numbers for people, so tracklets without an identity cannot be in them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from reid_pipeline.errors import ConfigError
from reid_pipeline.records.document import TracksDocument
from reid_pipeline.records.files import replacing
from reid_pipeline.records.fixed import Json, to_json
from reid_pipeline.records.writer import write_document

_CSV_COLUMNS = ("camera", "frame", "time", "track_id", "identity", "x", "y", "width", "height", "score")


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written; `left_out` counts the tracklets that the format has no place for."""

    format: str
    paths: tuple[Path, ...]
    boxes: int
    left_out: int

    @property
    def note(self) -> str:
        """One line about what is not there, or ""."""
        if not self.left_out:
            return ""
        tracklets = "1 tracklet" if self.left_out == 1 else f"{self.left_out} tracklets"
        return f"{tracklets} without an identity left out: {self.format} has no way to say so"


def export(document: TracksDocument, format: str, output: Path) -> ExportReport:
    """Write the document in another format.

    Args:
        document: what `read_tracks` gave.
        format: one of `FORMATS`.
        output: the file to write, for `mot` the folder; replaced when it is there.

    Raises:
        ConfigError: an unknown format.
        RecordError: the output cannot be written.
    """
    write = FORMATS.get(format)
    if write is None:
        raise ConfigError(f"--format: expected one of {', '.join(FORMATS)}, got {format!r}")
    return write(document, output)


def identity_numbers(document: TracksDocument) -> dict[str, int]:
    """A number from 1 for each identity: its own (P0007 is 7) or, where these are not unique, its place in the list."""
    endings = [re.search(r"[0-9]+$", identity.id) for identity in document.identities]
    numbers = [int(ending.group()) for ending in endings if ending]
    if len(set(numbers)) < len(document.identities) or 0 in numbers:
        numbers = list(range(1, len(document.identities) + 1))
    return {identity.id: number for identity, number in zip(document.identities, numbers, strict=True)}


class _Box(NamedTuple):
    """One box with whose it is; `identity` is "" where nobody knows."""

    identity: str
    track_id: int
    frame: int
    time_s: float
    xywh: list[float]
    score: float


def _boxes(document: TracksDocument, camera: str, *, anonymous: bool) -> Iterator[_Box]:
    """The boxes of one camera by frame, then track; those without an identity only when `anonymous`."""
    tracklets = [each for each in document.tracklets if each.camera == camera and (anonymous or each.identity)]
    if not tracklets:
        return
    frames = np.concatenate([tracklet.frame for tracklet in tracklets])
    owners = np.repeat(np.arange(len(tracklets)), [len(tracklet) for tracklet in tracklets])
    places = np.concatenate([np.arange(len(tracklet)) for tracklet in tracklets])
    for row in np.lexsort((owners, frames)).tolist():
        tracklet, place = tracklets[owners[row]], places[row]
        yield _Box(
            identity=tracklet.identity or "",
            track_id=tracklet.track_id,
            frame=int(tracklet.frame[place]),
            time_s=float(tracklet.time_s[place]),
            xywh=tracklet.xywh[place].tolist(),
            score=float(tracklet.box_score[place]),
        )


def _json(document: TracksDocument, output: Path) -> ExportReport:
    with replacing(output) as unfinished, unfinished.open("w", encoding="ascii", newline="\n") as out:
        write_document(out, document, document.tracklets, render=_indented)
    return ExportReport("json", (output,), sum(map(len, document.tracklets)), 0)


def _indented(value: Json) -> str:
    return json.dumps(json.loads(to_json(value)), indent=2)


def _mot(document: TracksDocument, output: Path) -> ExportReport:
    numbers = identity_numbers(document)
    count = 0
    paths = tuple(output / f"{camera.id}.txt" for camera in document.cameras)
    for camera, path in zip(document.cameras, paths, strict=True):
        with replacing(path) as unfinished, unfinished.open("w", encoding="ascii", newline="\n") as out:
            for box in _boxes(document, camera.id, anonymous=False):
                number = numbers[box.identity]
                sides = ",".join(f"{side:.2f}" for side in box.xywh)
                out.write(f"{box.frame + 1},{number},{sides},{box.score:.4f},-1,-1,-1\n")
                count += 1
    return ExportReport("mot", paths, count, _anonymous(document))


def _aicity(document: TracksDocument, output: Path) -> ExportReport:
    numbers = identity_numbers(document)
    count = 0
    with replacing(output) as unfinished, unfinished.open("w", encoding="ascii", newline="\n") as out:
        for camera_number, camera in enumerate(document.cameras, start=1):
            for box in _boxes(document, camera.id, anonymous=False):
                number = numbers[box.identity]
                sides = " ".join(str(round(side)) for side in box.xywh)
                out.write(f"{camera_number} {number} {box.frame} {sides} -1 -1\n")
                count += 1
    return ExportReport("aicity", (output,), count, _anonymous(document))


def _csv(document: TracksDocument, output: Path) -> ExportReport:
    count = 0
    with replacing(output) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(_CSV_COLUMNS)
        for camera in document.cameras:
            for box in _boxes(document, camera.id, anonymous=True):
                sides = [f"{side:.2f}" for side in box.xywh]
                who = (box.track_id, box.identity)
                table.writerow([camera.id, box.frame, f"{box.time_s:.3f}", *who, *sides, f"{box.score:.4f}"])
                count += 1
    return ExportReport("csv", (output,), count, 0)


def _anonymous(document: TracksDocument) -> int:
    return sum(tracklet.identity is None for tracklet in document.tracklets)


FORMATS: Mapping[str, Callable[[TracksDocument, Path], ExportReport]] = MappingProxyType(
    {"json": _json, "mot": _mot, "aicity": _aicity, "csv": _csv}
)
