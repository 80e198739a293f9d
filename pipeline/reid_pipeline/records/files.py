"""Writing files so that nothing is ever half there, and saying in one line why it could not be done."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from reid_pipeline.errors import RecordError

_ADVICE = {
    errno.ENOSPC: "free some space or write elsewhere",
    errno.EDQUOT: "free some space or write elsewhere",
    errno.EACCES: "allow writing there or write elsewhere",
    errno.EPERM: "allow writing there or write elsewhere",
    errno.EROFS: "write to another disk",
    errno.ENOTDIR: "a part of the path is a file; write elsewhere",
    errno.EEXIST: "a part of the path is a file; write elsewhere",
    errno.EISDIR: "it is a folder; name a file",
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write `path` into a one-line `RecordError`."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        advice = _ADVICE.get(error.errno or 0, "check the disk and the path")
        raise RecordError(f"{path}: cannot be written: {why}; {advice}") from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to read `path` into a one-line `RecordError`."""
    try:
        yield
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror or error}; check the path") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; when the block ends well, that file takes the place of `path` at once.

    Folders on the way are made. If the block fails, `path` is as it was and the new file is gone.

    Raises:
        RecordError: the file cannot be written, in one line.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield unfinished
            _to_disk(unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def write_whole(file: FileIO, content: bytes) -> None:
    """Write all of the content to an unbuffered file, which may take it in pieces. Raises `OSError` on a full disk."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def write_text(path: Path, text: str) -> None:
    """Write the whole file, or leave what was there. Raises `RecordError`."""
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")


def _to_disk(path: Path) -> None:
    """Wait until the file's content has left the page cache, so that a power cut cannot leave an empty file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
