"""Reads pictures out of anything that libav opens: files, addresses, devices, image bytes.

Nothing that libav says is passed on as it is: its errors and its log quote addresses with their passwords.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO
from urllib.parse import urlsplit

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from reid_pipeline.types import Image

av.logging.set_level(None)

DEFAULT_FPS = Fraction(25)  # what libav itself takes for raw video that does not tell

_OFF_OR_AWAY = "check that the camera is on and that the address is right"
_CREDENTIALS = "check them; special characters in a password must be percent-encoded"
_EXPLANATIONS: dict[type[Exception], tuple[str, str]] = {
    av.error.FileNotFoundError: ("there is nothing of that name", "check the path"),
    av.error.PermissionError: ("it may not be read", "change its permissions"),
    av.error.InvalidDataError: ("it is not video, or it is damaged", "see whether it plays; copy or re-encode it"),
    av.error.HTTPUnauthorizedError: ("user name or password was refused (401)", _CREDENTIALS),
    av.error.HTTPForbiddenError: ("user name or password was refused (403)", _CREDENTIALS),
    av.error.HTTPNotFoundError: ("there is no such stream (404)", "check the path in the address"),
    av.error.OSError: ("reading it failed (input/output error)", "see whether another player can open it"),
    av.error.ConnectionRefusedError: ("the connection was refused", _OFF_OR_AWAY),
}
_NO_TIMESTAMPS = 0x80  # AVFMT_NOTIMESTAMPS; PyAV's own enumeration refuses flags that it does not know
_INDEXED_FORMATS = ("mov", "matroska", "avi")  # their headers state how long the recording is


class ReadError(Exception):
    """Reading failed: `reason` and `advice` say why and what to do, in words that are safe to print."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}; {advice}")
        self.reason = reason
        self.advice = advice


class Stalled(ReadError):
    """Nothing came within the timeout."""

    def __init__(self) -> None:
        super().__init__("it gave nothing in time", _OFF_OR_AWAY)


@dataclass(frozen=True, slots=True)
class Input:
    """Something to open: `url` is for libav alone, `name` for people. `timeout_s` None waits for ever."""

    url: str | BytesIO = field(repr=False)
    name: str
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """The container is open; `frames` is None where it does not tell."""

    fps: Fraction
    frames: int | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, uint8 (H, W, 3) BGR: its place in the container, if known, and when it came out."""

    image: Image = field(repr=False)
    position_s: Fraction | None
    arrival_ns: int


@dataclass(frozen=True, slots=True)
class Damage:
    """A picture that could not be decoded, or only in part."""


Item = Opened | Picture | Damage


def read(source: Input, clock: Callable[[], int]) -> Generator[Item, None, None]:
    """Open the input and decode its first video track: one `Opened`, then what there is.

    `clock` gives nanoseconds, for the arrival of pictures. Must be run, and closed, in one thread. Raises `ReadError`
    where the input cannot be opened or read on; everything before that place has been yielded by then.
    """
    container = _open(source)
    try:
        stream = _video_stream(container)
        stream.codec_context.thread_type = "SLICE"
        opened = Opened(_fps(container, stream), stream.frames or None)
        yield opened
        yield from _decode(container, stream, _Extent(container, stream, opened.fps), clock)
    finally:
        container.close()


def _open(source: Input) -> InputContainer:
    try:
        return av.open(
            source.url,
            mode="r",
            format=source.format,
            options=dict(source.options),
            timeout=source.timeout_s,
            metadata_errors="replace",
        )
    except av.FFmpegError as error:
        failure = _explain(error)
        if isinstance(error, av.error.OSError) and isinstance(source.url, str) and _names_unknown_host(source.url):
            failure = ReadError("its host name is not known", "check the address and the network's name server")
    raise failure  # outside of the handler: the error of libav, which quotes the address, must not be its context


def _names_unknown_host(url: str) -> bool:
    """libav reports this like any other failure to read."""
    try:
        socket.getaddrinfo(urlsplit(url).hostname, None)
    except socket.gaierror:
        return True
    except ValueError:  # not an address
        return False
    return False


def _explain(error: av.FFmpegError) -> ReadError:
    if isinstance(error, (av.error.ExitError, av.error.TimeoutError)):
        return Stalled()
    if type(error) in _EXPLANATIONS:
        return ReadError(*_EXPLANATIONS[type(error)])
    return ReadError(str(error.strerror).lower(), "see whether another player can open it")


def _video_stream(container: InputContainer) -> VideoStream:
    streams = container.streams.video
    if not streams:
        raise ReadError("there is no video in it", "it may be something else, or cut short")
    if streams[0].codec_context is None:
        raise ReadError("its video codec is not known", "re-encode it, as H.264 for example")
    return streams[0]


def _fps(container: InputContainer, stream: VideoStream) -> Fraction:
    """The nominal rate; formats without times of their own state it in the coded video, if at all."""
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    if not _has_times(container):
        rates = (stream.guessed_rate, stream.average_rate, stream.base_rate)
    return next((rate for rate in rates if rate), DEFAULT_FPS)


def _has_times(container: InputContainer) -> bool:
    """Whether the format stores when each picture was taken (the multipart JPEGs of web cameras do not)."""
    return not container.format.flags & _NO_TIMESTAMPS


def _decode(
    container: InputContainer, stream: VideoStream, extent: _Extent, clock: Callable[[], int]
) -> Generator[Picture | Damage, None, None]:
    reformatter = VideoReformatter()  # one for all pictures: it keeps its tables
    timed = _has_times(container)
    for packet in _packets(container, stream):
        extent.add(packet)
        try:
            frames = stream.codec_context.decode(packet)
        except av.FFmpegError:
            yield Damage()
            continue
        for frame in frames:
            if frame.is_corrupt:
                yield Damage()
            else:
                yield Picture(_bgr(frame, reformatter), _position_s(frame) if timed else None, clock())
    extent.check()


def _packets(container: InputContainer, stream: VideoStream) -> Generator[Packet[VideoStream] | None, None, None]:
    """The stream's packets; None, before an error is raised, asks the decoder for what it still holds."""
    try:
        yield from container.demux(stream)
    except av.FFmpegError as error:
        failure = _explain(error)
    else:
        return
    yield None
    raise failure


