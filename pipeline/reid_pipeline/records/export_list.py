"""Which exports were made of a run, so that whoever is erased from the run can be erased from them: `exports.jsonl`."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reid_pipeline.records.files import reading

EXPORTS = "exports.jsonl"


@dataclass(frozen=True, slots=True)
class NotedExport:
    """An export and where it was written."""

    format: str
    path: Path


def note_export(folder: Path, export: NotedExport) -> None:
    """Add an export to the run's list; a run in a folder that cannot be written keeps none."""
    line = json.dumps({"format": export.format, "path": str(export.path)}, sort_keys=True)
    with suppress(OSError), (folder / EXPORTS).open("a", encoding="utf-8", newline="\n") as file:
        file.write(line + "\n")


def noted_exports(folder: Path) -> list[NotedExport]:
    """The exports on the run's list, each once; lines that are none are passed over. Raises `RecordError`."""
    path = folder / EXPORTS
    if not path.exists():
        return []
    with reading(path):
        lines = path.read_text(encoding="utf-8").splitlines()
    found: dict[NotedExport, None] = {}
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            fields = json.loads(line)
            found[NotedExport(str(fields["format"]), Path(fields["path"]))] = None
    return list(found)
