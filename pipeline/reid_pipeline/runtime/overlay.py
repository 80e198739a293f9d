"""The overlay video: a second look at the recordings, with the finished identities drawn in."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from reid_pipeline.config.models import Config
from reid_pipeline.records.overlay import render_overlay
from reid_pipeline.records.reader import read_tracks
from reid_pipeline.runtime.cameras import make_cameras, open_cameras
from reid_pipeline.runtime.report import Progress, RunReport
from reid_pipeline.runtime.settings import epoch_ns


def draw_overlay(report: RunReport, config: Config, progress: Progress) -> RunReport:
    """Write overlay.mp4 beside tracks.json, as far as the run came, and add it to the report."""
    cameras = make_cameras(config, epoch_ns=epoch_ns(config.cameras), report=lambda event: None)
    document = read_tracks(report.paths["tracks"])
    seen = {camera.id: camera.frames + camera.dropped for camera in document.cameras if camera.frames}
    shown = {name: camera for name, camera in cameras.items() if name in seen and not camera.source.live}
    for name in seen:
        if name not in shown:
            progress.note(f"{name}: a live camera cannot be watched again, so it is not in the overlay video")
    if not shown:
        return report
    path = report.paths["tracks"].with_name("overlay.mp4")
    open_cameras(shown)
    progress.begin("overlay", sum(seen[name] for name in shown))
    try:
        frames = {name: islice(camera.frames(None), seen[name]) for name, camera in shown.items() if not camera.failure}
        render_overlay(document, frames, path, progress=lambda done: progress.advance("overlay", done))
    finally:
        progress.end("overlay")
        for camera in shown.values():
            camera.source.close()
    return replace(report, paths=report.paths | {"overlay": path})
