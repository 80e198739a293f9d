"""Runtimes that execute a graph; the table maps a name to the one module that wraps it."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from reid_engines.backends.graph import GraphInfo, Opening
from reid_engines.errors import BackendError
from reid_engines.protocol import Graph
from reid_engines.spec import Color, InputSpec


class _Backend(NamedTuple):
    module: str
    runtime: str
    install: str
    suffixes: tuple[str, ...]


# In the order in which "auto" prefers them.
_BACKENDS = {
    "openvino": _Backend("reid_engines.backends.openvino", "openvino", "pip install openvino", (".onnx", ".xml")),
    "onnxruntime": _Backend(
        "reid_engines.backends.onnxruntime", "onnxruntime", "pip install 'reid-pipeline[onnx]'", (".onnx",)
    ),
}


class Choice(NamedTuple):
    """The backend that will be used, and why, in words."""

    backend: str
    reason: str


def choose_backend(path: Path, backend: str = "auto") -> Choice:
    """Settle which backend executes a model file. Raises `BackendError` naming what is missing and how to get it."""
    if backend != "auto":
        if backend not in _BACKENDS:
            raise BackendError(f"backend {backend}: unknown; expected auto or one of {', '.join(_BACKENDS)}")
        entry = _BACKENDS[backend]
        if find_spec(entry.runtime) is None:
            raise BackendError(f"backend {backend}: its runtime is not installed; run: {entry.install}")
        if path.suffix not in entry.suffixes:
            raise BackendError(f"backend {backend}: reads {' and '.join(entry.suffixes)} files, got {path.name}")
        return Choice(backend, "asked for")
    passed = []
    for name, entry in _BACKENDS.items():
        if find_spec(entry.runtime) is None:
            passed.append(f"{name} is not installed")
        elif path.suffix not in entry.suffixes:
            passed.append(f"{name} does not read {path.suffix} files")
        else:
            return Choice(name, "; ".join([*passed, "the first of the installed backends"]))
    raise BackendError(f"{path}: no backend can execute it ({'; '.join(passed)}); run: {_BACKENDS['openvino'].install}")


def open_graph(
    path: Path, contract: InputSpec, *, feeds: Color = "rgb", backend: str = "auto", batch: int = 1, threads: int = 0
) -> Graph:
    """Compile a model file (.onnx, or .xml with its .bin) for uint8 NHWC pictures.

    `contract` says what the network wants to see, `feeds` the colour order of the pictures that will be submitted.
    `batch` is the pictures per submission where the graph leaves that open, `threads` the most CPU threads (0: all).

    Raises `ModelFileError` when the file is unreadable or does not fit the contract, `BackendError` when the runtime is
    missing or refuses it.
    """
    module = import_module(_BACKENDS[choose_backend(path, backend).backend].module)
    graph: Graph = module.load(path, Opening(contract, feeds, batch, threads))
    return graph


def describe_graph(path: Path, *, backend: str = "auto") -> GraphInfo:
    """The ports and the exporter's metadata of a model file, without compiling it; errors as in `open_graph`."""
    module = import_module(_BACKENDS[choose_backend(path, backend).backend].module)
    info: GraphInfo = module.describe(path)
    return info
