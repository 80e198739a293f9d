"""Streams until they are stopped, recordings to their end: threads in front, the same core behind.

A site of recordings alone runs at full speed and loses nothing; it sees what a replay sees, in the same order. As soon
as one camera is live, every camera keeps its own pace, and frames that the models are too slow for are skipped and
counted.
"""

from __future__ import annotations

import time

from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.config.models import Config
from reid_pipeline.runtime.cameras import live_cameras
from reid_pipeline.runtime.inbox import Inbox
from reid_pipeline.runtime.overlay import draw_overlay
from reid_pipeline.runtime.report import Progress, RunOptions, RunReport
from reid_pipeline.runtime.settings import epoch_ns
from reid_pipeline.runtime.video_run import VideoRun, open_video_run

IDLE_S = 0.02
FLUSH_EVERY_S = 0.1
"""Live cameras do not wait longer than this for a full batch, however busy the site is."""
TELL_DROPS_EVERY_S = 5.0


def run(loaded: LoadedConfig, options: RunOptions, progress: Progress) -> RunReport:
    """Run until every camera is over or `options.stop` is set; either way everything is written."""
    streams = live_cameras(loaded.config)
    started_ns = time.time_ns()
    epoch = started_ns if streams else epoch_ns(loaded.config.cameras)
    with open_video_run(loaded, options, progress, mode="live", epoch_ns=epoch) as video:
        # beside live cameras, recordings play as if they were filmed from now on
        now_ns = time.time_ns() - started_ns if streams else 0
        inbox = Inbox(video.cameras, realtime=options.realtime, limit_s=options.limit_s, now_ns=now_ns)
        try:
            _pump_until_over(inbox, video, options, loaded.config)
        finally:
            inbox.close()
        report = video.finish(stopped=options.stop.is_set())
    if loaded.config.output.video:
        report = draw_overlay(report, loaded.config, progress)
    return report


def _pump_until_over(inbox: Inbox, video: VideoRun, options: RunOptions, config: Config) -> None:
    flushed_s = told_s = time.monotonic()
    while not inbox.over and not options.stop.is_set():
        with video.ledger.watch.measure("wait"):
            arrival = inbox.take(IDLE_S)
        if arrival is not None and arrival.frame is not None:
            video.push(arrival.frame)
        elif arrival is not None:
            video.end(arrival.camera)
        now_s = time.monotonic()
        if inbox.paced and (arrival is None or now_s - flushed_s > FLUSH_EVERY_S):
            video.flush()
            flushed_s = now_s
        if now_s - told_s > TELL_DROPS_EVERY_S:
            video.tell_drops()
            told_s = now_s
        for camera in inbox.silent(config.association.max_lag_s):
            video.ledger.identify.wait_no_longer_for(camera)
