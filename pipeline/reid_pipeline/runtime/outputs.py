"""What a run leaves behind in its output folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from reid_pipeline.core.associator import Associator
from reid_pipeline.core.standing import Decisions
from reid_pipeline.records.document import CameraRecord, RunInfo, RunSummary
from reid_pipeline.records.events import CameraEvent, EventLog, RunEvent
from reid_pipeline.records.journal import JournalWriter
from reid_pipeline.records.tracks import TrackRecorder
from reid_pipeline.types import EncodedStep


@dataclass(slots=True)
class Outputs:
    """The open files of a run: events are appended as they happen, tracks.json is written at the end."""

    folder: Path
    recorder: TrackRecorder
    log: EventLog
    journal: JournalWriter | None = None
    held: list[CameraEvent] = field(default_factory=list)
    last_ns: int = 0

    @property
    def tracks(self) -> Path:
        return self.folder / "tracks.json"

    def step(self, seen: EncodedStep, tracked: EncodedStep) -> None:
        """Keep one camera step: in the journal as it was `seen`, in the records as `tracked` in the end."""
        self.last_ns = max(self.last_ns, seen.timestamp_ns)
        self.recorder.add(tracked)
        if self.journal is not None:
            self.journal.write(seen)

    def decided(self, decisions: Decisions) -> None:
        """Keep what was decided about identities."""
        for assignment in decisions.assignments:
            self.log.write(assignment)
        for event in decisions.events:
            self.log.write(event)
        for settlement in decisions.settled:
            self.log.write(settlement)
        self.recorder.keep(decisions)

    def tell(self, event: CameraEvent | RunEvent) -> None:
        """Keep what happened to a camera or the run; from any thread."""
        self.log.write(event)

    def hold(self, event: CameraEvent) -> None:
        """Keep what happened to a camera until its time comes: its place in the log then depends on that alone."""
        self.held.append(event)

    def tell_held(self, before_ns: int | None = None) -> None:
        """Write what was held of the time before; None is all of it."""
        self.held.sort(key=lambda event: (event.timestamp_ns, event.camera))
        while self.held and (before_ns is None or self.held[0].timestamp_ns < before_ns):
            self.log.write(self.held.pop(0))

    def write(self, run: RunInfo, cameras: list[CameraRecord], associator: Associator) -> None:
        """Write tracks.json, and the end of the journal."""
        self.recorder.write(self.tracks, RunSummary(run, cameras, associator.identities(), associator.people.now))
        if self.journal is not None:
            self.journal.close({camera.id: camera.dropped for camera in cameras})

    def close(self) -> None:
        """Close the files; what was not written is lost."""
        self.recorder.close()
        self.log.close()
        if self.journal is not None:
            self.journal.close()
