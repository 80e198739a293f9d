"""The checks of `doctor`. Each one tries the thing itself, since a package that is installed may still not work."""

from __future__ import annotations

import base64
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from importlib import import_module, metadata
from pathlib import Path

from reid_engines.backends import tensorrt_gpu
from reid_engines.backends.tensorrt_gpu import Gpu
from reid_engines.errors import EngineError
from reid_engines.spec import ModelSpec, shipped_specs
from reid_engines.store import MODELS_VARIABLE, REINSTALL, list_models, model_folder, path_of, sha256_of


class State(str, Enum):
    """How a check came out. Only `BROKEN` keeps the default run from working."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report; `fix` is a command or an instruction, empty where there is nothing to do."""

    name: str
    state: State
    detail: str
    fix: str = ""

    def to_dict(self) -> dict[str, str]:
        """The check as JSON values."""
        return {"name": self.name, "state": self.state.value, "detail": self.detail, "fix": self.fix}


# package on the index -> what is imported of it; without one of these nothing runs
_REQUIRED = {
    "numpy": "numpy",
    "scipy": "scipy.optimize",
    "pydantic": "pydantic",
    "PyYAML": "yaml",
    "av": "av",
    "opencv-python": "cv2",
    "supervision": "supervision",
    "trackers": "trackers",
    "rich": "rich",
}
# package -> the extra that brings it, and what it is for
# package -> what is lost without it, and the command that brings it
_OPTIONAL = {
    "ultralytics": ("exports .pt checkpoints to ONNX", "pip install 'reid-pipeline[ultralytics]'"),
    "pip": ("pulls models from package indexes", "python -m ensurepip"),
}
# backend -> the packages that bring it
_RUNTIMES = {
    "openvino": ("openvino",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "tensorrt": ("tensorrt", "tensorrt-cu13", "tensorrt-cu12"),
    "torch": ("torch",),
}
_DECODERS = ("h264", "hevc", "mjpeg", "mpeg4", "vp9", "av1")
_LEAST_FREE_MB = 500

# an ONNX network that returns its 8x8 picture as floats
_IDENTITY_ONNX = base64.b64decode(
    "CAcSADpPChAKAXgSAXkiCElkZW50aXR5EgFnWhsKAXgSFgoUCAESEAoCCAEKAggDCgIICAoCCAhiGwoBeRIWChQIARIQCgIIAQoCCAMKAggICgIICEIECgAQDQ=="
)


def all_checks() -> Iterator[Check]:
    """Every check in the order of the report; lazy, because some take seconds."""
    yield _python()
    yield from (_package(package, module) for package, module in _REQUIRED.items())
    yield from (_optional(package) for package in _OPTIONAL)
    yield _backend("openvino", State.BROKEN, "pip install --force-reinstall openvino")
    yield _backend("onnxruntime", State.NOTE, "pip install 'reid-pipeline[onnx]'")
    yield _accelerator("tensorrt", _tensorrt)
    yield _accelerator("torch", _torch)
    yield from _models()
    yield _folder("model folder", model_folder(), f"set {MODELS_VARIABLE} to a folder with space")
    yield _folder("working folder", Path.cwd(), "name another folder with --output DIR")
    yield _codecs()


def _python() -> Check:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} CPU threads"
    return Check("python", State.OK, detail)


def _package(package: str, module: str) -> Check:
    try:
        import_module(module)
        return Check(package, State.OK, metadata.version(package))
    except metadata.PackageNotFoundError:
        return Check(package, State.OK, "there, of unknown version")
    except Exception as error:
        # a damaged package may fail in any way; shared libraries that are missing show here
        return Check(package, State.BROKEN, _one_line(error), f"pip install --force-reinstall {package}")


def _optional(package: str) -> Check:
    purpose, command = _OPTIONAL[package]
    try:
        return Check(package, State.OK, f"{metadata.version(package)}, {purpose}")
    except metadata.PackageNotFoundError:
        return Check(package, State.NOTE, f"not installed; {purpose}", command)


def _backend(name: str, without: State, command: str) -> Check:
    """Compile a network of one node and compare what comes out with what went in."""
    version = _version(name)
    if version is None:
        return Check(f"backend {name}", without, "not installed", command)
    try:
        works = _echoes(name)
    except EngineError as error:
        return Check(f"backend {name}", without, _one_line(error), command)
    except Exception as error:
        # a runtime whose libraries do not fit this machine may fail in any way
        return Check(f"backend {name}", without, _one_line(error), command)
    if not works:
        return Check(f"backend {name}", without, f"{version} computes wrong values", command)
    return Check(f"backend {name}", State.OK, f"{version}, executes on {_place(name)}")


def _version(backend: str) -> str | None:
    for package in _RUNTIMES[backend]:
        with suppress(metadata.PackageNotFoundError):
            return metadata.version(package)
    return None


def _place(backend: str) -> str:
    from reid_engines.backends import onnxruntime

    return onnxruntime.provider() if backend == "onnxruntime" else "the CPU"


