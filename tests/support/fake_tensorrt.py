"""TensorRT on the GPU of `fake_cuda`: an engine is its ONNX graph, executed on the CPU when the stream gets to it.

Only the calls that the project makes exist, with the names of the real ones, in each version those that it has.
`FakeTensorRT.builds` tells what was asked of the builder.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import unwrap
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from fake_cuda import FakeDriver, FakeGpu, fake_module, fake_pycuda, fake_torch
from reid_engines.backends import tensorrt_gpu

PATIENCE_S = 20


@dataclass
class Build:
    """What was asked of the builder for one engine."""

    network_flags: int
    flags: set[str]
    profile: tuple[tuple[int, ...], ...]
    timings: bytes
    wide: set[str]
    has_monitor: bool
    onnx: bytes


@dataclass
class FakeTensorRT:
    """The `tensorrt` module of one version; it parses no operator called Det, and lets uint8 into Cast alone.

    `while_building` is called once a build is under way, with its progress monitor or None.
    """

    gpu: FakeGpu
    version: str = "10.13.0.35"
    builds: list[Build] = field(default_factory=list)
    refuses: str = ""
    while_building: Callable[[Any], None] = lambda monitor: None

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def module(self) -> ModuleType:
        network_flags = {"EXPLICIT_BATCH": 0} if self.major < 11 else {}
        builder_flags = ["TF32"]
        if self.major < 11:
            builder_flags += ["FP16", "INT8", "PREFER_PRECISION_CONSTRAINTS"]
        if self.major >= 10:
            network_flags["STRONGLY_TYPED"] = 1
        module = fake_module(
            "tensorrt",
            __version__=self.version,
            ILogger=_Logger,
            Builder=lambda log: _Builder(self, log) if self.gpu.count else None,
            OnnxParser=_Parser,
            Runtime=lambda log: _Runtime(self, log),
            Dims4=lambda *lengths: lengths,
            DataType=SimpleNamespace(FLOAT="FLOAT"),
            TensorIOMode=SimpleNamespace(INPUT="input", OUTPUT="output"),
            BuilderFlag=SimpleNamespace(**{flag: flag for flag in builder_flags}),
            NetworkDefinitionCreationFlag=SimpleNamespace(**network_flags),
        )
        if self.major >= 10:
            module.__dict__["IProgressMonitor"] = type("IProgressMonitor", (), {})
        return module


class _Logger:
    Severity = SimpleNamespace(INTERNAL_ERROR="internal error", ERROR="error", WARNING="warning")

    def __init__(self) -> None:
        pass


class _Layer:
    def __init__(self, node: onnx.NodeProto) -> None:
        self.name = node.name
        self.precision = ""

    def get_output(self, index: int) -> Any:
        return SimpleNamespace(dtype="INT64" if "Shape" in self.name else "FLOAT")

    def set_output_type(self, index: int, dtype: str) -> None:
        assert self.precision == dtype == "FLOAT"


class _Network:
    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.onnx = b""
        self.layers: list[_Layer] = []

    @property
    def num_layers(self) -> int:
        return len(self.layers)

    def get_layer(self, index: int) -> _Layer:
        return self.layers[index]


class _Parser:
    def __init__(self, network: _Network, log: _Logger) -> None:
        self._network = network
        self._errors: list[tuple[int, str]] = []

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, index: int) -> Any:
        number, text = self._errors[index]
        return SimpleNamespace(node=lambda: number, desc=lambda: text)

    def parse(self, serialized: bytes) -> bool:
        graph = onnx.load_from_string(serialized).graph
        nodes, pictures = graph.node, [value.name for value in graph.input]
        for number, node in enumerate(nodes):
            if node.op_type == "Det":
                self._errors.append((number, "No importer registered\nfor op: Det"))
            if node.op_type != "Cast" and set(node.input) & set(pictures):
                self._errors.append((number, "Assertion failed: input.getType() != DataType::kUINT8"))
        self._network.onnx = serialized
        self._network.layers = [_Layer(node) for node in nodes]
        return not self._errors


class _Config:
    def __init__(self) -> None:
        self.flags = {"TF32"}
        self.profile: tuple[tuple[int, ...], ...] = ()
        self.timings: Any = None
        self.progress_monitor: Any = None

    def set_flag(self, flag: str) -> None:
        self.flags.add(flag)

    def clear_flag(self, flag: str) -> None:
        self.flags.remove(flag)

    def create_timing_cache(self, serialized: bytes) -> Any:
        return SimpleNamespace(content=serialized, serialize=lambda: b"measured")

    def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        self.timings = cache
        return cache.content in (b"", b"measured")

    def get_timing_cache(self) -> Any:
        return self.timings

    def add_optimization_profile(self, profile: Any) -> None:
        self.profile = profile.shapes


class _Builder:
    def __init__(self, owner: FakeTensorRT, log: Any) -> None:
        self._owner, self._log = owner, log

    def create_network(self, flags: int) -> _Network:
        return _Network(flags)

    def create_builder_config(self) -> _Config:
        return _Config()

    def create_optimization_profile(self) -> Any:
        profile = SimpleNamespace(shapes=())
        profile.set_shape = lambda name, *shapes: setattr(profile, "shapes", shapes)
        return profile

    def build_serialized_network(self, network: _Network, config: _Config) -> bytes | None:
        wide = {layer.name.split(":")[0] for layer in network.layers if layer.precision}
        monitor, asked = config.progress_monitor, (config.flags, config.profile, config.timings.content)
        self._owner.builds.append(Build(network.flags, *asked, wide, monitor is not None, network.onnx))
        self._owner.while_building(monitor)
        if self._owner.refuses:
            self._log.log("warning", "not the cause")
            self._log.log("error", self._owner.refuses)
            return None
        if monitor is not None and not monitor.step_complete("Tactics", 1):
            return None
        return self._owner.version.encode() + b"\0" + network.onnx


class _Runtime:
    def __init__(self, owner: FakeTensorRT, log: Any) -> None:
        self._owner, self._log = owner, log

    def deserialize_cuda_engine(self, serialized: bytes) -> _Engine | None:
        self._owner.gpu.need_current()
        version, _, graph = serialized.partition(b"\0")
        if version.decode() != self._owner.version:
            self._log.log("error", f"Version tag does not match: {version.decode()}")
            return None
        return _Engine(self._owner.gpu, ort.InferenceSession(graph))


class _Engine:
    def __init__(self, gpu: FakeGpu, session: ort.InferenceSession) -> None:
        self.gpu, self.session = gpu, session
        self.ports = {port.name: port for port in [*session.get_inputs(), *session.get_outputs()]}
        self.num_io_tensors = len(self.ports)

    def get_tensor_name(self, index: int) -> Any:
        return list(self.ports)[index]

    def get_tensor_mode(self, name: str) -> Any:
        return "input" if name in [port.name for port in self.session.get_inputs()] else "output"

    def get_tensor_dtype(self, name: str) -> Any:
        names = {"tensor(uint8)": "UINT8", "tensor(float)": "FLOAT", "tensor(int64)": "INT64"}
        return SimpleNamespace(name=names[self.ports[name].type])

    def create_execution_context(self) -> _Context:
        return _Context(self)


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._shape: tuple[int, ...] = ()
        self._addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._shape = shape
        return True

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return name in self._engine.ports

    def execute_async_v3(self, stream: int) -> bool:
        shape, addresses, engine = self._shape, dict(self._addresses), self._engine
        name = engine.session.get_inputs()[0].name

        def execute() -> None:
            pictures = engine.gpu.at(addresses[name], int(np.prod(shape))).reshape(shape)
            outputs = engine.session.run(None, {name: pictures})
            for port, values in zip(engine.session.get_outputs(), outputs, strict=True):
                engine.gpu.at(addresses[port.name], values.nbytes)[:] = (
                    np.ascontiguousarray(values).reshape(-1).view(np.uint8)
                )

        engine.gpu.enqueue(stream, f"execute {shape[0]}", execute)
        return True


class Lines:
    """What was noted, and a way to wait for a line."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def wait_for(self, text: str) -> str:
        with self._changed:
            assert self._changed.wait_for(lambda: any(text in line for line in self.lines), PATIENCE_S), self.lines
            return next(line for line in self.lines if text in line)


def held(fake: FakeTensorRT) -> threading.Event:
    """Builds do not end before the event is set."""
    go = threading.Event()

    def building(monitor: Any) -> None:
        assert go.wait(PATIENCE_S)

    fake.while_building = building
    return go


def install(
    monkeypatch: pytest.MonkeyPatch, *, version: str = "10.13.0.35", memory: str = "pycuda", gpu: FakeGpu | None = None
) -> FakeTensorRT:
    """Put the fakes where the real ones would be; `memory` is pycuda, torch or nothing."""
    gpu = gpu or FakeGpu()
    tensorrt = FakeTensorRT(gpu, version)
    absent = {"pycuda": None, "torch": None}
    fakes = {"pycuda": fake_pycuda, "torch": fake_torch}
    modules = fakes[memory](gpu) if memory in fakes else {}
    for name, module in {**absent, "tensorrt": tensorrt.module(), **modules}.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(tensorrt_gpu, "_library", lambda name: FakeDriver(gpu))
    # Without its cache, which would outlive the fake.
    monkeypatch.setattr(tensorrt_gpu, "find_gpu", unwrap(tensorrt_gpu.find_gpu))
    return tensorrt
