"""Whether backends give the vectors that float32 gives: the same crops through each of them, in batches of all sizes.

A backend passes when cosines to the reference are high on average and for every single crop, and when crops keep their
nearest neighbour, which is what an identity hangs on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from reid_engines.backends import backend_names, choose_backend, describe_graph, open_graph
from reid_engines.backends.graph import Opening
from reid_engines.build import Order, build
from reid_engines.contract import read_contract, with_contract
from reid_engines.encoders import COARSEST
from reid_engines.encoders.crops import resized
from reid_engines.encoders.graph_encoder import GraphEncoder, encoder_spec
from reid_engines.errors import BackendError, ModelFileError
from reid_engines.export import load_embedder
from reid_engines.protocol import Encoder, Graph, Image
from reid_engines.spec import InputSpec
from reid_engines.store import WEIGHTS_SUFFIX, ResolvedModel, sha256_of

Vectors = NDArray[np.float32]
Note = Callable[[str], None]

BATCHES = (1, 7, 32, 256)
FEWEST_CROPS = 2
LEAST_MEAN, LEAST_COSINE, LEAST_SAME = 0.999, 0.995, 0.999
# Neighbours that float32 itself can hardly tell apart may change places.
_TIE = 1e-6
_REFERENCE_BATCH = 32
# They execute small batches as such, and an engine for every size would take minutes.
_OPENED_ONCE = ("tensorrt", "torch")


@dataclass(frozen=True, slots=True)
class Row:
    """One backend at one size of batch: cosines to the reference, share of crops with the same nearest neighbour."""

    backend: str
    batch: int
    mean: float
    minimum: float
    same_top1: float
    ms_per_crop: float

    @property
    def passed(self) -> bool:
        return self.mean >= LEAST_MEAN and self.minimum >= LEAST_COSINE and self.same_top1 >= LEAST_SAME


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found; `left_out` says of the backends that cannot execute the model here what they lack."""

    model: str
    sha256: str
    reference: str
    crops: int
    rows: tuple[Row, ...]
    left_out: dict[str, str]

    @property
    def passed(self) -> bool:
        return bool(self.rows) and all(row.passed for row in self.rows)

    def to_dict(self) -> dict[str, object]:
        """The report as JSON has it."""
        rows = [{**asdict(row), "passed": row.passed} for row in self.rows]
        least = {"mean": LEAST_MEAN, "minimum": LEAST_COSINE, "same_top1": LEAST_SAME}
        return {**asdict(self), "rows": rows, "least": least, "passed": self.passed}


def check_model(
    model: ResolvedModel,
    crops: Sequence[Image],
    *,
    weights: Path | None = None,
    batches: Sequence[int] = BATCHES,
    note: Note = lambda line: None,
) -> Report:
    """Put crops (uint8 RGB, any size) through every backend that executes the model here, and compare with float32.

    The reference is torch for weights (.safetensors), which the other backends get as ONNX, and for a file that was
    built from the `weights` given; else the file itself, in float32 by ONNX Runtime or OpenVINO. `note` is told what
    goes on.

    Raises `ModelFileError` when the model was not built from `weights` or there is nothing to compare it with, and
    `BackendError` for fewer than two crops and what backends raise.
    """
    if len(crops) < FEWEST_CROPS:
        raise BackendError(f"{model.path}: expected at least {FEWEST_CROPS} crops to compare, got {len(crops)}")
    with tempfile.TemporaryDirectory(prefix="reid-check-") as folder:
        candidates = [_described(model)]
        if model.path.suffix == WEIGHTS_SUFFIX:
            weights = model.path
            graph = Path(folder, f"{model.path.stem}.onnx")
            build(model, graph, Order("onnxruntime"), note=note)
            candidates.append(_described(replace(model, path=graph)))
        elif weights is not None:
            _check_origin(model, weights)
        reference = _torch_reference(weights) if weights else _graph_reference(candidates[0])
        note(f"{len(crops)} crops through {reference.label}, for reference")
        expected = reference.encode(crops)
        rows: list[Row] = []
        left_out: dict[str, str] = {}
        for backend in backend_names():
            try:
                candidate = _first_readable(candidates, backend)
            except BackendError as error:
                left_out[backend] = str(error)
                continue
            for row in _rows(candidate, backend, batches, crops, expected):
                note(f"{row.backend}, batches of {row.batch}: {'passed' if row.passed else 'failed'}")
                rows.append(row)
    return Report(candidates[0].name, candidates[0].sha256, reference.label, len(crops), tuple(rows), left_out)


@dataclass(frozen=True, slots=True)
class _Reference:
    """What makes the vectors to compare with: `encode` takes crops and gives unit vectors (N, dim)."""

    label: str
    encode: Callable[[Sequence[Image]], Vectors]


