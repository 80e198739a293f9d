"""Writing a clip: H.264 in MP4 at a constant frame rate."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from numpy.typing import NDArray

from reid_pipeline.errors import RecordError


class ClipWriter:
    """A context manager that encodes uint8 BGR pictures; the file appears under its name only when it is complete.

    Raises:
        RecordError: the file cannot be written.
    """

    def __init__(self, path: Path, *, width: int, height: int, fps: int, crf: int = 25) -> None:
        self.path = path
        self._part = path.with_name(f".{path.name}.part")
        try:
            self._part.touch()  # the container opens its file only with the first packet
            self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
        except OSError as error:
            reason = error.strerror or error
            raise RecordError(
                f"{path}: expected a file that can be written, got {reason}; choose another --output"
            ) from None
        stream = self._container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, fps)
        # one thread: the bytes then depend on the x264 build alone
        stream.options = {"crf": str(crf), "preset": "slow", "threads": "1", "g": str(fps * 5)}
        self._stream, self._fps, self._count = stream, fps, 0

    def __enter__(self) -> ClipWriter:
        return self

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Append one picture, uint8 (H, W, 3) BGR."""
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts, frame.time_base = self._count, Fraction(1, self._fps)
        self._container.mux(self._stream.encode(frame))
        self._count += 1

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        if kind is None:
            self._part.replace(self.path)
        else:
            self._part.unlink(missing_ok=True)
