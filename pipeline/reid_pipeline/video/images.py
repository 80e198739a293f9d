"""Folders and globs of still images, played as a video."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from glob import glob
from io import BytesIO
from math import floor
from pathlib import Path

from reid_pipeline.errors import SourceError
from reid_pipeline.types import NS_PER_S, Frame, Image
from reid_pipeline.video.ledger import Ledger
from reid_pipeline.video.libav import Input, Picture, ReadError, read
from reid_pipeline.video.options import Report, ignore
from reid_pipeline.video.protocol import SourceInfo

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})


class ImageSource:
    """The images of a folder, or those that match a glob, in natural order (`2.jpg` before `10.jpg`).

    An image that cannot be read is left out, counted and told; those after it keep their times.
    """

    live = False

    def __init__(
        self,
        camera: str,
        pattern: str,
        *,
        fps: float,
        start_ns: int = 0,
        report: Report = ignore,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.camera = camera
        self.name = pattern
        self._fps = Fraction(fps).limit_denominator(1000)
        self._start_ns = start_ns
        self._ledger = Ledger(camera, report=report, clock=clock)
        self.health = self._ledger.health
        self._paths: Sequence[Path] = ()
        self._closed = False

    def open(self) -> SourceInfo:
        """List the images and decode the first that can be. Raises `SourceError` if there is none."""
        try:
            self._paths = _list_images(self.name)
        except OSError as error:
            reason = str(error.strerror).lower()
            raise SourceError(f"{self.camera}: {self.name}: expected a folder, but {reason}; check it") from None
        if not self._paths:
            kinds = ", ".join(sorted(SUFFIXES))
            raise SourceError(f"{self.camera}: {self.name}: expected images ({kinds}), found none; check the path")
        for path in self._paths:
            try:
                height, width, _ = _load(path).shape
            except ReadError:
                continue  # told by frames(), which comes past it again
            return SourceInfo(width=width, height=height, fps=float(self._fps), frames=len(self._paths))
        raise SourceError(
            f"{self.camera}: {self.name}: expected images, but none of the {len(self._paths)} files can be read "
            f"(the first is {self._paths[0].name}); replace them"
        )

    def frames(self) -> Iterator[Frame]:
        """The frames in order, `fps` of them per second."""
        for position, path in enumerate(self._paths):
            if self._closed:
                return
            try:
                image = _load(path)
            except ReadError as error:
                self._ledger.damaged(
                    f"{path}: expected an image, but {error.reason}; it was left out, replace or delete it"
                )
                continue
            self._ledger.intact()
            timestamp_ns = self._start_ns + floor(position * NS_PER_S / self._fps)
            frame = Frame(self.camera, self.health.frames, timestamp_ns, image)
            self.health.frames += 1
            yield frame

    def close(self) -> None:
        """Stop after the current image."""
        self._closed = True


def _list_images(pattern: str) -> list[Path]:
    folder = Path(pattern)
    paths = folder.iterdir() if folder.is_dir() else map(Path, glob(pattern, recursive=True))
    return sorted((path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file()), key=_natural)


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Runs of digits compare as numbers; the path itself settles ties such as `1.png` and `01.png`."""
    parts = re.findall(r"\d+|\D+", str(path))
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], str(path)


def _load(path: Path) -> Image:
    """Raises `ReadError`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReadError(str(error.strerror).lower(), "check its permissions") from None
    # Of a JPEG cut short libav fills in the rest: here its end marker must follow the start of its last scan.
    if content.startswith(b"\xff\xd8") and content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda"):
        raise ReadError("it is cut short", "replace it")
    for item in read(Input(BytesIO(content), name=str(path)), time.time_ns):
        if isinstance(item, Picture):
            return item.image
    raise ReadError("it is damaged", "replace it")
