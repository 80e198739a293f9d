"""Reading truth files: MOTChallenge rows `frame(1-based),id,x,y,w,h,...`, one file per camera, `#` starts a comment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.errors import RecordError
from reid_tools.evaluate.sequence import Floats, Ints

# From this many columns on a row is a full MOTChallenge one, whose seventh column says whether it counts.
_MOTCHALLENGE_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class CameraTruth:
    """The true boxes of one camera.

    `frame` counts from 0, (N,); `person` holds the file's ids, (N,), which all cameras share; `xyxy` px, (N, 4).
    `ignored` (N,) marks boxes that neither count as missed nor as found.
    """

    frame: Ints
    person: Ints
    xyxy: Floats
    ignored: NDArray[np.bool_]


def read_truth(path: Path) -> CameraTruth:
    """Read one camera's truth.

    Rows of eight columns or more follow MOTChallenge: a 0 in the seventh marks a box to ignore. In shorter rows the
    seventh column is a score, and every row counts. A file without rows is a camera that saw nobody.

    Raises:
        RecordError: The file cannot be read, or a row is wrong; the message names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise RecordError(f"{path}: cannot read the truth file: {reason}") from error
    rows: list[tuple[float, ...]] = []
    seen: dict[tuple[float, float], int] = {}
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        row = _row(text, where=f"{path}:{number}")
        first = seen.setdefault((row[0], row[1]), number)
        if first != number:
            raise RecordError(
                f"{path}:{number}: id {row[1]:.0f} is already in frame {row[0]:.0f} (line {first}); "
                "expected each id once per frame"
            )
        rows.append(row)
    table = np.array(rows, np.float64).reshape(-1, 7)
    corners = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    return CameraTruth(
        frame=table[:, 0].astype(np.int64) - 1,
        person=table[:, 1].astype(np.int64),
        xyxy=corners,
        ignored=table[:, 6] == 0,
    )


def _row(text: str, *, where: str) -> tuple[float, ...]:
    """The row as frame, id, x, y, w, h and whether it counts (1) or is ignored (0)."""
    columns = text.split(",")
    if len(columns) < 6:
        raise RecordError(f"{where}: expected frame,id,x,y,w,h,... separated by commas, got {text!r}")
    full = len(columns) >= _MOTCHALLENGE_COLUMNS
    try:
        frame, person, x, y, width, height = (float(column) for column in columns[:6])
        counts = float(float(columns[6]) != 0) if full else 1.0
    except ValueError:
        raise RecordError(f"{where}: expected numbers in the first {7 if full else 6} columns, got {text!r}") from None
    if not all(map(math.isfinite, (frame, person, x, y, width, height))):
        raise RecordError(f"{where}: expected finite numbers, got {text!r}")
    if frame < 1 or frame != int(frame):
        raise RecordError(f"{where}: expected a frame number from 1, got {columns[0].strip()}")
    if person < 0 or person != int(person):
        raise RecordError(f"{where}: expected a whole, non-negative id, got {columns[1].strip()}")
    if width <= 0 or height <= 0:
        raise RecordError(f"{where}: expected a box with a width and a height, got {width:g} x {height:g}")
    return frame, person, x, y, width, height, counts
