"""Values in the few characters that a terminal has room for."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

# times before this many seconds are counted from the start of a recording whose wall time nobody knew
_FIRST_WALL_TIME_S = 315_532_800


def short_path(path: Path) -> str:
    """The path as one would type it here: relative below the working folder, absolute elsewhere."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def short_count(number: float) -> str:
    """A number in few characters: 9500, 12.3k, 20.1M."""
    for least, size, unit in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if number >= least:
            return f"{number / size:.1f}{unit}"
    return f"{number:.0f}"


def moment(timestamp_ns: int) -> str:
    """A wall time in UTC, or seconds from the start of a recording."""
    seconds = timestamp_ns / 1e9
    if seconds < _FIRST_WALL_TIME_S:
        return f"{seconds:.1f} s"
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
