"""The journal: everything that association sees, in one file, so that a run can be repeated without video or model.

    magic b"REID-JNL", u32 version
    record 0       the header as JSON
    records 1..    one encoded step each, in the order in which they were written
    last record    the end: number of steps and dropped frames per camera, as JSON

Every record is u32 length, u32 CRC-32 of the payload, payload; the first byte of a payload says what it is. All numbers
are little-endian and boxes and vectors keep their float32 bits, so the bytes follow from the content alone. A file
without its end was cut off: its whole records are still read.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NoReturn
from zlib import crc32

from reid_pipeline.errors import RecordError
from reid_pipeline.records.document import ModelRecord
from reid_pipeline.records.files import reading, write_whole, writing
from reid_pipeline.records.journal_steps import StepLayout
from reid_pipeline.types import EncodedStep

VERSION = 1
_MAGIC = b"REID-JNL"
_START = struct.Struct("<8sI")
_FRAMING = struct.Struct("<II")
_HEADER_KIND, _END_KIND = 0, 2
_STEPS_PER_FLUSH = 64
_STEPS_AT_ONCE = 256
_READ_AHEAD_BYTES = 1 << 20
_LONGEST = 1 << 30  # a longer record can only be a damaged length


@dataclass(frozen=True, slots=True)
class JournalCamera:
    """A camera of the recorded run; sizes are 0 for a camera that never opened."""

    id: str
    width: int
    height: int
    fps: float


@dataclass(frozen=True, slots=True)
class JournalHeader:
    """What a journal says about itself. `dim` is the length of the encoder's vectors, `match` its threshold."""

    cameras: tuple[JournalCamera, ...]
    detector: ModelRecord
    encoder: ModelRecord
    dim: int
    match: float
    epoch_ns: int | None = None

    def to_json(self) -> bytes:
        """The header as JSON with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_json(cls, payload: bytes) -> JournalHeader:
        """The header that `to_json` wrote. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
        fields = json.loads(payload)
        return cls(
            cameras=tuple(JournalCamera(**camera) for camera in fields["cameras"]),
            detector=ModelRecord(**fields["detector"]),
            encoder=ModelRecord(**fields["encoder"]),
            dim=int(fields["dim"]),
            match=float(fields["match"]),
            epoch_ns=fields["epoch_ns"],
        )


class JournalWriter:
    """Appends steps to a new journal, each whole or not at all. Not for several threads at once."""

    def __init__(self, path: Path, header: JournalHeader) -> None:
        """Create the file, replacing an older one. Raises `RecordError`."""
        self._path = path
        self._layout = StepLayout([camera.id for camera in header.cameras], header.dim)
        self._steps = 0
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb", buffering=0)
        self._waiting = bytearray(_START.pack(_MAGIC, VERSION))
        self._append(bytes([_HEADER_KIND]) + header.to_json())
        try:
            self._flush()
        except RecordError:
            self._file.close()
            raise

    def write(self, step: EncodedStep) -> None:
        """Append the step; at most the last few dozen are lost when the process dies.

        Raises:
            RecordError: the disk refuses.
            ValueError: the camera is not in the header, or a vector is not of its length.
        """
        self._append(self._layout.pack(step))
        self._steps += 1
        if self._steps % _STEPS_PER_FLUSH == 0:
            self._flush()

    def close(self, dropped: Mapping[str, int] | None = None) -> None:
        """Write the end, with the frames that each camera lost, and close. Further calls do nothing."""
        if self._file.closed:
            return
        end = {"dropped": dict(dropped or {}), "steps": self._steps}
        self._append(bytes([_END_KIND]) + json.dumps(end, sort_keys=True).encode())
        with writing(self._path), self._file:
            self._flush()
            os.fsync(self._file.fileno())

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, payload: bytes) -> None:
        self._waiting += _FRAMING.pack(len(payload), crc32(payload)) + payload

    def _flush(self) -> None:
        with writing(self._path):
            write_whole(self._file, bytes(self._waiting))
        self._waiting.clear()


def read_journal(path: Path) -> tuple[JournalHeader, JournalSteps]:
    """The header of a journal and its steps, which are read as they are asked for.

    Raises:
        RecordError: the file cannot be read, is not a journal, or is one of a newer release.
    """
    with reading(path), path.open("rb") as file:
        start = file.read(_START.size)
        if len(start) < _START.size or not start.startswith(_MAGIC):
            raise RecordError(f"{path}: expected a journal, this is another kind of file; name one that a run wrote")
        version = _START.unpack(start)[1]
        if version != VERSION:
            raise RecordError(
                f"{path}: expected journal version {VERSION}, got {version}; use the release that wrote it"
            )
        payload = _next_payload(file)
        try:
            header = JournalHeader.from_json(payload[1:])
        except (KeyError, TypeError, ValueError) as error:
            raise RecordError(f"{path}: the journal's header is damaged; nothing can be read from it") from error
        return header, JournalSteps(path, header, file.tell())


class JournalSteps(Iterator[EncodedStep]):
    """The steps of a journal in their order.

    Iterating raises `RecordError`, in one line, after the last whole step of a journal that was cut off or damaged.
    Who stops before the end closes it.
    `dropped` holds the frames that each camera lost; it is filled when the end of the journal has been read.
    """

    def __init__(self, path: Path, header: JournalHeader, offset: int) -> None:
        self.dropped: dict[str, int] = {}
        self._path = path
        self._layout = StepLayout([camera.id for camera in header.cameras], header.dim)
        self._steps = self._read(offset)

    def __next__(self) -> EncodedStep:
        return next(self._steps)

    def close(self) -> None:
        """Close the file; there are no more steps."""
        self._steps.close()

    def _read(self, offset: int) -> Generator[EncodedStep, None, None]:
        count = 0
        with reading(self._path), self._path.open("rb", buffering=_READ_AHEAD_BYTES) as file:
            file.seek(offset)
            while payloads := list(islice(iter(partial(_next_payload, file), b""), _STEPS_AT_ONCE)):
                end = payloads.pop() if payloads[-1][0] == _END_KIND else b""
                yield from self._layout.unpack(payloads)
                count += len(payloads)
                if end:
                    self.dropped = json.loads(end[1:])["dropped"]
                    return
            self._cut(count, file.tell())

    def _cut(self, count: int, offset: int) -> NoReturn:
        raise RecordError(
            f"{self._path}: expected more after byte {offset}, but the journal is cut off or damaged there; "
            f"its first {count} steps are whole, the rest is lost"
        )


def _next_payload(file: BinaryIO) -> bytes:
    """The payload of the next whole record; empty, and the file where that record begins, when there is none."""
    framing = file.read(_FRAMING.size)
    payload = b""
    if len(framing) == _FRAMING.size:
        length, checksum = _FRAMING.unpack(framing)
        payload = file.read(length) if length <= _LONGEST else b""
        if payload and len(payload) == length and crc32(payload) == checksum:
            return payload
    file.seek(-len(framing) - len(payload), os.SEEK_CUR)
    return b""
