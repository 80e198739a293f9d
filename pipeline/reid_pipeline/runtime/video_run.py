"""The part of a run that watches: cameras, models and the pump between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

from reid_engines.encoders import open_encoder
from reid_engines.errors import EngineError
from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.core.crops import CropChooser
from reid_pipeline.detect.table import DetectorOptions, open_detector
from reid_pipeline.errors import PipelineError
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.records.crops import CropSaver
from reid_pipeline.records.document import ModelRecord
from reid_pipeline.records.events import CameraEvent
from reid_pipeline.records.journal import JournalCamera, JournalHeader
from reid_pipeline.records.run_record import CameraHealth, RunState
from reid_pipeline.runtime.camera import CameraStage
from reid_pipeline.runtime.cameras import CameraRun, make_cameras, open_cameras
from reid_pipeline.runtime.ledger import Ledger, Models, open_ledger, output_folder
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
    frames: dict[str, int]

    def push(self, frame: Frame) -> None:
        """One more frame of any camera."""
        self.frames[frame.camera] += 1
        self.ledger.identify.take(self.pump.push(frame))
        self.progress.advance("frames", sum(self.frames.values()))

    def flush(self) -> None:
        """Nothing new for a moment: go on with what is there."""
        self.ledger.identify.take(self.pump.flush())

    def end(self, camera: CameraRun) -> None:
        """The camera gives nothing more."""
        self.ledger.identify.take(self.pump.drain())
        self.ledger.identify.wait_no_longer_for(camera.name)
        if camera.failure:
            self.progress.note(camera.failure)

    def finish(self, *, stopped: bool, error: str = "") -> RunReport:
        """Write everything."""
        self.ledger.identify.take(self.pump.drain())
        for name in self.cameras:
            self.ledger.identify.wait_no_longer_for(name)
        for name, late in self.ledger.identify.late.items():
            self.cameras[name].skipped += late
        state = RunState.FAILED if error else RunState.STOPPED if stopped else RunState.FINISHED
        records = [camera.record(self.frames[name]) for name, camera in self.cameras.items()]
        return self.ledger.close_books(records, self.health(), state=state, error=error)

    def health(self) -> dict[str, CameraHealth]:
        return {name: camera.health() for name, camera in self.cameras.items()}


@contextmanager
def open_video_run(
    loaded: LoadedConfig, options: RunOptions, progress: Progress, *, mode: str, epoch_ns: int | None
) -> Iterator[VideoRun]:
    """Open the cameras, then the models, then the books.

    A camera that cannot be opened is noted and the others go on. An error of any other kind ends the run, after what
    was finished up to there has been written.
    """
    early: list[CameraEvent] = []
    tell = early.append

    def report(event: SourceEvent) -> None:
        tell(CameraEvent(event.type, event.timestamp_ns, event.camera, event.message))

    cameras = make_cameras(loaded.config, epoch_ns=epoch_ns, report=report)
    watch = Stopwatch()
    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1, user_api="blas"))
        for camera in cameras.values():
            stack.callback(camera.source.close)
        open_cameras(cameras)
        pump, models = _open_models(loaded, options, progress, cameras=cameras, watch=watch, stack=stack)
        header = _journal_header(cameras, models, epoch_ns)
        ledger = stack.enter_context(open_ledger(loaded, options, mode=mode, models=models, header=header, watch=watch))
        if options.journal is not None or loaded.config.output.journal:
            ledger.keep_journal(options.journal or output_folder(loaded, options) / "run.journal", header)
        for event in early:
            ledger.outputs.tell(event)
        tell = ledger.outputs.tell
        run = VideoRun(cameras, pump, ledger, progress, dict.fromkeys(cameras, 0))
        ledger.note_running(run.health())
        totals = [camera.info.frames for camera in cameras.values() if camera.info is not None]
        known = [total for total in totals if total is not None]
        progress.begin("frames", sum(known) if len(known) == len(totals) and not options.limit_s else None)
        try:
            yield run
        except (PipelineError, EngineError) as error:
            run.finish(stopped=False, error=str(error))
            raise
        finally:
            progress.end("frames")


def _open_models(
    loaded: LoadedConfig,
    options: RunOptions,
    progress: Progress,
    *,
    cameras: Mapping[str, CameraRun],
    watch: Stopwatch,
    stack: ExitStack,
) -> tuple[Pump, Models]:
    config = loaded.config
    pulled = _pull_bar(progress)
    detector = open_detector(
        DetectorOptions(
            model=config.detector.model,
            confidence=config.detector.confidence,
            backend=config.detector.backend,
            threads=config.detector.threads or options.threads,
            detections={name: Path(path) for name, path in config.detector.detections.items()},
        ),
        frame_sizes=[(camera.info.width, camera.info.height) for camera in cameras.values() if camera.info is not None],
        mirror=options.mirror,
        progress=pulled,
    )
    stack.callback(detector.close)
    encoder = open_encoder(
        config.encoder.model,
        backend=config.encoder.backend,
        threads=config.encoder.threads or options.threads,
        mirror=options.mirror,
        progress=pulled,
    )
    stack.callback(encoder.close)
    folder = output_folder(loaded, options)
    saver = CropSaver(folder) if config.output.crops else None
    stages = {
        name: CameraStage(
            open_tracker(TrackerOptions(config.tracker.algorithm, config.tracker.lost_s), camera.info.fps),
            CropChooser(crop_rules(config)),
            watch,
            saver,
        )
        for name, camera in cameras.items()
        if camera.info is not None
    }
    pump = Pump(detector, encoder, stages, every=config.detector.every, watch=watch)
    stamp = EncoderStamp(encoder.name, encoder.sha256, encoder.dim)
    return pump, Models(ModelRecord(detector.name, detector.sha256), stamp, encoder.match)


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
