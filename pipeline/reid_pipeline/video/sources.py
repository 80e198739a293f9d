"""From what stands under `source:` to the source that reads it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from reid_pipeline.errors import SourceError
from reid_pipeline.redact import redact
from reid_pipeline.video.images import ImageSource
from reid_pipeline.video.libav import Input
from reid_pipeline.video.options import Report, SourceOptions, ignore
from reid_pipeline.video.protocol import Source
from reid_pipeline.video.recording import RecordingSource
from reid_pipeline.video.stream import StreamSource

STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "rtp", "srt", "tcp", "udp")
RECORDING_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"})


def open_source(
    camera: str,
    source: str | int,
    *,
    start_ns: int = 0,
    options: SourceOptions | None = None,
    report: Report = ignore,
    clock: Callable[[], int] = time.time_ns,
) -> Source:
    """The source for `source`, not opened yet; nothing is read before its `open`.

    - `0`, `"0"`, `"/dev/video0"`, `"/dev/v4l/by-id/..."`: a USB device, live;
    - `"rtsp://..."` and the other stream schemes: live. An `http(s)` address whose path ends like a video file
      (`.mp4`, `.mkv`, ...) is a recording: it waits, and it ends;
    - a folder or a glob: images;
    - anything else: a video file.

    `start_ns` is the time of the first picture of a recording or image folder; live sources take theirs from `clock`.
    Raises `SourceError` for an address of an unknown kind.
    """
    options = options or SourceOptions()
    text = str(source).strip()
    if text.isdecimal() or text.startswith("/dev/"):
        device = f"/dev/video{text}" if text.isdecimal() else text
        target = Input(device, name=device, format="v4l2", timeout_s=options.timeout_s)
        return StreamSource(camera, target, options=options, report=report, clock=clock)
    if "://" in text:
        target = _address(camera, text, options)
        if not _is_recording(text):
            return StreamSource(camera, target, options=options, report=report, clock=clock)
        return RecordingSource(camera, target, start_ns=start_ns, report=report, clock=clock)
    path = Path(text)
    if path.is_dir() or (not path.exists() and any(sign in text for sign in "*?[")):
        return ImageSource(camera, text, fps=options.fps, start_ns=start_ns, report=report, clock=clock)
    # The prefix keeps libav from reading a colon in the name as a protocol.
    target = Input(f"file:{text}", name=text)
    return RecordingSource(camera, target, start_ns=start_ns, report=report, clock=clock)


def _address(camera: str, url: str, options: SourceOptions) -> Input:
    name = redact("%20".join(url.split()))
    scheme = url.partition("://")[0].lower()
    if scheme not in STREAM_SCHEMES:
        known = ", ".join(STREAM_SCHEMES)
        raise SourceError(f"{camera}: {name}: expected an address of one of {known}, got {scheme}; check the source")
    # The sound is not asked for, where that can be said.
    rtsp = {"rtsp_transport": options.rtsp_transport, "allowed_media_types": "video"}
    return Input(url, name, options=rtsp if scheme.startswith("rtsp") else {}, timeout_s=options.timeout_s)


def _is_recording(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and Path(parts.path).suffix.lower() in RECORDING_SUFFIXES
