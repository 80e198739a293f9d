"""pycuda, torch.cuda and the NVIDIA driver's library on a GPU that is not there.

Only the calls that the project makes exist, with the names of the real ones. What is enqueued on a stream happens when
somebody waits for it and not earlier, and copies need page-locked memory. `FakeGpu.log` tells what the GPU did in which
order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Work = Callable[[], None]
CONTEXT = 4242


@dataclass
class FakeGpu:
    """Memory, streams and CUDA graphs; `name`, `capability` and `driver` are what the driver's library tells."""

    name: str = "NVIDIA L4"
    capability: tuple[int, int] = (8, 9)
    driver: str = "550.54.15"
    count: int = 1
    log: list[str] = field(default_factory=list)
    graphs: int = 0
    page_locked: list[NDArray[Any]] = field(default_factory=list)
    _memory: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    _streams: dict[int, list[Work]] = field(default_factory=dict)
    _recording: dict[int, list[Work]] = field(default_factory=dict)
    _recorded: dict[int, list[Work]] = field(default_factory=dict)
    _current: threading.local = field(default_factory=threading.local)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def push(self) -> None:
        self._current.depth = getattr(self._current, "depth", 0) + 1

    def pop(self) -> None:
        self._current.depth -= 1

    def need_current(self) -> None:
        assert getattr(self._current, "depth", 0) > 0, "no context is current in this thread"

    def stream(self) -> int:
        self.need_current()
        handle = 7001 + len(self._streams)
        self._streams[handle] = []
        return handle

    def allocate(self, size: int) -> int:
        self.need_current()
        address = 1 << 20 | len(self._memory) << 12
        self._memory[address] = np.full(size, 0xAA, np.uint8)
        return address

    def lock(self, array: NDArray[Any]) -> NDArray[Any]:
        self.page_locked.append(array)
        return array

    def at(self, address: int, size: int) -> NDArray[np.uint8]:
        return self._memory[address][:size]

    def copy(self, address: int, host: NDArray[Any], stream: int, *, up: bool) -> None:
        assert any(np.shares_memory(host, locked) for locked in self.page_locked), "copies need page-locked memory"
        there, here = self.at(address, host.nbytes), host.reshape(-1).view(np.uint8)
        target, source = (there, here) if up else (here, there)
        self.enqueue(stream, f"{'upload' if up else 'download'} {len(host)}", lambda: np.copyto(target, source))

    def enqueue(self, stream: int, what: str, work: Work) -> None:
        self.need_current()

        def happen() -> None:
            self.log.append(what)
            work()

        self._recording.get(stream, self._streams[stream]).append(happen)

    def wait(self, stream: int) -> None:
        assert stream not in self._recording, "waiting spoils a recording"
        with self._lock:
            pending, self._streams[stream] = self._streams[stream], []
            for happen in pending:
                happen()

    def launch(self, graph: int, stream: int) -> None:
        self.need_current()
        with self._lock:
            self._streams[stream] += [lambda: self.log.append(f"launch {graph}"), *self._recorded[graph]]


class FakeDriver:
    """libcuda and libnvidia-ml as ctypes would give them."""

    def __init__(self, gpu: FakeGpu) -> None:
        self._gpu = gpu

    def cuInit(self, flags: int) -> int:
        return 0

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = self._gpu.count
        return 0

    def cuDeviceGetName(self, name: Any, size: int, device: int) -> int:
        name.value = self._gpu.name.encode()
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, device: int) -> int:
        value._obj.value = self._gpu.capability[{75: 0, 76: 1}[attribute]]
        return 0

    def nvmlInit_v2(self) -> int:
        return 0

    def nvmlSystemGetDriverVersion(self, text: Any, size: int) -> int:
        text.value = self._gpu.driver.encode()
        return 0

    def cuCtxGetCurrent(self, context: Any) -> int:
        self._gpu.need_current()
        context._obj.value = CONTEXT
        return 0

    def cuCtxPushCurrent_v2(self, context: Any) -> int:
        assert context.value == CONTEXT
        self._gpu.push()
        return 0

    def cuCtxPopCurrent_v2(self, context: Any) -> int:
        self._gpu.pop()
        return 0

    def cuStreamBeginCapture_v2(self, stream: Any, mode: int) -> int:
        self._gpu._recording[stream.value] = []
        return 0

    def cuStreamEndCapture(self, stream: Any, graph: Any) -> int:
        self._gpu.graphs += 1
        graph._obj.value = self._gpu.graphs
        self._gpu._recorded[self._gpu.graphs] = self._gpu._recording.pop(stream.value)
        return 0

    def cuGraphInstantiateWithFlags(self, executable: Any, graph: Any, flags: Any) -> int:
        executable._obj.value = graph.value
        return 0

    def cuGraphDestroy(self, graph: Any) -> int:
        return 0

    def cuGraphExecDestroy(self, executable: Any) -> int:
        return 0

    def cuGraphLaunch(self, executable: Any, stream: Any) -> int:
        self._gpu.launch(executable.value, stream.value)
        return 0


