"""events.jsonl: what happens during a run, one JSON object per line, readable while the run goes on.

    {"type": "run_started" | "run_stopped", "time": s, "run": id, "message": ...}
    {"type": "gallery_away" | "gallery_back", "time": s, "run": id, "message": ...}
    {"type": "stall" | "reconnect" | "lost" | "dropped" | ..., "time": s, "camera": name, "count": n, "message": ...}
    {"type": "assignment", "time": s, "tracklet": "camera:track_id", "identity": id, "score": ..., "margin": ..., ...}
    {"type": "new" | "linked" | "revised" | ..., as in tracks.json}
    {"type": "settled", "time": s, "tracklet": ..., "identity": id, "start": s, "end": s, "score": ..., ...}

Every track that has an answer is `settled` once: when it has been over for `association.window_s`, or the run ends. No
later line of the run changes its identity. So whoever reads these lines alone knows who was where from when to when,
and whoever cannot wait takes the assignments and what revises them.

Times are seconds of the run's clock, so a replay writes the same lines again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from reid_pipeline.records.files import write_whole, writing
from reid_pipeline.records.fixed import Json, decimal, seconds, to_json
from reid_pipeline.records.writer import event_fields
from reid_pipeline.types import Assignment, IdentityEvent, Settlement


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Something happened to the whole run.

    `type` is "run_started", "run_stopped", "gallery_away" (its database cannot be reached; what is new waits) or
    "gallery_back" (what waited was committed).
    """

    type: str
    timestamp_ns: int
    run: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """Something happened to a camera's source (stall, reconnect, lost, dropped, ...), `count` times."""

    type: str
    timestamp_ns: int
    camera: str
    message: str = ""
    count: int = 1


Event: TypeAlias = Assignment | Settlement | IdentityEvent | RunEvent | CameraEvent


class EventLog:
    """Appends events to a file; each line goes to the system whole and at once, from any thread."""

    def __init__(self, path: Path, *, append: bool = False) -> None:
        """Open the file, afresh or behind what is there; a last line that was cut off is dropped. Raises `RecordError`.

        Args:
            path: the file; its folders are made.
            append: keep the lines of earlier runs, as a live run that is started again does.
        """
        self._path = path
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
            self._file.truncate(_whole_lines_bytes(path) if append else 0)

    def write(self, event: Event) -> None:
        """Append one event. Raises `RecordError` when the disk refuses."""
        line = to_json(_fields(event)).encode() + b"\n"
        with writing(self._path):
            write_whole(self._file, line)

    def close(self) -> None:
        """Close the file; nothing may be written afterwards."""
        self._file.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _whole_lines_bytes(path: Path) -> int:
    """The length of the file up to its last line end."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        while end > 0:
            begin = max(0, end - 4096)
            file.seek(begin)
            found = file.read(end - begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            end = begin
    return 0


def _fields(event: Event) -> Json:
    if isinstance(event, Assignment):
        return _assignment_fields(event)
    if isinstance(event, Settlement):
        return _settlement_fields(event)
    if isinstance(event, IdentityEvent):
        return event_fields(event)
    fields: dict[str, Json] = {"type": event.type, "time": seconds(event.timestamp_ns)}
    if isinstance(event, RunEvent):
        fields["run"] = event.run
    else:
        fields |= {"camera": event.camera, "count": event.count}
    if event.message:
        fields["message"] = event.message
    return fields


def _assignment_fields(assignment: Assignment) -> Json:
    return {
        "identity": assignment.identity,
        "margin": decimal(assignment.margin, 4),
        "reason": assignment.reason,
        "score": decimal(assignment.score, 4),
        "state": assignment.state.value,
        "time": seconds(assignment.timestamp_ns),
        "tracklet": str(assignment.key),
        "type": "assignment",
    }


def _settlement_fields(settlement: Settlement) -> Json:
    assignment = settlement.assignment
    return {
        "end": seconds(settlement.end_ns),
        "identity": assignment.identity,
        "margin": decimal(assignment.margin, 4),
        "score": decimal(assignment.score, 4),
        "start": seconds(settlement.start_ns),
        "state": assignment.state.value,
        "time": seconds(settlement.timestamp_ns),
        "tracklet": str(assignment.key),
        "type": "settled",
    }