def _position_s(frame: VideoFrame) -> Fraction | None:
    if frame.pts is None or frame.time_base is None:
        return None
    return frame.pts * frame.time_base


def _bgr(frame: VideoFrame, reformatter: VideoReformatter) -> Image:
    image = np.asarray(reformatter.reformat(frame, format="bgr24").to_ndarray(), np.uint8)
    quarter_turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns else image


class _Extent:
    """Compares how much video came with how much the header promised: a file cut short just ends."""

    def __init__(self, container: InputContainer, stream: VideoStream, fps: Fraction) -> None:
        self._promised_s = _promised_s(container, stream)
        self._tolerance_s = max(Fraction(1, 2), 2 / fps)
        self._start_s: Fraction | None = None
        self._end_s = Fraction(0)

    def add(self, packet: Packet[VideoStream] | None) -> None:
        if packet is None or packet.pts is None:
            return
        position_s = packet.pts * packet.time_base
        self._start_s = position_s if self._start_s is None else min(self._start_s, position_s)
        self._end_s = max(self._end_s, position_s + (packet.duration or 0) * packet.time_base)

    def check(self) -> None:
        """Raises `ReadError` if much is missing."""
        if self._promised_s is None or self._start_s is None:
            return
        # Some headers count from the first picture, others from time zero; believe whichever finds less missing.
        came_s = self._end_s - min(self._start_s, Fraction(0))
        if self._promised_s - came_s > self._tolerance_s:
            there = f"{float(came_s):.1f} of {float(self._promised_s):.1f} s are there"
            raise ReadError(f"it was cut short: {there}", "copy it again")


def _promised_s(container: InputContainer, stream: VideoStream) -> Fraction | None:
    if not container.format.name.startswith(_INDEXED_FORMATS):
        return None
    if stream.duration is not None and stream.time_base is not None:
        return stream.duration * stream.time_base
    # Of the container as a whole, the sound may be the longest.
    if container.duration is not None and len(container.streams) == 1:
        return Fraction(container.duration, av.time_base)
    return None