def _torch_reference(weights: Path) -> _Reference:
    embedder = load_embedder(weights)

    def encode(crops: Sequence[Image]) -> Vectors:
        import torch

        height, width = embedder.size
        parts = []
        with torch.inference_mode():
            for start in range(0, len(crops), _REFERENCE_BATCH):
                pictures = np.stack([resized(crop, width, height) for crop in crops[start : start + _REFERENCE_BATCH]])
                parts.append(embedder(torch.from_numpy(pictures)).numpy())
        return np.concatenate(parts)

    return _Reference("torch float32", encode)


def _graph_reference(model: ResolvedModel) -> _Reference:
    """The model's own file in float32. Raises `ModelFileError` for a file that only its own backend executes."""
    if model.path.suffix not in (".onnx", ".xml"):
        raise ModelFileError(f"{model.path}: give the weights that it was built from, to compare it with (--weights)")
    try:
        backend = choose_backend(model.path, "onnxruntime").backend
    except BackendError:
        backend = choose_backend(model.path, "openvino").backend
    label = {"onnxruntime": "ONNX Runtime float32", "openvino": "OpenVINO float32"}[backend]

    def encode(crops: Sequence[Image]) -> Vectors:
        module = import_module(f"reid_engines.backends.{backend}")
        graph: Graph = module.load(model.path, Opening(_input(model), batch=1, coarsest="float32"))
        with closing(GraphEncoder(model, graph)) as encoder:
            return _encoded(encoder, crops, encoder.batch)

    return _Reference(label, encode)


def _described(model: ResolvedModel) -> ResolvedModel:
    says = {} if model.path.suffix == WEIGHTS_SUFFIX else describe_graph(model.path).metadata
    model = with_contract(model, says)
    encoder_spec(model)
    return model


def _check_origin(model: ResolvedModel, weights: Path) -> None:
    contract = read_contract(model.path, describe_graph(model.path).metadata)
    if contract is None:
        raise ModelFileError(f"{model.path}: does not say from which weights it was built; leave out --weights")
    given = sha256_of(weights)
    if contract.weights != given:
        raise ModelFileError(
            f"{model.path}: was built from weights {contract.weights[:12]}..., {weights} is {given[:12]}...; "
            "give those that it was built from"
        )


def _first_readable(candidates: Sequence[ResolvedModel], backend: str) -> ResolvedModel:
    """The first file that the backend executes. Raises `BackendError` with what it lacks for the last of them."""
    for candidate in candidates[:-1]:
        with suppress(BackendError):
            choose_backend(candidate.path, backend)
            return candidate
    choose_backend(candidates[-1].path, backend)
    return candidates[-1]


def _rows(
    model: ResolvedModel, backend: str, batches: Sequence[int], crops: Sequence[Image], expected: Vectors
) -> Iterator[Row]:
    """One row for each size of batch that the graph can have; one that fixes its batch has only that."""
    done: set[int] = set()
    for size in batches:
        opened = max(batches) if backend in _OPENED_ONCE else size
        graph = open_graph(model.path, Opening(_input(model), batch=opened, coarsest=COARSEST), backend=backend)
        with closing(GraphEncoder(model, graph)) as encoder:
            batch = min(size, encoder.batch)
            if batch in done:
                continue
            done.add(batch)
            _encoded(encoder, crops[:batch], batch)  # the first execution prepares what the others use
            began = perf_counter()
            found = _encoded(encoder, crops, batch)
            took_s = perf_counter() - began
        yield _compared(backend, batch, expected, found, took_s)


def _compared(backend: str, batch: int, expected: Vectors, found: Vectors, took_s: float) -> Row:
    cosines = np.minimum((expected * found).sum(axis=1, dtype=np.float64), 1)
    return Row(
        backend=backend,
        batch=batch,
        mean=float(cosines.mean()),
        minimum=float(cosines.min()),
        same_top1=same_neighbour(expected, found),
        ms_per_crop=1000 * took_s / len(expected),
    )


def same_neighbour(expected: Vectors, found: Vectors) -> float:
    """The share of rows whose most similar other row is the same one, unit vectors (N, dim) each, N >= 2."""
    likeness, other = expected @ expected.T, found @ found.T
    for table in (likeness, other):
        np.fill_diagonal(table, -np.inf)
    chosen = likeness[np.arange(len(likeness)), other.argmax(axis=1)]
    return float((chosen >= likeness.max(axis=1) - _TIE).mean())


def _encoded(encoder: Encoder, crops: Sequence[Image], batch: int) -> Vectors:
    parts = [encoder.submit(crops[start : start + batch]) for start in range(0, len(crops), batch)]
    return np.concatenate([part.result() for part in parts])


def _input(model: ResolvedModel) -> InputSpec:
    assert model.spec is not None
    return model.spec.input
