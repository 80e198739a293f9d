"""Engine files: what an engine was built from and for, then the engine as TensorRT serialized it.

8 bytes   "reid-trt"
8 bytes   length of the header, little-endian
header    JSON: {"key": ..., "info": ..., "shape": ..., "sizes": ..., "engine": {"size": ..., "sha256": ...}}
engine    the rest
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from reid_engines.backends.graph import GraphInfo, PictureShape
from reid_engines.errors import BackendError, ModelFileError
from reid_engines.protocol import Port

FORMAT = 1
_MAGIC = b"reid-trt"
_START = struct.Struct("<8sQ")
_LONGEST_HEADER = 1 << 20


@dataclass(frozen=True, slots=True)
class EngineKey:
    """All that an engine depends on; with another value of any of these it must be built again.

    `model` is the sha256 of the .onnx file, `contract` what `tensorrt_network.contract_of` says, `precision` one of
    fp32, fp16, int8.
    """

    model: str
    contract: str
    precision: str
    tensorrt: str
    gpu: str
    capability: str
    driver: str
    format: int = FORMAT

    def differences(self, other: EngineKey) -> str:
        """In words how `other` differs from this, empty if it does not."""
        names = [each.name for each in fields(self)]
        pairs = [(name, getattr(self, name), getattr(other, name)) for name in names]
        return ", ".join(f"{name} {_short(was)} is now {_short(now)}" for name, was, now in pairs if was != now)


@dataclass(frozen=True, slots=True)
class EngineFile:
    """The content of an engine file; `info` is that of `tensorrt_network.Survey`, `sizes` the batches to execute."""

    key: EngineKey
    info: GraphInfo
    shape: PictureShape
    sizes: tuple[int, ...]
    engine: bytes = field(repr=False)


def write_engine(path: Path, file: EngineFile) -> None:
    """Write the file whole or not at all. Raises `BackendError` when the folder cannot be written."""
    engine = {"size": len(file.engine), "sha256": hashlib.sha256(file.engine).hexdigest()}
    parts = {"key": asdict(file.key), "info": asdict(file.info), "shape": asdict(file.shape), "sizes": file.sizes}
    header = json.dumps({**parts, "engine": engine}, sort_keys=True).encode()
    write_whole(path, _START.pack(_MAGIC, len(header)) + header + file.engine)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in its folder, made where it is missing, in one step. Raises `BackendError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            made = Path(folder) / path.name
            made.write_bytes(content)
            os.replace(made, path)
    except OSError as error:
        raise BackendError(f"{path}: cannot be written: {error.strerror}") from None


def check_writable(folder: Path) -> None:
    """Raise `BackendError` unless files can be made in the folder, which is made where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BackendError(f"{folder}: cannot be written: {error.strerror}") from None


def read_engine(path: Path) -> EngineFile:
    """Read an engine file. Raises `ModelFileError` for a file that is missing, foreign, cut or damaged."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) < _START.size or not content.startswith(_MAGIC):
        raise ModelFileError(f"{path}: not an engine file of this project; build one from the .onnx file")
    _, length = _START.unpack_from(content)
    end = _START.size + length
    if length > _LONGEST_HEADER or end > len(content):
        raise _damaged(path, "its header is cut")
    try:
        header = json.loads(content[_START.size : end])
        return _checked(path, header, content[end:])
    except (ValueError, TypeError, KeyError):
        raise _damaged(path, f"its header is not one of format {FORMAT}") from None


def _checked(path: Path, header: dict[str, Any], engine: bytes) -> EngineFile:
    if len(engine) != header["engine"]["size"]:
        raise _damaged(path, f"expected an engine of {header['engine']['size']} bytes, got {len(engine)}")
    if hashlib.sha256(engine).hexdigest() != header["engine"]["sha256"]:
        raise _damaged(path, "its engine has another sha256 than its header says")
    info = header["info"]
    ports = [tuple(_port(values) for values in info[side]) for side in ("inputs", "outputs")]
    return EngineFile(
        key=EngineKey(**header["key"]),
        info=GraphInfo(ports[0], ports[1], dict(info["metadata"])),
        shape=PictureShape(**header["shape"]),
        sizes=tuple(header["sizes"]),
        engine=engine,
    )


def _port(values: Mapping[str, Any]) -> Port:
    return Port(values["name"], tuple(values["shape"]), values["dtype"])


def _damaged(path: Path, what: str) -> ModelFileError:
    return ModelFileError(f"{path}: damaged: {what}; build it again")


def _short(value: object) -> str:
    text = str(value)
    return f"{text[:12]}..." if len(text) == 64 else text
