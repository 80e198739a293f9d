"""The part of a run that watches: cameras, models and the pump between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from reid_engines.backends import FirstBuild
from reid_engines.encoders import open_encoder
from reid_engines.errors import EngineError
from reid_engines.protocol import Encoder
from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.config.models import Config
from reid_pipeline.core.crops import CropChooser
from reid_pipeline.detect.protocol import Detector
from reid_pipeline.detect.table import DetectorOptions, open_detector
from reid_pipeline.errors import PipelineError
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.records.crops import CropSaver
from reid_pipeline.records.document import ModelRecord
from reid_pipeline.records.events import CameraEvent
from reid_pipeline.records.journal import JournalCamera, JournalHeader
from reid_pipeline.records.run_record import CameraHealth, RunState
from reid_pipeline.runtime.camera import CameraStage
from reid_pipeline.runtime.cameras import DEFAULT_FPS, CameraRun, make_cameras, open_cameras
from reid_pipeline.runtime.ledger import Ledger, Models, open_ledger
from reid_pipeline.runtime.premises import check_memory, check_places, journal_path, output_folder
from reid_pipeline.runtime.pump import Pump
from reid_pipeline.runtime.report import Progress, RunOptions, RunReport
from reid_pipeline.runtime.settings import crop_rules
from reid_pipeline.runtime.stopwatch import Stopwatch
from reid_pipeline.track.table import TrackerOptions, open_tracker
from reid_pipeline.types import Frame
from reid_pipeline.video.options import SourceEvent
from reid_pipeline.video.protocol import SourceInfo


@dataclass(slots=True)
class VideoRun:
    """Open cameras, models and books. A driver pushes frames and says when a camera is over."""

    cameras: Mapping[str, CameraRun]
    pump: Pump
    ledger: Ledger
    progress: Progress
    tell: Callable[[CameraEvent], None]
    frames: Counter[str] = field(default_factory=Counter)
    told_dropped: Counter[str] = field(default_factory=Counter)

    def push(self, frame: Frame) -> None:
        """One more frame of any camera."""
        self.frames[frame.camera] += 1
        self.ledger.identify.take(self.pump.push(frame))
        self.progress.advance("frames", self.frames.total())

    def flush(self) -> None:
        """Nothing new for a moment: go on with what is there."""
        self.ledger.identify.take(self.pump.flush())

    def end(self, camera: CameraRun) -> None:
        """The camera gives nothing more."""
        self.ledger.identify.take(self.pump.drain())
        if camera.failure:
            self.tell(CameraEvent("lost", camera.last_ns, camera.name, camera.failure))
            if camera.source.live:  # whoever watches a live site wants to know now and not at its end
                self.progress.note(camera.failure)
        self.tell_drops()
        self.ledger.identify.wait_no_longer_for(camera.name)

    def tell_drops(self) -> None:
        """Say in the log how many frames each camera lost since this was last said."""
        for name, camera in self.cameras.items():
            count = camera.dropped - self.told_dropped[name]
            if count:
                self.tell(CameraEvent("dropped", camera.last_ns, name, count=count))
                self.told_dropped[name] += count

    def finish(self, *, stopped: bool) -> RunReport:
        """Write everything."""
        self.ledger.identify.take(self.pump.drain())
        return self._close(RunState.STOPPED if stopped else RunState.FINISHED)

    def fail(self, error: Exception) -> None:
        """Write what was finished before the error."""
        with suppress(Exception):  # what failed may fail again; everything before that has been taken then
            self.ledger.identify.take(self.pump.salvage())
        self._close(RunState.FAILED, error=_one_line(error))

    def health(self) -> dict[str, CameraHealth]:
        return {name: camera.health() for name, camera in self.cameras.items()}

    def _close(self, state: RunState, *, error: str = "") -> RunReport:
        for name in self.cameras:
            self.ledger.identify.wait_no_longer_for(name)
        for name, late in self.ledger.identify.late.items():
            self.cameras[name].skipped += late
        self.tell_drops()
        records = [camera.record(self.frames[name]) for name, camera in self.cameras.items()]
        return self.ledger.close_books(records, self.health(), state=state, error=error)


@contextmanager
def open_video_run(
    loaded: LoadedConfig, options: RunOptions, progress: Progress, *, mode: str, epoch_ns: int | None
) -> Iterator[VideoRun]:
    """Open what a run needs, what can quickly be told to be unusable first: places, encoder, cameras, detector, books.

    A camera that cannot be opened is noted and the others go on. An error of any other kind ends the run, after what
    was finished up to there has been written.
    """
    early: list[CameraEvent] = []
    tell = early.append

    def report(event: SourceEvent) -> None:
        tell(CameraEvent(event.type, event.timestamp_ns, event.camera, event.message))

    check_places(loaded, options)
    check_memory(loaded, options, None)
    cameras = make_cameras(loaded.config, epoch_ns=epoch_ns, report=report)
    watch = Stopwatch()
    with ExitStack() as stack:
        # a replay must not change engines half-way, so it waits for one that has to be built
        first_build = FirstBuild(progress.note, in_background=mode == "live")
        encoder = _open_encoder(loaded.config, options, progress, first_build=first_build, stack=stack)
        stamp = EncoderStamp(encoder.name, encoder.sha256, encoder.dim)
        check_memory(loaded, options, stamp)
        for camera in cameras.values():
            stack.callback(camera.source.close)
        open_cameras(cameras)
        detector = _open_detector(
            loaded.config, options, progress, cameras=cameras, first_build=first_build, stack=stack
        )
        stages = _stages(loaded, options, cameras, watch)
        pump = Pump(detector, encoder, stages, every=loaded.config.detector.every, watch=watch)
        models = Models(ModelRecord(detector.name, detector.sha256), stamp, encoder.match)
        header = _journal_header(cameras, models, epoch_ns)
        ledger = stack.enter_context(open_ledger(loaded, options, mode=mode, models=models, header=header, watch=watch))
        journal = journal_path(loaded, options)
        if journal is not None:
            ledger.keep_journal(journal, header)
        tell = ledger.outputs.hold if mode == "replay" else ledger.outputs.tell
        for event in early:
            tell(event)
        run = VideoRun(cameras, pump, ledger, progress, tell)
        ledger.note_running(run.health())
        progress.begin("frames", None if options.limit_s else _total(cameras))
        try:
            yield run
        except Exception as error:
            if not ledger.closed:
                with suppress(PipelineError):  # the first error says more than the disk that is full because of it
                    run.fail(error)
            raise
        finally:
            progress.end("frames")


def _total(cameras: Mapping[str, CameraRun]) -> int | None:
    """The frames of all cameras that could be opened, None where that is not known."""
    totals = [camera.info.frames for camera in cameras.values() if camera.info is not None]
    known = [total for total in totals if total is not None]
    return sum(known) if len(known) == len(totals) else None


def _one_line(error: Exception) -> str:
    if isinstance(error, PipelineError | EngineError):
        return str(error)
    return f"unexpected {type(error).__name__}: {' '.join(str(error).split())}"


def _open_encoder(
    config: Config, options: RunOptions, progress: Progress, *, first_build: FirstBuild, stack: ExitStack
) -> Encoder:
    encoder = open_encoder(
        config.encoder.model,
        backend=config.encoder.backend,
        threads=config.encoder.threads or options.threads,
        mirror=options.mirror,
        progress=_pull_bar(progress),
        first_build=first_build,
    )
    stack.callback(encoder.close)
    return encoder


def _open_detector(
    config: Config,
    options: RunOptions,
    progress: Progress,
    *,
    cameras: Mapping[str, CameraRun],
    first_build: FirstBuild,
    stack: ExitStack,
) -> Detector:
    detector = open_detector(
        DetectorOptions(
            model=config.detector.model,
            confidence=config.detector.confidence,
            backend=config.detector.backend,
            batch=config.detector.batch,
            threads=config.detector.threads or options.threads,
            detections={name: Path(path) for name, path in config.detector.detections.items()},
        ),
        frame_sizes=[(camera.info.width, camera.info.height) for camera in cameras.values() if camera.info is not None],
        mirror=options.mirror,
        progress=_pull_bar(progress),
        first_build=first_build,
    )
    stack.callback(detector.close)
    return detector


def _stages(
    loaded: LoadedConfig, options: RunOptions, cameras: Mapping[str, CameraRun], watch: Stopwatch
) -> dict[str, CameraStage]:
    config = loaded.config
    saver = CropSaver(output_folder(loaded, options)) if config.output.crops else None
    tracker = TrackerOptions(config.tracker.algorithm, config.tracker.lost_s)
    return {
        name: CameraStage(
            open_tracker(tracker, (camera.info.fps if camera.info else DEFAULT_FPS) / config.detector.every),
            CropChooser(crop_rules(config)),
            watch,
            saver,
        )
        for name, camera in cameras.items()
    }


def _journal_header(cameras: Mapping[str, CameraRun], models: Models, epoch_ns: int | None) -> JournalHeader:
    infos = {name: camera.info or SourceInfo(0, 0, 0.0, None) for name, camera in cameras.items()}
    return JournalHeader(
        cameras=tuple(JournalCamera(name, info.width, info.height, info.fps) for name, info in infos.items()),
        detector=models.detector,
        encoder=ModelRecord(models.encoder.name, models.encoder.sha256),
        dim=models.encoder.dim,
        match=models.match,
        epoch_ns=epoch_ns,
    )


def _pull_bar(progress: Progress) -> Callable[[str, int, int], None]:
    """A progress bar that appears with the first byte and goes with the last."""
    shown: set[str] = set()

    def advance(name: str, done: int, total: int) -> None:
        task = f"pulling {name}"
        if name not in shown:
            shown.add(name)
            progress.begin(task, total)
        progress.advance(task, done)
        if done >= total:
            shown.discard(name)
            progress.end(task)

    return advance
