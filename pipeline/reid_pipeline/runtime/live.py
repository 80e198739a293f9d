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


def run(loaded: LoadedConfig, options: RunOptions, progress: Progress) -> RunReport:
    """Run until every camera is over or `options.stop` is set; either way everything is written."""
    epoch = time.time_ns() if live_cameras(loaded.config) else epoch_ns(loaded.config.cameras)
    with open_video_run(loaded, options, progress, mode="live", epoch_ns=epoch) as video:
        inbox = Inbox(video.cameras, realtime=options.realtime, limit_s=options.limit_s)
        try:
            _pump_until_over(inbox, video, options, loaded.config)
        finally:
            inbox.close()
        report = video.finish(stopped=options.stop.is_set())
    if loaded.config.output.video:
        report = draw_overlay(report, loaded.config, progress)
    return report


def _pump_until_over(inbox: Inbox, video: VideoRun, options: RunOptions, config: Config) -> None:
    while not inbox.over and not options.stop.is_set():
        arrival = inbox.take(IDLE_S)
        if arrival is None:
            video.flush()
        elif arrival.frame is None:
            video.end(arrival.camera)
        else:
            video.push(arrival.frame)
        for camera in inbox.silent(config.association.max_lag_s):
            video.ledger.identify.wait_no_longer_for(camera)
