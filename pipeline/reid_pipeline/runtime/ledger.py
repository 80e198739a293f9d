"""A run's books: opened before the first frame, closed with everything written, whatever happened in between."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from threadpoolctl import threadpool_limits

from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.config.models import Config
from reid_pipeline.core.associator import Associator
from reid_pipeline.core.offsets import Offset
from reid_pipeline.core.timeline import Timeline
from reid_pipeline.errors import PipelineError
from reid_pipeline.gallery.evidence import RunEntry
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_gallery
from reid_pipeline.records.document import CameraRecord, ModelRecord, RunInfo
from reid_pipeline.records.events import EventLog, RunEvent
from reid_pipeline.records.journal import JournalHeader, JournalWriter
from reid_pipeline.records.run_record import CameraHealth, RunRecord, RunState, write_run_record
from reid_pipeline.records.tracks import TrackRecorder
from reid_pipeline.runtime.identify import Identify
from reid_pipeline.runtime.memory import Memory, MemoryRules
from reid_pipeline.runtime.outputs import Outputs
from reid_pipeline.runtime.premises import gallery_store, output_folder
from reid_pipeline.runtime.report import RunOptions, RunReport
from reid_pipeline.runtime.settings import association_rules, start_ns, topology
from reid_pipeline.runtime.stopwatch import Stopwatch

COMMIT_EVERY_S = 2.0
"""A live run that dies loses no more than this of what it learned about people."""


@dataclass(slots=True)
class Ledger:
    """What a run is, and everything it writes. `close_books` ends it; until then run.json says that it is running."""

    info: RunInfo
    outputs: Outputs
    identify: Identify
    memory: Memory
    watch: Stopwatch
    started_ns: int
    extra_paths: dict[str, Path] = field(default_factory=dict)
    closed: bool = False

    @property
    def run_path(self) -> Path:
        return self.outputs.folder / "run.json"

    def close_books(
        self, cameras: Sequence[CameraRecord], health: Mapping[str, CameraHealth], *, state: RunState, error: str = ""
    ) -> RunReport:
        """Decide what is still open, teach the gallery, write tracks.json and run.json, and say what was found.

        Each is tried even if another fails; the first `PipelineError` is raised in the end.
        """
        self.closed = True
        self.identify.finish()
        stopped_ns = time.time_ns()
        failures = [*_failures(self._teach), *_failures(lambda: self._write_tracks(cameras))]
        if failures:
            state, error = RunState.FAILED, error or str(failures[0])
        ended = RunEvent("run_stopped", self.outputs.last_ns, self.info.id, state.value)
        failures += _failures(lambda: self.outputs.tell(ended))
        self._write_run(health, state=state, stopped_ns=stopped_ns, error=error)
        if failures:
            raise failures[0]
        return self._report(cameras, health, state=state, seconds=(stopped_ns - self.started_ns) / 1e9)

    def keep_journal(self, path: Path, header: JournalHeader) -> None:
        """Also write every step to a journal. Raises `RecordError`."""
        self.outputs.journal = JournalWriter(path, header)
        self.extra_paths["journal"] = path
        self.memory.keep_journal(path)

    def note_running(self, health: Mapping[str, CameraHealth]) -> None:
        """Say in run.json that the run is on."""
        self._write_run(health, state=RunState.RUNNING, stopped_ns=None, error="")

    def _teach(self) -> None:
        self.identify.commit()
        with self.watch.measure("write"):
            self.memory.finish(self.outputs.recorder.links())

    def _write_tracks(self, cameras: Sequence[CameraRecord]) -> None:
        with self.watch.measure("write"):
            self.outputs.write(self.info, list(cameras), self.identify.associator)

    def _write_run(
        self, health: Mapping[str, CameraHealth], *, state: RunState, stopped_ns: int | None, error: str
    ) -> None:
        record = RunRecord(
            id=self.info.id,
            mode=self.info.mode,
            config_sha256=self.info.config_sha256,
            state=state,
            started_ns=self.started_ns,
            stopped_ns=stopped_ns,
            cameras=health,
            error=error,
            stages=self.watch.seconds(),
            clocks=self._wrong_clocks(),
        )
        write_run_record(self.run_path, record)

    def _wrong_clocks(self) -> tuple[Offset, ...]:
        return tuple(offset for offset in self.identify.associator.clocks.offsets() if offset.sure)

    def _report(
        self,
        cameras: Sequence[CameraRecord],
        health: Mapping[str, CameraHealth],
        *,
        state: RunState,
        seconds: float,
    ) -> RunReport:
        recorder = self.outputs.recorder
        paths = {"tracks": self.outputs.tracks, "events": self.outputs.folder / "events.jsonl", "run": self.run_path}
        return RunReport(
            mode=self.info.mode,
            people=len(self.identify.associator.identities()),
            cameras=len(cameras),
            tracklets=recorder.count_tracklets(),
            links=recorder.count_crossings(),
            frames=sum(camera.frames for camera in cameras),
            dropped=sum(camera.dropped for camera in cameras),
            seconds=seconds,
            paths=paths | self.extra_paths,
            failures=tuple(one.error for one in health.values() if one.error),
            clocks=self._wrong_clocks(),
            stages=self.watch.seconds(),
            stopped=state is RunState.STOPPED,
        )


def _failures(close: Callable[[], None]) -> list[PipelineError]:
    """The error of one of several things to do, if there is one; it must not keep the others from being tried."""
    try:
        close()
    except PipelineError as failure:
        return [failure]
    return []


@dataclass(frozen=True, slots=True)
class Models:
    """What a run needs to know of its models. `encoder` stamps the gallery; `match` is its threshold."""

    detector: ModelRecord
    encoder: EncoderStamp
    match: float


@contextmanager
def open_ledger(
    loaded: LoadedConfig, options: RunOptions, *, mode: str, models: Models, header: JournalHeader, watch: Stopwatch
) -> Iterator[Ledger]:
    """Open the gallery, the output folder and the association between them.

    Raises `GalleryError` when the gallery cannot be used, `RecordError` when the folder cannot be written.
    """
    config = loaded.config
    folder = output_folder(loaded, options)
    live = mode == "live"
    started_ns = time.time_ns()
    with ExitStack() as stack:
        # association multiplies many small matrices: more threads only wait for each other
        stack.enter_context(threadpool_limits(1, user_api="blas"))
        # the garbage collector need not walk through all that was loaded before, again and again while the run goes on
        gc.freeze()
        stack.callback(gc.unfreeze)
        gallery = open_gallery(
            gallery_store(loaded, options), encoder=models.encoder, base=loaded.path.parent, key=config.gallery.key
        )
        stack.callback(gallery.close)
        info = RunInfo(
            id=f"{mode}-{loaded.sha256[:12]}" + (f"-{started_ns // 1_000_000}" if live else ""),
            config_sha256=loaded.sha256,
            software=f"reid-pipeline {version('reid-pipeline')}",
            detector=models.detector,
            encoder=ModelRecord(models.encoder.name, models.encoder.sha256),
            mode=mode,
            deterministic=not live,
            epoch_ns=header.epoch_ns,
        )
        memory = Memory(
            gallery,
            RunEntry(info.id, folder=str(folder.absolute()), journal="", started_ns=started_ns),
            MemoryRules(
                zero_unix_ns=started_ns if header.epoch_ns is None else header.epoch_ns,
                retention_s=config.gallery.retention_s,
                window_s=config.association.window_s,
            ),
        )
        associator = Associator(association_rules(config, models.match), topology(config), memory.snapshot())
        recorder = stack.enter_context(TrackRecorder(folder))
        outputs = Outputs(folder, recorder, EventLog(folder / "events.jsonl"))
        stack.callback(outputs.close)
        memory.report_to(lambda kind, line: outputs.tell(RunEvent(kind, outputs.last_ns, info.id, line)))
        identify = Identify(
            associator,
            memory,
            outputs,
            timeline=_timeline(config, header),
            commit_every_s=COMMIT_EVERY_S if live else None,
            watch=watch,
        )
        ledger = Ledger(info, outputs, identify, memory, watch, started_ns)
        outputs.tell(RunEvent("run_started", 0, info.id))
        yield ledger


def _timeline(config: Config, header: JournalHeader) -> Timeline:
    cameras = [camera.id for camera in header.cameras]
    starts_ns = {name: start_ns(camera, header.epoch_ns) for name, camera in config.cameras.items()}
    return Timeline(cameras, starts_ns)
