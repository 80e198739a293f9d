"""Values in the few characters that a terminal has room for."""

from __future__ import annotations

from pathlib import Path


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
