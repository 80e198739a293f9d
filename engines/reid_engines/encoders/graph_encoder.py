"""An encoder that is a network: crops are resized, the graph does the rest, vectors get length 1."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future
from math import prod
from typing import cast

import numpy as np
from numpy.typing import NDArray

from reid_engines.encoders.crops import check_crops, resized
from reid_engines.errors import BackendError, ModelFileError, SpecError
from reid_engines.futures import completed, then
from reid_engines.protocol import Graph, Image
from reid_engines.spec import EncoderSpec
from reid_engines.store import ResolvedModel

# Raised whenever this module changes the vectors that it makes from the same weights.
CODE_VERSION = 1


class GraphEncoder:
    """An `Encoder` over a graph opened for RGB pictures whose only output holds one vector per picture.

    Raises `SpecError` when the spec has no `encoder` section or another `dim` than the graph, `ModelFileError` when the
    graph's output is not one vector per picture.
    """

    def __init__(self, model: ResolvedModel, graph: Graph) -> None:
        spec = encoder_spec(model)
        self.name = model.name
        self.sha256 = _stamp(model)
        self.dim = _dim(model, graph)
        self.match = spec.match
        self.batch = graph.batch
        self.parallel = graph.parallel
        self._graph = graph
        if spec.dim not in (None, self.dim):
            raise SpecError(f"{model.path}: its spec says encoder.dim {spec.dim}, the graph gives {self.dim}")

    def submit(self, crops: Sequence[Image]) -> Future[NDArray[np.float32]]:
        """See `Encoder.submit`. The result raises `BackendError` when the network gives no direction (zeros or NaN)."""
        check_crops(crops, self.batch)
        if not crops:
            return completed(np.zeros((0, self.dim), np.float32))
        _, height, width, _ = self._graph.input.shape
        pictures = np.stack([resized(crop, width or 0, height or 0) for crop in crops])
        return then(self._graph.submit(pictures), self._normalised)

    def close(self) -> None:
        """Free the graph."""
        self._graph.close()

    def _normalised(self, outputs: tuple[NDArray[np.float32], ...]) -> NDArray[np.float32]:
        vectors = outputs[0].reshape(len(outputs[0]), self.dim)
        length = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=1, keepdims=True))
        if not (np.isfinite(length) & (length > 0)).all():
            raise BackendError(f"{self.name}: gave a vector of zeros or NaN; check mean, std and color in its spec")
        return cast(NDArray[np.float32], (vectors / length).astype(np.float32))


def encoder_spec(model: ResolvedModel) -> EncoderSpec:
    """The `encoder` section of a model's spec. Raises `SpecError` saying what to write where there is none."""
    if model.spec is None or model.spec.encoder is None:
        beside = model.path.with_suffix(".yaml")
        raise SpecError(
            f"{model.path}: nothing is known of this encoder; write {beside} with what it expects, such as "
            "{kind: encoder, input: {color: rgb, mean: [123.7, 116.3, 103.5], std: [58.4, 57.1, 57.4]}, "
            "encoder: {match: 0.5}}"
        )
    return model.spec.encoder


def _stamp(model: ResolvedModel) -> str:
    """The hash of everything that changes the vectors: weights, input contract, this code."""
    contract = model.spec.input.model_dump_json(exclude_defaults=True) if model.spec else ""
    return hashlib.sha256(f"{model.sha256} {contract} graph-encoder {CODE_VERSION}".encode()).hexdigest()


def _dim(model: ResolvedModel, graph: Graph) -> int:
    shapes = [port.shape for port in graph.outputs]
    rest = shapes[0][1:] if len(shapes) == 1 else ()
    if not rest or None in rest or shapes[0][0] not in (None, graph.batch):
        raise ModelFileError(
            f"{model.path}: expected one output with a vector per picture, such as (1, 256); got outputs "
            + ", ".join(f"{port.name} {port.shape}" for port in graph.outputs)
        )
    return prod(length for length in rest if length is not None)
