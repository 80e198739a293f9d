# mypy: disable-error-code="import-not-found, import-untyped"
"""Memory on the GPU, page-locked memory beside it, and a stream between them: by pycuda, else by torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from reid_engines.backends import tensorrt_gpu
from reid_engines.errors import BackendError

INSTALL = "pip install pycuda (which needs the CUDA toolkit) or pip install torch"

# A stream that does not wait for the default one, which belongs to everybody in the process.
_NON_BLOCKING = 1


class Buffer(Protocol):
    """An array on the GPU at `address`, with its page-locked twin `host`; copies go on the stream of the device."""

    host: NDArray[Any]
    address: int

    def upload(self, rows: int) -> None:
        """Enqueue the copy of the first rows from `host` to the GPU."""
        ...

    def download(self, rows: int) -> None:
        """Enqueue the copy of the first rows from the GPU to `host`."""
        ...


class Device(Protocol):
    """The first GPU of this process with one stream on it, whose handle is `stream`."""

    stream: int

    def active(self) -> AbstractContextManager[Any]:
        """Make the GPU the current one of this thread; everything else here needs that."""
        ...

    def buffer(self, shape: tuple[int, ...], dtype: DTypeLike) -> Buffer:
        """New memory of that shape on both sides; it is freed with the object."""
        ...

    def mark(self) -> Callable[[], object]:
        """A function that waits until everything is done that is on the stream now."""
        ...


def open_device() -> Device:
    """The device by whichever package is installed. Raises `BackendError` naming them where none is."""
    for package, device in _PROVIDERS.items():
        if find_spec(package) is not None:
            return device()
    raise BackendError(f"backend tensorrt gets no memory on the GPU; run: {INSTALL}")


def lacking() -> str | None:
    """What this machine lacks for TensorRT, as the end of a sentence, None if nothing; imports no vendor's package."""
    if tensorrt_gpu.find_gpu() is None:
        return "finds no NVIDIA GPU; check that nvidia-smi lists one"
    if not any(find_spec(package) for package in _PROVIDERS):
        return f"gets no memory on the GPU; run: {INSTALL}"
    return None


class _PycudaDevice:
    def __init__(self) -> None:
        import pycuda.driver as cuda

        cuda.init()
        self._cuda = cuda
        # The primary context, which TensorRT and torch use too.
        self._context = cuda.Device(0).retain_primary_context()
        with self.active():
            self._stream = cuda.Stream(_NON_BLOCKING)
        self.stream = int(self._stream.handle)

    @contextmanager
    def active(self) -> Iterator[None]:
        self._context.push()
        try:
            yield
        finally:
            self._cuda.Context.pop()

    def buffer(self, shape: tuple[int, ...], dtype: DTypeLike) -> Buffer:
        return _PycudaBuffer(self._cuda, self._stream, self._cuda.pagelocked_empty(shape, np.dtype(dtype)))

    def mark(self) -> Callable[[], object]:
        event = self._cuda.Event(self._cuda.event_flags.BLOCKING_SYNC)
        event.record(self._stream)
        wait: Callable[[], object] = event.synchronize
        return wait


class _PycudaBuffer:
    def __init__(self, cuda: Any, stream: Any, host: NDArray[Any]) -> None:
        self._cuda, self._stream = cuda, stream
        self.host = host
        self._memory = cuda.mem_alloc(host.nbytes)
        self.address = int(self._memory)

    def upload(self, rows: int) -> None:
        self._cuda.memcpy_htod_async(self._memory, self.host[:rows], self._stream)

    def download(self, rows: int) -> None:
        self._cuda.memcpy_dtoh_async(self.host[:rows], self._memory, self._stream)


class _TorchDevice:
    def __init__(self) -> None:
        import torch

        self._torch = torch
        self._stream = torch.cuda.Stream()
        self.stream = int(self._stream.cuda_stream)

    def active(self) -> AbstractContextManager[Any]:
        current: AbstractContextManager[Any] = self._torch.cuda.stream(self._stream)
        return current

    def buffer(self, shape: tuple[int, ...], dtype: DTypeLike) -> Buffer:
        # Bytes, because torch does not know every type by NumPy's name.
        size = prod(shape) * np.dtype(dtype).itemsize
        host = self._torch.empty(size, dtype=self._torch.uint8, pin_memory=True)
        memory = self._torch.empty(size, dtype=self._torch.uint8, device="cuda")
        return _TorchBuffer(host, memory, host.numpy().view(dtype).reshape(shape))

    def mark(self) -> Callable[[], object]:
        event = self._torch.cuda.Event(blocking=True)
        event.record(self._stream)
        wait: Callable[[], object] = event.synchronize
        return wait


class _TorchBuffer:
    def __init__(self, pinned: Any, memory: Any, host: NDArray[Any]) -> None:
        self._pinned, self._memory = pinned, memory
        self.host = host
        self.address = int(memory.data_ptr())

    def upload(self, rows: int) -> None:
        size = self.host[:rows].nbytes
        self._memory[:size].copy_(self._pinned[:size], non_blocking=True)

    def download(self, rows: int) -> None:
        size = self.host[:rows].nbytes
        self._pinned[:size].copy_(self._memory[:size], non_blocking=True)


# In the order of preference.
_PROVIDERS: dict[str, Callable[[], Device]] = {"pycuda": _PycudaDevice, "torch": _TorchDevice}
