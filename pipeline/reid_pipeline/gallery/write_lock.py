"""One writer per gallery file.

The lock is the operating system's (`flock` on a small file beside the gallery), so it goes when its holder goes,
killed or not. The file holds the holder's process id, for the message only, and is removed on release.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from reid_pipeline.errors import GalleryError


class WriteLock:
    """The right to write the gallery at `path`, from construction until `release`.

    Raises `GalleryError` at once when another holder has it or when there is no folder to write in.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(path.name + "-lock")
        try:
            self._descriptor = self._acquire()
        except BlockingIOError:
            raise GalleryError(
                f"gallery {path}: already open for writing{self._holder()}; "
                "wait until that run ends, stop it, or give this run another gallery"
            ) from None
        except OSError as error:
            raise GalleryError(
                f"gallery {path}: cannot be written ({error.strerror}); "
                f"its folder must exist and be writable, or name a gallery in another"
            ) from None

    def release(self) -> None:
        """Let the next one in."""
        with suppress(OSError):  # a file left behind locks nobody out
            self._file.unlink()
        os.close(self._descriptor)

    def _acquire(self) -> int:
        while True:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_current(descriptor):
                    os.truncate(descriptor, 0)
                    os.write(descriptor, str(os.getpid()).encode())
                    return descriptor
            except OSError:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        """False when the last holder removed the file between our opening and our locking it."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._file.stat())
        except FileNotFoundError:
            return False

    def _holder(self) -> str:
        try:
            pid = self._file.read_text("ascii")
        except (OSError, UnicodeDecodeError):
            return ""
        return f" by process {pid}" if pid.isdecimal() else ""
