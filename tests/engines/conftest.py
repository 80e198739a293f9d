"""Weights of a small encoder and the ONNX file built from them, made once for all tests of the engines."""

from __future__ import annotations

import pytest

from reid_engines.build import Order, build
from reid_engines.store import ResolvedModel, resolve
from small_weights import small_weights


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> ResolvedModel:
    """A file of weights, with what is known of them beside it."""
    return resolve(small_weights(tmp_path_factory.mktemp("weights") / "small.safetensors"), kind="encoder")


@pytest.fixture(scope="session")
def graph(weights: ResolvedModel, tmp_path_factory: pytest.TempPathFactory) -> ResolvedModel:
    """The ONNX file, alone in a folder of its own."""
    path = tmp_path_factory.mktemp("graph") / "small.onnx"
    build(weights, path, Order("onnxruntime"))
    return resolve(path, kind="encoder")
