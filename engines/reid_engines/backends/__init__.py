"""Runtimes that execute a graph; the table maps a name to the one module that wraps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from reid_engines.backends import onnxruntime, tensorrt, tensorrt_memory, tensorrt_network
from reid_engines.backends.graph import GraphInfo, Opening
from reid_engines.backends.tensorrt_switch import SwitchingGraph
from reid_engines.errors import BackendError
from reid_engines.protocol import Graph


class _Backend(NamedTuple):
    """What is asked of a backend before it is opened, and of its runtime once it is installed.

    `batch` tells what suits it where nobody asks for another, `lacking` what this machine has not got for it, `place`
    where it executes, when that is not the same everywhere.
    """

    module: str
    runtime: str
    install: str
    suffixes: tuple[str, ...]
    batch: Callable[[], int] = lambda: 1
    lacking: Callable[[], str | None] = lambda: None
    place: Callable[[], str | None] = lambda: None


# In the order in which "auto" prefers them.
_BACKENDS = {
    "tensorrt": _Backend(
        "reid_engines.backends.tensorrt",
        "tensorrt",
        "pip install 'reid-pipeline[tensorrt]'",
        (".onnx", ".engine"),
        batch=lambda: 32,
        lacking=tensorrt_memory.lacking,
    ),
    "openvino": _Backend("reid_engines.backends.openvino", "openvino", "pip install openvino", (".onnx", ".xml")),
    "onnxruntime": _Backend(
        "reid_engines.backends.onnxruntime",
        "onnxruntime",
        "pip install 'reid-pipeline[onnx]'",
        (".onnx",),
        batch=onnxruntime.batch,
        place=onnxruntime.provider,
    ),
    "torch": _Backend(
        "reid_engines.backends.torch",
        "torch",
        "pip install 'reid-pipeline[train]'",
        (".safetensors",),
        batch=lambda: 32,
    ),
}

# What to install where nothing reads a file; the first that does.
_ADVISED = ("openvino", "torch", "tensorrt")


class Choice(NamedTuple):
    """The backend that will be used, and why, in words."""

    backend: str
    reason: str


@dataclass(frozen=True, slots=True)
class FirstBuild:
    """How an engine is built that does not exist yet, which takes minutes (TensorRT).

    `note` is told in lines for people, and which backend was chosen and why before that. In the background means that
    the next backend works until the engine is ready, so that answers depend on when that is: for live runs only.
    """

    note: Callable[[str], None] = lambda line: None
    in_background: bool = False


AT_ONCE = FirstBuild()
"""Everything waits for the engine, and nobody is told."""


def backend_names() -> tuple[str, ...]:
    """Every backend, in the order in which "auto" prefers them."""
    return tuple(_BACKENDS)


def choose_backend(path: Path, backend: str = "auto", *, without: Mapping[str, str] = MappingProxyType({})) -> Choice:
    """Settle which backend executes a model file; `without` maps those that "auto" passes over to what they lack.

    Raises `BackendError` naming what is missing and how to get it.
    """
    if backend != "auto":
        return _asked_for(path, backend)
    passed = []
    for name, entry in _BACKENDS.items():
        if name in without:
            passed.append(f"{name} {without[name]}")
        elif find_spec(entry.runtime) is None:
            passed.append(f"{name} is not installed")
        elif path.suffix not in entry.suffixes:
            passed.append(f"{name} does not read {path.suffix} files")
        elif lacking := entry.lacking():
            passed.append(f"{name} {lacking}")
        else:
            return Choice(name, "; ".join([*passed, f"the first of the installed backends{_on(entry)}"]))
    advised = next((name for name in _ADVISED if path.suffix in _BACKENDS[name].suffixes), _ADVISED[0])
    raise BackendError(f"{path}: no backend can execute it ({'; '.join(passed)}); run: {_BACKENDS[advised].install}")


def _asked_for(path: Path, backend: str) -> Choice:
    if backend not in _BACKENDS:
        raise BackendError(f"backend {backend}: unknown; expected auto or one of {', '.join(_BACKENDS)}")
    entry = _BACKENDS[backend]
    if find_spec(entry.runtime) is None:
        raise BackendError(f"backend {backend}: its runtime is not installed; run: {entry.install}")
    if path.suffix not in entry.suffixes:
        raise BackendError(f"backend {backend}: reads {' and '.join(entry.suffixes)} files, got {path.name}")
    if lacking := entry.lacking():
        raise BackendError(f"backend {backend} {lacking}, or use backend auto")
    return Choice(backend, f"asked for{_on(entry)}")


def _on(entry: _Backend) -> str:
    place = entry.place()
    return f", on {place}" if place else ""


def open_graph(path: Path, opening: Opening, *, backend: str = "auto", first_build: FirstBuild = AT_ONCE) -> Graph:
    """Compile a model file (.onnx, .xml with its .bin, .engine, .safetensors) for uint8 NHWC pictures.

    Raises `ModelFileError` when the file is unreadable or does not fit what its spec says, `BackendError` when the
    runtime is missing or refuses it.
    """
    choice = choose_backend(path, backend)
    if choice.backend == "tensorrt" and backend == "auto" and path.suffix == ".onnx":
        why = tensorrt_network.unsuited(path, opening)
        choice = choose_backend(path, without={"tensorrt": why}) if why else choice
    first_build.note(f"{path.name}: backend {choice.backend} ({choice.reason})")
    if choice.backend == "tensorrt":
        return _open_engine(path, _settled("tensorrt", opening), first_build)
    return _load(choice.backend, path, opening)


def _open_engine(path: Path, opening: Opening, first_build: FirstBuild) -> Graph:
    if not first_build.in_background or tensorrt.is_built(path, opening):
        return tensorrt.load(path, opening, note=first_build.note)
    fallback = choose_backend(path, without={"tensorrt": "has no engine yet"}).backend
    return SwitchingGraph(
        _load(fallback, path, opening),
        lambda stop: tensorrt.load(path, opening, note=first_build.note, stop=stop),
        batch=opening.batch,
        note=first_build.note,
    )


def _load(backend: str, path: Path, opening: Opening) -> Graph:
    graph: Graph = import_module(_BACKENDS[backend].module).load(path, _settled(backend, opening))
    return graph


def _settled(backend: str, opening: Opening) -> Opening:
    return replace(opening, batch=opening.batch or _BACKENDS[backend].batch())


def describe_graph(path: Path, *, backend: str = "auto") -> GraphInfo:
    """The ports and the exporter's metadata of a model file, without compiling it; errors as in `open_graph`."""
    module = import_module(_BACKENDS[choose_backend(path, backend).backend].module)
    info: GraphInfo = module.describe(path)
    return info