def fake_module(name: str, **content: Any) -> ModuleType:
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    module.__dict__.update(content)
    return module


def fake_pycuda(gpu: FakeGpu) -> dict[str, ModuleType]:
    """`pycuda` and `pycuda.driver`, for sys.modules."""

    class Context:
        def push(self) -> None:
            gpu.push()

        @staticmethod
        def pop() -> None:
            gpu.pop()

    class Stream:
        def __init__(self, flags: int) -> None:
            assert flags == 1, "a stream that waits for the default stream cannot be recorded safely"
            self.handle = gpu.stream()

    class Event:
        def __init__(self, flags: int) -> None:
            gpu.need_current()

        def record(self, stream: Stream) -> None:
            self._stream = stream.handle

        def synchronize(self) -> None:
            gpu.wait(self._stream)

    driver = fake_module(
        "pycuda.driver",
        init=lambda: None,
        Device=lambda index: SimpleNamespace(retain_primary_context=Context),
        Context=Context,
        Stream=Stream,
        Event=Event,
        event_flags=SimpleNamespace(BLOCKING_SYNC=1),
        mem_alloc=gpu.allocate,
        pagelocked_empty=lambda shape, dtype: gpu.lock(np.empty(shape, dtype)),
        memcpy_htod_async=lambda memory, host, stream: gpu.copy(memory, host, stream.handle, up=True),
        memcpy_dtoh_async=lambda host, memory, stream: gpu.copy(memory, host, stream.handle, up=False),
    )
    return {"pycuda": fake_module("pycuda", driver=driver), "pycuda.driver": driver}


def fake_torch(gpu: FakeGpu) -> dict[str, ModuleType]:
    """As much of torch as gives memory on the GPU, for sys.modules."""

    class Stream:
        current = 0

        def __init__(self) -> None:
            gpu.push()
            self.cuda_stream = gpu.stream()
            gpu.pop()

    @contextmanager
    def stream(chosen: Stream) -> Iterator[None]:
        Stream.current = chosen.cuda_stream
        gpu.push()
        try:
            yield
        finally:
            gpu.pop()

    class Tensor:
        def __init__(self, size: int, host: NDArray[np.uint8] | None = None, address: int = 0) -> None:
            self.size, self.host, self.address = size, host, address

        def __getitem__(self, part: slice) -> Tensor:
            return Tensor(part.stop, None if self.host is None else self.host[part], self.address)

        def numpy(self) -> NDArray[np.uint8]:
            assert self.host is not None
            return self.host

        def data_ptr(self) -> int:
            return self.address

        def copy_(self, source: Tensor, *, non_blocking: bool) -> None:
            assert non_blocking
            assert self.size == source.size
            host = self.host if source.host is None else source.host
            assert host is not None
            gpu.copy(self.address or source.address, host, Stream.current, up=self.host is None)

    def empty(size: int, *, dtype: str, pin_memory: bool = False, device: str = "cpu") -> Tensor:
        assert dtype == "uint8"
        assert pin_memory == (device == "cpu")
        if device == "cuda":
            return Tensor(size, address=gpu.allocate(size))
        return Tensor(size, host=gpu.lock(np.empty(size, np.uint8)))

    def event(*, blocking: bool) -> Any:
        waited = SimpleNamespace()
        waited.record = lambda on: setattr(waited, "synchronize", lambda: gpu.wait(on.cuda_stream))
        return waited

    cuda = SimpleNamespace(Stream=Stream, stream=stream, Event=event)
    return {"torch": fake_module("torch", cuda=cuda, empty=empty, uint8="uint8")}
