"""Small real clips, and real cameras on loopback: an RTSP server and an HTTP server that misbehave as told."""

from __future__ import annotations

import base64
import hashlib
import re
import socketserver
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest

MakeClip = Callable[..., Path]
WIDTH, HEIGHT = 160, 120


def picture(index: int, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> av.VideoFrame:
    """A picture whose brightness tells its index, with some texture so that there is something to encode."""
    width, height = size
    image = np.full((height, width, 3), 20 + 8 * (index % 25), np.uint8)
    image[::4, :: 2 + index % 5] += 10
    return av.VideoFrame.from_ndarray(image, format="bgr24")


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """Encodes a clip: `pts` are in milliseconds and default to a constant 10 fps."""

    def make(
        name: str,
        *,
        frames: int = 20,
        pts: Sequence[int] | None = None,
        b_frames: int = 0,
        audio: bool = False,
        size: tuple[int, int] = (WIDTH, HEIGHT),
        options: dict[str, str] | None = None,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", options=options or {}) as container:
            stream = container.add_stream("libx264", rate=10, options={"bf": str(b_frames), "g": "10"})
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            tick = stream.codec_context.time_base = Fraction(1, 1000) if pts else Fraction(1, 10)
            sound = container.add_stream("aac", rate=8000, layout="mono") if audio else None
            for index, place in enumerate(pts or range(frames)):
                frame = picture(index, size=size)
                frame.pts, frame.time_base = place, tick
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
            if sound is not None:
                silence = av.AudioFrame.from_ndarray(np.zeros((1, 24000), np.float32), format="fltp", layout="mono")
                silence.sample_rate = 8000
                container.mux(sound.encode(silence))
                container.mux(sound.encode())
        return path

    return make


def encode_h264(frames: int) -> list[list[bytes]]:
    """Access units, each a list of NAL units; every tenth is a key frame with its parameter sets."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 50), Fraction(50)
    encoder.options = {"bf": "0", "g": "10", "tune": "zerolatency", "x264-params": "sliced-threads=0"}
    packets = [packet for index in range(frames) for packet in encoder.encode(picture(index))]
    packets += encoder.encode(None)
    return [[unit for unit in re.split(rb"\x00\x00\x00?\x01", bytes(packet)) if unit] for packet in packets]


@dataclass(frozen=True)
class Visit:
    """How a server treats one connection: it sends so many frames, then breaks off or falls silent."""

    frames: int = 1_000_000
    then: Literal["drop", "stall"] = "drop"
    answer: bool = True


class Camera:
    """What both servers share: who may watch, what is sent, and how the next visitors are treated."""

    def __init__(self) -> None:
        self.credentials: tuple[str, str] | None = None
        self.visits: deque[Visit] = deque()
        self.visitors = 0
        self.port = 0
        self.files: dict[str, bytes] = {}
        self.stopped = threading.Event()

    def plan(self, frames: int = 1_000_000, then: Literal["drop", "stall"] = "drop", *, answer: bool = True) -> None:
        """Say how the next connection that is not planned yet is treated."""
        self.visits.append(Visit(frames, then, answer))

    def next_visit(self) -> Visit:
        self.visitors += 1
        return self.visits.popleft() if self.visits else Visit()

    def pace(self, visit: Visit) -> Iterator[int]:
        """Frame numbers, fifty a second, as long as the visit lasts."""
        for index in range(visit.frames):
            if self.stopped.wait(0.02):
                return
            yield index
        if visit.then == "stall":
            self.stopped.wait()


class RtspServer(socketserver.ThreadingTCPServer):
    """H.264 over RTP, interleaved in the RTSP connection; with Digest authentication if the camera asks for it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, camera: Camera) -> None:
        super().__init__(("127.0.0.1", 0), RtspConnection)
        self.camera = camera
        self.units = encode_h264(50)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves in the middle is what these tests are about."""


class RtspConnection(socketserver.StreamRequestHandler):
    server: RtspServer

    def handle(self) -> None:
        visit = self.server.camera.next_visit()
        if not visit.answer:
            self.server.camera.stopped.wait()
            return
        while (request := self._read_request()) is not None:
            method, headers = request
            if not self._may_pass(method, headers):
                self._reply(headers, "401 Unauthorized", {"WWW-Authenticate": 'Digest realm="camera", nonce="n0nce"'})
                continue
            if method == "DESCRIBE":
                self._reply(headers, "200 OK", {"Content-Type": "application/sdp"}, self._sdp())
            elif method == "SETUP":
                transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
                self._reply(headers, "200 OK", {"Transport": transport, "Session": "1"})
            else:
                self._reply(headers, "200 OK", {"Public": "DESCRIBE, SETUP, PLAY, TEARDOWN", "Session": "1"})
            if method == "PLAY":
                self._play(visit)
                return

    def _read_request(self) -> tuple[str, dict[str, str]] | None:
        lines = []
        while line := self.rfile.readline().decode().strip():
            lines.append(line)
        if not lines:
            return None
        return lines[0].split()[0], dict(line.split(": ", 1) for line in lines[1:])

    def _may_pass(self, method: str, headers: dict[str, str]) -> bool:
        if self.server.camera.credentials is None or method == "OPTIONS":
            return True
        user, password = self.server.camera.credentials
        given = dict(re.findall(r'(\w+)="([^"]*)"', headers.get("Authorization", "")))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        inner = md5(f"{user}:camera:{password}"), md5(f"{method}:{given.get('uri')}")
        return given.get("response") == md5(f"{inner[0]}:n0nce:{inner[1]}")

    def _reply(self, request: dict[str, str], status: str, headers: dict[str, str], body: str = "") -> None:
        headers = {"CSeq": request["CSeq"], **headers, "Content-Length": str(len(body))}
        lines = [f"RTSP/1.0 {status}", *(f"{name}: {value}" for name, value in headers.items()), "", body]
        self.wfile.write("\r\n".join(lines).encode())

    def _sdp(self) -> str:
        sets = ",".join(base64.b64encode(unit).decode() for unit in self.server.units[0] if unit[0] & 31 in (7, 8))
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
            f"a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\n"
            "a=framerate:50\r\na=control:track0\r\n"
        )

    def _play(self, visit: Visit) -> None:
        sequence = 0
        for index in self.server.camera.pace(visit):
            units = self.server.units[index % len(self.server.units)]
            for unit in units:
                marker = 0x80 if unit is units[-1] else 0
                header = struct.pack(">BBHII", 0x80, marker | 96, sequence & 0xFFFF, index * 1800, 1)
                self.wfile.write(struct.pack(">cBH", b"$", 0, len(header) + len(unit)) + header + unit)
                sequence += 1


class HttpServer(ThreadingHTTPServer):
    """`/live.mjpg` is a multipart JPEG stream; every other path is a file of the camera."""

    daemon_threads = True

    def __init__(self, camera: Camera) -> None:
        super().__init__(("127.0.0.1", 0), HttpConnection)
        self.camera = camera

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves in the middle is what these tests are about."""


class HttpConnection(BaseHTTPRequestHandler):
    server: HttpServer

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/live.mjpg":
            self._stream(self.server.camera.next_visit())
        elif path in self.server.camera.files:
            content = self.server.camera.files[path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        else:
            self.send_error(404)

    def _stream(self, visit: Visit) -> None:
        credentials = self.server.camera.credentials
        if credentials is not None:
            wanted = base64.b64encode(":".join(credentials).encode()).decode()
            if self.headers.get("Authorization") != f"Basic {wanted}":
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.end_headers()
                return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for index in self.server.camera.pace(visit):
            jpeg = encode_image(picture(index), "mjpeg")
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")


def encode_image(frame: av.VideoFrame, codec: Literal["mjpeg", "png"]) -> bytes:
    """The frame as a JPEG ("mjpeg") or PNG file."""
    encoder = av.VideoCodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.time_base = frame.width, frame.height, Fraction(1, 10)
    encoder.pix_fmt = "yuvj420p" if codec == "mjpeg" else "rgb24"
    packets = encoder.encode(frame.reformat(format=encoder.pix_fmt)) + encoder.encode(None)
    return b"".join(bytes(packet) for packet in packets)


def serve(server: RtspServer | HttpServer, camera: Camera) -> Iterator[Camera]:
    """Run a server until the test is over."""
    camera.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield camera
    camera.stopped.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def rtsp() -> Iterator[Camera]:
    """An RTSP camera at `rtsp://127.0.0.1:<port>/`."""
    camera = Camera()
    yield from serve(RtspServer(camera), camera)


@pytest.fixture
def http() -> Iterator[Camera]:
    """An HTTP camera at `http://127.0.0.1:<port>/live.mjpg`, and the files that a test puts into `files`."""
    camera = Camera()
    yield from serve(HttpServer(camera), camera)


@pytest.fixture
def write_image() -> Callable[..., Path]:
    """Writes the picture with this index as a JPEG or PNG, whichever the name says."""

    def write(path: Path, index: int, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_image(picture(index, size=size), "png" if path.suffix == ".png" else "mjpeg"))
        return path

    return write
