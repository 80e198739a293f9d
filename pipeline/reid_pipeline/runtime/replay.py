"""Recordings, deterministically: the same files, models and gallery give the same bytes.

Frames of all cameras are merged by their time, then camera order, in one thread. The models work beside it, but batches
and the order of results depend on the frames alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from heapq import merge
from pathlib import Path

from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.core.timeline import in_time_steps
from reid_pipeline.errors import ConfigError, RecordError
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.records.document import CameraRecord
from reid_pipeline.records.journal import JournalHeader, JournalSteps, read_journal
from reid_pipeline.records.run_record import CameraHealth, RunState
from reid_pipeline.runtime.cameras import CameraRun, live_cameras
from reid_pipeline.runtime.ledger import Ledger, Models, open_ledger
from reid_pipeline.runtime.overlay import draw_overlay
from reid_pipeline.runtime.premises import check_places
from reid_pipeline.runtime.report import Progress, RunOptions, RunReport
from reid_pipeline.runtime.settings import epoch_ns
from reid_pipeline.runtime.stopwatch import Stopwatch
from reid_pipeline.runtime.video_run import open_video_run
from reid_pipeline.types import EncodedStep, Frame


def replay(loaded: LoadedConfig, options: RunOptions, progress: Progress) -> RunReport:
    """Run on recordings. Raises `ConfigError` for a live source, which cannot be replayed."""
    streams = live_cameras(loaded.config)
    if streams:
        raise ConfigError(
            f"{loaded.path}: cameras.{streams[0]}.source: replay needs recordings, got a live source; "
            f"use `reid-pipeline run`, with --journal to be able to replay it"
        )
    epoch = epoch_ns(loaded.config.cameras)
    with open_video_run(loaded, options, progress, mode="replay", epoch_ns=epoch) as run:
        frames = merged(run.cameras, options.limit_s)
        while not options.stop.is_set():
            with run.ledger.watch.measure("wait"):
                camera, frame = next(frames, (None, None))
            if camera is None:
                break
            if frame is None:
                run.end(camera)
            else:
                run.push(frame)
        report = run.finish(stopped=options.stop.is_set())
    if loaded.config.output.video:
        report = draw_overlay(report, loaded.config, progress)
    return report


def merged(cameras: Mapping[str, CameraRun], limit_s: float | None) -> Iterator[tuple[CameraRun, Frame | None]]:
    """All frames by time, then camera order; a camera's end is marked by None after its last frame."""

    def numbered(order: int, camera: CameraRun) -> Iterator[tuple[int, int, CameraRun, Frame | None]]:
        last_ns = 0
        if not camera.failure:
            for frame in camera.frames(limit_s):
                last_ns = frame.timestamp_ns
                yield last_ns, order, camera, frame
        yield last_ns + 1, order, camera, None

    streams = [numbered(order, camera) for order, camera in enumerate(cameras.values())]
    for _, _, camera, frame in merge(*streams, key=lambda item: item[:2]):
        yield camera, frame


def replay_journal(loaded: LoadedConfig, journal: Path, options: RunOptions, progress: Progress) -> RunReport:
    """Decide anew about a recorded journal: no video, no model, the same bytes on any machine.

    A journal that was cut off is replayed up to its last whole step, and the report says so. Raises `RecordError` for a
    file that is no journal.
    """
    header, steps = read_journal(journal)
    check_places(loaded, options)
    models = Models(header.detector, EncoderStamp(header.encoder.name, header.encoder.sha256, header.dim), header.match)
    counts = {camera.id: 0 for camera in header.cameras}
    failure = ""
    with open_ledger(loaded, options, mode="replay", models=models, header=header, watch=Stopwatch()) as ledger:
        progress.begin("steps", None)

        def counted() -> Iterator[EncodedStep]:
            nonlocal failure
            try:
                for number, step in enumerate(steps, start=1):
                    if options.stop.is_set():
                        return
                    counts[step.camera] += 1
                    progress.advance("steps", number)
                    yield step
            except RecordError as error:
                failure = str(error)

        with closing(steps):
            ledger.identify.decide(in_time_steps(counted()))
        progress.end("steps")
        return _close_journal(ledger, header, steps, counts, failure=failure, stopped=options.stop.is_set())


def _close_journal(
    ledger: Ledger,
    header: JournalHeader,
    steps: JournalSteps,
    counts: Mapping[str, int],
    *,
    failure: str,
    stopped: bool,
) -> RunReport:
    dropped = steps.dropped
    records = [
        CameraRecord(camera.id, camera.width, camera.height, camera.fps, counts[camera.id], dropped.get(camera.id, 0))
        for camera in header.cameras
    ]
    health = {
        record.id: CameraHealth("journal", record.frames, record.dropped, 0, 0, failure if i == 0 else "")
        for i, record in enumerate(records)
    }
    state = RunState.STOPPED if stopped else RunState.FINISHED
    return ledger.close_books(records, health, state=state)
