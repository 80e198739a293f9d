"""TensorRT on NVIDIA GPUs; reads .onnx, and .engine files that were built here from one.

An engine is built for one model, GPU, driver and TensorRT version. That takes minutes, so it is kept in the model
folder; it is built again when any of these is another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock
from time import monotonic

from reid_engines.backends import tensorrt_gpu, tensorrt_memory
from reid_engines.backends.graph import GraphInfo, Opening, PooledGraph, reason
from reid_engines.backends.tensorrt_api import Engine, Note, build, strongly_typed, version
from reid_engines.backends.tensorrt_file import EngineFile, EngineKey, check_writable, read_engine, write_engine
from reid_engines.backends.tensorrt_graph import PARALLEL, EngineRunner, batch_sizes
from reid_engines.backends.tensorrt_network import contract_of, describe_onnx, picture_network, survey
from reid_engines.contract import Precision
from reid_engines.errors import BackendError, EngineError, ModelFileError
from reid_engines.store import model_folder, sha256_of

FOLDER = "tensorrt"

# Two builds at once would time each other's kernels.
_building = Lock()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The engine that a model needs on this machine, and where it is kept."""

    path: Path
    opening: Opening
    precision: Precision
    key: EngineKey
    kept: Path


def describe(path: Path) -> GraphInfo:
    """The ports and metadata of a model file. Raises `ModelFileError`."""
    return read_engine(path).info if path.suffix == ".engine" else describe_onnx(path)


def is_built(path: Path, opening: Opening) -> bool:
    """Whether `load` has nothing to build. Raises what that raises."""
    return path.suffix == ".engine" or isinstance(_kept(_wanted(path, opening)), EngineFile)


def load(path: Path, opening: Opening, *, note: Note = lambda line: None, stop: Event | None = None) -> PooledGraph:
    """Open a model on the GPU, with an engine built first where there is none for it; `note` is told of that.

    A build ends early once `stop` is set (not before TensorRT 10).

    Raises `ModelFileError` when the file is unreadable, does not fit, or is an engine for something else, and
    `BackendError` when there is no GPU or TensorRT refuses the model.
    """
    if path.suffix == ".engine":
        return _started(path, _checked(path, read_engine(path), opening))
    wanted = _wanted(path, opening)
    kept = _kept(wanted)
    if isinstance(kept, EngineFile):
        return _started(path, kept)
    return _started(path, _built(wanted, because=kept, note=note, stop=stop or Event()))


def build_engine(path: Path, opening: Opening, output: Path, *, precision: Precision | None = None, note: Note) -> None:
    """Build the engine of an .onnx file into a file of its own; without a precision as `load` does.

    Raises as `load`.
    """
    wanted = replace(_wanted(path, opening, precision), kept=output)
    _built(wanted, because="asked for", note=note, stop=Event())


def _wanted(path: Path, opening: Opening, precision: Precision | None = None) -> _Wanted:
    source = survey(path, opening)
    precision = precision or ("fp32" if opening.coarsest == "float32" else source.precision)
    key = _key(sha256_of(path), contract_of(source.shape, opening), precision, path)
    # Models of the same name in different folders must not push each other out.
    place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    name = f"{path.stem}-{place}-{precision}-{source.shape.batch}.engine"
    return _Wanted(path, opening, precision, key, model_folder() / FOLDER / name)


def _key(model: str, contract: str, precision: str, path: Path) -> EngineKey:
    """The key of an engine for this machine."""
    gpu = tensorrt_gpu.find_gpu()
    if gpu is None:
        raise BackendError(
            f"{path}: backend tensorrt: no NVIDIA GPU answers; check that nvidia-smi lists one, or use backend auto"
        )
    return EngineKey(
        model=model,
        contract=contract,
        precision=precision,
        tensorrt=version(),
        gpu=gpu.name,
        capability=gpu.capability,
        driver=gpu.driver,
    )


def _kept(wanted: _Wanted) -> EngineFile | str:
    """The engine that was built earlier, or why there has to be another."""
    if not wanted.kept.exists():
        return "there is none yet"
    try:
        file = read_engine(wanted.kept)
    except ModelFileError as error:
        return str(error)
    return file.key.differences(wanted.key) or file


def _built(wanted: _Wanted, *, because: str, note: Note, stop: Event) -> EngineFile:
    label, key = str(wanted.path), wanted.key
    network = picture_network(wanted.path, wanted.opening, precision=wanted.precision, strongly_typed=strongly_typed())
    # Minutes are not spent on what then cannot be kept.
    check_writable(wanted.kept.parent)
    timings = model_folder() / FOLDER / f"timings-{key.tensorrt}-{key.capability}.cache"
    with _building:
        note(f"{label}: building a TensorRT engine for {key.gpu}, once, which takes minutes ({because})")
        began = monotonic()
        engine = build(network, wanted.precision, timings=timings, label=label, note=note, stop=stop)
    source = network.survey
    sizes = batch_sizes(source.shape.batch, open_batch=source.open_batch)
    file = EngineFile(key, source.info, source.shape, sizes, engine)
    write_engine(wanted.kept, file)
    note(f"{label}: its TensorRT engine was built in {monotonic() - began:.0f} s")
    return file


def _checked(path: Path, file: EngineFile, opening: Opening) -> EngineFile:
    """An engine that somebody named: it cannot be built again from itself, so it has to fit."""
    here = _key(file.key.model, contract_of(file.shape, opening), file.key.precision, path)
    differences = file.key.differences(here)
    if differences:
        raise ModelFileError(f"{path}: built for something else: {differences}; build it again from its .onnx file")
    return file


def _started(path: Path, file: EngineFile) -> PooledGraph:
    try:
        device = tensorrt_memory.open_device()
        with device.active():
            engine = Engine(file.engine, str(path))
            runners = [EngineRunner(engine, device, file) for _ in range(PARALLEL)]
    except EngineError:
        raise
    except Exception as error:  # those of pycuda and torch, such as too little memory on the GPU, share no base class
        raise BackendError(f"{path}: the GPU cannot take the engine: {reason(error)}") from None
    return PooledGraph("tensorrt", file.shape, file.info, runners, sizes=file.sizes)
