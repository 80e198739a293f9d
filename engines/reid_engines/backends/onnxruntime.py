"""ONNX Runtime, for machines without OpenVINO; reads .onnx.

On an NVIDIA GPU where the package installed is the one for CUDA (`onnxruntime-gpu`), else on the CPU.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reid_engines.backends import tensorrt_gpu
from reid_engines.backends.graph import GraphInfo, Opening, Outputs, PooledGraph, picture_shape, reason
from reid_engines.backends.tensorrt_graph import batch_sizes
from reid_engines.errors import BackendError, ModelFileError
from reid_engines.protocol import Image, Port

if TYPE_CHECKING:
    import onnxruntime as ort

# One submission is prepared with NumPy while another is in the network; more would only share the same cores.
PARALLEL = 2
LOG_FATAL = 4
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_BATCHES = {CPU: 1, CUDA: 32}


def provider() -> str:
    """What executes models here: CUDA where this build of ONNX Runtime has it and a GPU answers, else the CPU."""
    import onnxruntime as ort

    return CUDA if CUDA in ort.get_available_providers() and tensorrt_gpu.find_gpu() is not None else CPU


def batch() -> int:
    """How many pictures at once suit what executes models here."""
    return _BATCHES[provider()]


def describe(path: Path) -> GraphInfo:
    """The ports and metadata of a model file. Raises `ModelFileError`."""
    return _info(_cpu_session(path, threads=1))


def load(path: Path, opening: Opening) -> PooledGraph:
    """Open a model where `provider` says.

    Raises `ModelFileError` when the file is unreadable or does not fit, and `BackendError` when CUDA does not start.
    """
    threads = opening.threads or os.cpu_count() or 1
    on_gpu = provider() == CUDA
    session = _gpu_session(path, opening) if on_gpu else _cpu_session(path, threads=max(1, threads // PARALLEL))
    info = _info(session)
    shape = picture_shape(path, info, opening)
    sizes = batch_sizes(shape.batch, open_batch=info.inputs[0].shape[0] is None) if on_gpu else ()
    run = _Runner(session, opening)
    return PooledGraph("onnxruntime", shape, info, [run] * min(PARALLEL, threads), sizes=sizes)


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


def _gpu_session(path: Path, opening: Opening) -> ort.InferenceSession:
    """A session on the GPU. ONNX Runtime by itself would go on without it, and say so on stdout if at all."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = LOG_FATAL
    # The same pictures give the same bytes: nothing is chosen by timing it.
    options.use_deterministic_compute = True
    on_cuda = {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0" if opening.coarsest == "float32" else "1"}
    try:
        session = ort.InferenceSession(path.read_bytes(), options, providers=[(CUDA, on_cuda), CPU], enable_fallback=0)
        cause = "" if CUDA in session.get_providers() else "its CUDA libraries cannot be loaded"
    except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
        _cpu_session(path, threads=1)  # raises when it is the file's fault
        cause = reason(error)
    if cause:
        raise BackendError(
            f"{path}: backend onnxruntime does not start on the GPU: {cause}; install the CUDA and cuDNN that this "
            "onnxruntime-gpu was built for, or set CUDA_VISIBLE_DEVICES= to stay on the CPU"
        )
    return session


def _cpu_session(path: Path, *, threads: int) -> ort.InferenceSession:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = LOG_FATAL
    try:
        return ort.InferenceSession(path.read_bytes(), options, providers=[CPU])
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
