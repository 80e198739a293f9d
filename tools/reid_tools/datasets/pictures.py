"""Reading pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from reid_pipeline.errors import RecordError
from reid_pipeline.types import Image

# How files of a kind begin, and what the end of one must hold after the start of its last part.
_ENDS = ((b"\xff\xd8", b"\xff\xda", b"\xff\xd9"), (b"\x89PNG", b"IHDR", b"IEND"))


def read_picture(path: Path) -> Image:
    """The picture in a file, uint8 RGB (H, W, 3). Raises `RecordError` when there is none or it is cut short."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from None
    picture = None
    if content and not _is_cut_short(content):
        with _silent():
            picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        problem = "got one that is damaged or cut short" if content else "the file is empty"
        raise RecordError(f"{path}: expected a picture, {problem}; replace it or take it out of the data set")
    return np.ascontiguousarray(picture[..., ::-1], np.uint8)


def _is_cut_short(content: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end: libraries fill in the rest, or complain on stderr in words of their own."""
    for start, part, end in _ENDS:
        if content.startswith(start):
            return content.rfind(end) < max(content.rfind(part), 0)
    return False


@contextmanager
def _silent() -> Iterator[None]:
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
