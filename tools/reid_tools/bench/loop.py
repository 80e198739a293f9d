"""A long recording out of a short one: the same packets again and again, without coding anything anew."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError

from reid_pipeline.errors import SourceError


def loop_clip(clip: Path, output: Path, *, times: int) -> None:
    """Write `clip`'s pictures `times` times one after the other to `output`.

    Raises:
        SourceError: The clip holds no video or cannot be read, or the output cannot be written.
    """
    try:
        with av.open(str(clip)) as source, av.open(str(output), "w") as target:
            if not source.streams.video:
                raise SourceError(f"{clip}: expected a video, found no pictures in it")
            _repeat(source, target, times)
    except (FFmpegError, OSError) as error:
        raise SourceError(f"bench: cannot loop {clip} into {output}: {error.strerror}") from error


def _repeat(source: InputContainer, target: OutputContainer, times: int) -> None:
    video = source.streams.video[0]
    copy = target.add_stream_from_template(video)
    shift = 0
    for _ in range(times):
        if shift:
            source.seek(0)
        start, end = None, 0
        for packet in source.demux(video):
            if packet.pts is None or packet.dts is None:
                continue
            start = packet.pts if start is None else min(start, packet.pts)
            end = max(end, packet.pts + (packet.duration or 0))
            packet.pts += shift
            packet.dts += shift
            packet.stream = copy
            target.mux(packet)
        if start is None:
            raise SourceError(f"{source.name}: its pictures have no times, so it cannot be looped; use an MP4 or MKV")
        shift += end - start
