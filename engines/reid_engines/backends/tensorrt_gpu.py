"""The NVIDIA GPU through its driver's C library: which one it is, and CUDA graphs.

The library is called by ctypes: choosing a backend must be quick and need no package, and pycuda has no CUDA graphs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any
from weakref import finalize

from reid_engines.errors import BackendError

# Values of the driver API's enumerations.
_MAJOR, _MINOR = 75, 76
_THREAD_LOCAL = 1

_TEXT_BYTES = 256

recording = Lock()
"""Held while work is recorded: a call that waits for the whole device, in whichever thread, would spoil it."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """What an engine is tied to beside TensorRT itself, such as NVIDIA L4, 8.9, 550.54.15."""

    name: str
    capability: str
    driver: str


@lru_cache(maxsize=1)
def find_gpu() -> Gpu | None:
    """The first GPU that CUDA shows this process; None without a GPU or a driver that answers."""
    count = ctypes.c_int()
    try:
        cuda = _library("libcuda.so.1")
        if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
            return None
    except OSError:
        return None
    name = ctypes.create_string_buffer(_TEXT_BYTES)
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(cuda.cuDeviceGetName(name, _TEXT_BYTES, 0), "tell its name")
    _check(cuda.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR, 0), "tell its compute capability")
    _check(cuda.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR, 0), "tell its compute capability")
    return Gpu(name.value.decode(), f"{major.value}.{minor.value}", _driver(cuda))


def _driver(cuda: Any) -> str:
    """The driver's own version; where its management library is missing (Jetson), the CUDA version that it supports."""
    text = ctypes.create_string_buffer(_TEXT_BYTES)
    try:
        management = _library("libnvidia-ml.so.1")
        if not management.nvmlInit_v2() and not management.nvmlSystemGetDriverVersion(text, _TEXT_BYTES):
            return text.value.decode()
    except OSError:
        pass
    version = ctypes.c_int()
    _check(cuda.cuDriverGetVersion(ctypes.byref(version)), "tell its version")
    return f"CUDA {version.value // 1000}.{version.value % 1000 // 10}"


class CudaGraph:
    """Work on a stream, recorded once, that one call then executes again and again."""

    def __init__(self, stream: int, enqueue: Callable[[], None]) -> None:
        """Record what `enqueue` puts on the stream whose handle this is; nothing of it is executed yet.

        The stream's context must be current. Raises `BackendError` when something in it cannot be recorded.
        """
        self._cuda = cuda = _library("libcuda.so.1")
        self._stream = ctypes.c_void_p(stream)
        self._context, self._executable, graph = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        _check(cuda.cuCtxGetCurrent(ctypes.byref(self._context)), "tell its context")
        with recording:
            _check(cuda.cuStreamBeginCapture_v2(self._stream, _THREAD_LOCAL), "begin recording")
            try:
                enqueue()
            finally:
                status = cuda.cuStreamEndCapture(self._stream, ctypes.byref(graph))
            _check(status, "record the work")
        flags = ctypes.c_ulonglong(0)
        _check(cuda.cuGraphInstantiateWithFlags(ctypes.byref(self._executable), graph, flags), "keep the work")
        _check(cuda.cuGraphDestroy(graph), "free the recording")
        # Not when the process ends: the driver then frees everything, and earlier than this.
        finalize(self, cuda.cuGraphExecDestroy, self._executable).atexit = False

    def launch(self) -> None:
        """Put all of the work on the stream, where it goes on by itself; from any thread."""
        _check(self._cuda.cuCtxPushCurrent_v2(self._context), "enter its context")
        try:
            _check(self._cuda.cuGraphLaunch(self._executable, self._stream), "launch recorded work")
        finally:
            self._cuda.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))


def _library(name: str) -> Any:
    return ctypes.CDLL(name)


def _check(status: int, what: str) -> None:
    if status:
        raise BackendError(f"the NVIDIA driver cannot {what} (CUDA error {status}); look at what nvidia-smi says")
