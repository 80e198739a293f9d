"""A web camera on loopback: a multipart JPEG stream of a tiny site's walks, with the faults that a test asks for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

from tiny_site import Walk, boxes_of, picture


class WebCamera(ThreadingHTTPServer):
    """Streams `frames` pictures at `fps` from the moment somebody asks, then falls silent."""

    daemon_threads = True

    def __init__(self, walks: Sequence[Walk], *, frames: int, fps: int) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.walks, self.frames, self.fps = walks, frames, fps
        self.stopped = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/live.mjpg"

    @property
    def rows(self) -> list[str]:
        """The boxes of what it shows."""
        return [row for index in range(self.frames) for row in boxes_of(self.walks, index, index / self.fps)]

    def handle_error(self, request: object, client_address: object) -> None:
        """Viewers come and go."""


class _Connection(BaseHTTPRequestHandler):
    server: WebCamera

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        begun_s = time.monotonic()
        for index in range(self.server.frames):
            if self.server.stopped.wait(max(0.0, begun_s + index / self.server.fps - time.monotonic())):
                return
            _, encoded = cv2.imencode(".jpg", picture(self.server.walks, index / self.server.fps))
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(encoded)}\r\n\r\n"
            self.wfile.write(head.encode() + encoded.tobytes() + b"\r\n")
            self.wfile.flush()
        self.server.stopped.wait()


@contextmanager
def web_camera(walks: Sequence[Walk], *, frames: int, fps: int = 10) -> Iterator[WebCamera]:
    """A camera that is on inside the block."""
    server = WebCamera(walks, frames=frames, fps=fps)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def mute_camera() -> Iterator[str]:
    """The address of a camera that takes calls and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/live.mjpg"