def _accelerator(name: str, look: Callable[[str | None, Gpu | None], tuple[State, str, str]]) -> Check:
    """A backend for NVIDIA GPUs. Nothing is executed: an engine takes minutes to build, and its import seconds."""
    try:
        state, detail, fix = look(_version(name), tensorrt_gpu.find_gpu())
    except Exception as error:
        # a driver and a package that do not fit each other may fail in any way
        state, detail = State.NOTE, _one_line(error)
        fix = f"check that nvidia-smi lists the GPU; then: pip install --force-reinstall {_RUNTIMES[name][0]}"
    return Check(f"backend {name}", state, detail, fix)


def _tensorrt(version: str | None, gpu: Gpu | None) -> tuple[State, str, str]:
    from reid_engines.backends import tensorrt_api, tensorrt_memory

    if version is None:
        command = "pip install 'reid-pipeline[tensorrt]'"
        if gpu is None:
            return State.NOTE, "not installed; no NVIDIA GPU seen, which it needs", f"{command} on a machine with one"
        return State.NOTE, f"not installed; would execute on the {gpu.name}", command
    if lacking := tensorrt_memory.lacking():
        problem, _, remedy = lacking.partition("; ")
        return State.NOTE, f"{version}, {problem}", remedy.removeprefix("run: ")
    tensorrt_api.version()  # raises where its own libraries are missing
    assert gpu is not None
    return State.OK, f"{version}, on {gpu.name} (compute capability {gpu.capability}, driver {gpu.driver})", ""


def _torch(version: str | None, gpu: Gpu | None) -> tuple[State, str, str]:
    from reid_engines.backends import torch

    if version is None:
        command = "pip install 'reid-pipeline[train]'"
        return State.NOTE, "not installed; executes weights as they are, and engines are built with it", command
    if gpu is None:
        return State.OK, f"{version}, executes on the CPU; no NVIDIA GPU seen", ""
    if torch.on_gpu():
        return State.OK, f"{version}, executes on the {gpu.name}", ""
    fix = "install torch for CUDA, see https://pytorch.org/get-started/locally"
    return State.NOTE, f"{version}, executes on the CPU: it does not see the {gpu.name}", fix


def _echoes(backend: str) -> bool:
    import numpy as np

    from reid_engines.backends import open_graph
    from reid_engines.backends.graph import Opening
    from reid_engines.spec import InputSpec

    picture = np.arange(192, dtype=np.uint8).reshape(1, 8, 8, 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "identity.onnx"
        path.write_bytes(_IDENTITY_ONNX)
        graph = open_graph(path, Opening(InputSpec(), threads=1), backend=backend)
        try:
            (output,) = graph.submit(picture).result()
        finally:
            graph.close()
    return bool(np.array_equal(output, picture.transpose(0, 3, 1, 2)))


def _models() -> Iterator[Check]:
    for model in list_models():
        name, pull = f"model {model.name}", f"reid-pipeline engines pull {model.name}"
        spec = shipped_specs()[model.name]
        if model.cached and _is_whole(spec):
            yield Check(name, State.OK, f"{model.kind}, ready ({model.licence})")
        elif spec.ships:
            yield Check(name, State.BROKEN, f"{model.kind}, its file is missing or damaged", REINSTALL)
        elif not model.cached:
            yield Check(name, State.NOTE, f"{model.kind}, pulled on first use ({model.licence})", pull)
        else:
            yield Check(name, State.NOTE, f"{model.kind}, its file is damaged and will be pulled again", pull)


def _is_whole(spec: ModelSpec) -> bool:
    return spec.file is None or sha256_of(path_of(spec, spec.file)) == spec.file.sha256


def _folder(name: str, folder: Path, fix: str) -> Check:
    """Whether something can be written there, or where the folder would be made."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            free_mb = shutil.disk_usage(existing).free // 1_000_000
    except OSError as error:
        return Check(name, State.NOTE, f"{folder}: cannot be written: {error.strerror}", fix)
    if free_mb < _LEAST_FREE_MB:
        return Check(name, State.NOTE, f"{folder}: only {free_mb} MB free", fix)
    return Check(name, State.OK, f"{folder}, {free_mb / 1000:.0f} GB free")


def _codecs() -> Check:
    try:
        import av

        decoders = [name for name in _DECODERS if name in av.codecs_available]
        libraries = ".".join(map(str, av.library_versions["libavcodec"]))
        streams = "rtsp" in av.formats_available
        writes = "libx264" in av.codecs_available
    except Exception as error:
        return Check("video", State.BROKEN, _one_line(error), "pip install --force-reinstall av")
    detail = f"libavcodec {libraries}, reads {' '.join(decoders)}"
    detail += (", RTSP" if streams else ", no RTSP") + (", writes H.264" if writes else ", no H.264 for overlays")
    if "h264" in decoders and streams and writes:
        return Check("video", State.OK, detail)
    state = State.NOTE if "h264" in decoders else State.BROKEN
    return Check("video", state, detail, "pip install --force-reinstall --only-binary :all: av")


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
