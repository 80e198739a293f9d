"""ONNX Runtime on the CPU, for machines without OpenVINO; reads .onnx."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reid_engines.backends.graph import GraphInfo, Opening, Outputs, PooledGraph, picture_shape, reason
from reid_engines.errors import ModelFileError
from reid_engines.protocol import Image, Port

if TYPE_CHECKING:
    import onnxruntime as ort

# One submission is prepared with NumPy while another is in the network; more would only share the same cores.
PARALLEL = 2
LOG_FATAL = 4


def describe(path: Path) -> GraphInfo:
    """The ports and metadata of a model file. Raises `ModelFileError`."""
    return _info(_session(path, threads=1))


def load(path: Path, opening: Opening) -> PooledGraph:
    """Open a model on the CPU. Raises `ModelFileError` when the file is unreadable or does not fit."""
    threads = opening.threads or os.cpu_count() or 1
    session = _session(path, threads=max(1, threads // PARALLEL))
    info = _info(session)
    shape = picture_shape(path, info, opening)
    run = _Runner(session, opening)
    return PooledGraph("onnxruntime", shape, info, [run] * min(PARALLEL, threads))


class _Runner:
    """Prepares pictures as the spec says and executes them; a session may be used by several threads."""

    def __init__(self, session: ort.InferenceSession, opening: Opening) -> None:
        spec = opening.input
        self._session = session
        self._name = session.get_inputs()[0].name
        self._dtype = np.dtype(_dtype(session.get_inputs()[0].type))
        self._flip = spec.color != opening.feeds
        self._channels_first = spec.layout == "nchw"
        self._mean = np.asarray(spec.mean, np.float32)
        self._std = np.asarray(spec.std, np.float32)

    def __call__(self, images: Image) -> Outputs:
        values = self._session.run(None, {self._name: self._prepare(images)})
        return tuple(np.asarray(value, np.float32) for value in values)

    def _prepare(self, images: Image) -> NDArray[Any]:
        pixels = images[..., ::-1] if self._flip else images
        if self._dtype == np.uint8:
            scaled: NDArray[Any] = pixels
        else:
            scaled = (pixels.astype(np.float32) - self._mean) / self._std
        ordered = scaled.transpose(0, 3, 1, 2) if self._channels_first else scaled
        return np.ascontiguousarray(ordered, self._dtype)


def _session(path: Path, threads: int) -> ort.InferenceSession:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = LOG_FATAL
    try:
        return ort.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
        raise ModelFileError(f"{path}: not a readable ONNX model: {reason(error)}") from None


def _info(session: ort.InferenceSession) -> GraphInfo:
    inputs = tuple(_port(port) for port in session.get_inputs())
    outputs = tuple(_port(port) for port in session.get_outputs())
    return GraphInfo(inputs, outputs, dict(session.get_modelmeta().custom_metadata_map))


def _port(port: ort.NodeArg) -> Port:
    shape = tuple(length if isinstance(length, int) else None for length in port.shape)
    return Port(port.name, shape, _dtype(port.type))


def _dtype(tensor_type: str) -> str:
    """NumPy's name for a type that ONNX Runtime writes as `tensor(float)`."""
    name = tensor_type.removeprefix("tensor(").removesuffix(")")
    return {"float": "float32", "double": "float64"}.get(name, name)
