"""The encoder that comes with the project: there without a network and without torch, and what its spec says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from reid_engines import store
from reid_engines.backends import describe_graph
from reid_engines.contract import read_contract
from reid_engines.encoders import open_encoder
from reid_engines.errors import ModelFileError
from reid_engines.saga.config import MODELS
from reid_engines.spec import ModelSpec, shipped_specs, spec_for_file
from reid_engines.store import list_models, resolve, resolve_weights, sha256_of
from small_weights import crops

ROOT = Path(__file__).parents[2]
LARGEST_BYTES = 50_000_000


@pytest.fixture(autouse=True)
def _nothing_to_pull_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.MODELS_VARIABLE, str(tmp_path / "models"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")


@pytest.fixture
def spec() -> ModelSpec:
    return shipped_specs()["saga-s"]


def test_its_files_are_those_of_its_spec(spec: ModelSpec) -> None:
    graph, weights = resolve("saga-s", kind="encoder"), resolve_weights("saga-s")
    assert (graph.path.suffix, weights.path.suffix) == (".onnx", ".safetensors")
    assert (sha256_of(graph.path), sha256_of(weights.path)) == (graph.sha256, weights.sha256)
    assert graph.spec == weights.spec == spec
    assert graph.path.stat().st_size + weights.path.stat().st_size < LARGEST_BYTES
    (status,) = [status for status in list_models() if status.name == "saga-s"]
    assert status.cached


def test_its_graph_was_built_from_its_weights_under_its_spec(spec: ModelSpec) -> None:
    assert spec.file is not None
    assert spec.weights is not None
    path = resolve("saga-s", kind="encoder").path
    contract = read_contract(path, describe_graph(path).metadata)
    assert contract is not None
    assert (contract.weights, contract.precision) == (spec.weights.sha256, "fp16")
    assert contract.spec.encoder == spec.encoder
    assert (contract.spec.licence, contract.spec.description) == (spec.licence, spec.description)
    assert contract.mean == MODELS["saga-s"].mean


def test_it_says_what_it_was_trained_on(spec: ModelSpec) -> None:
    assert spec.training is not None
    assert (ROOT / "tools" / "reid_tools" / "train" / "recipes" / f"{spec.training.recipe}.yaml").is_file()
    assert all("Apache-2.0" in source or "CC BY" in source for source in spec.training.data)


def test_it_encodes_without_torch() -> None:
    code = (
        "import sys, numpy as np; from reid_engines.encoders import open_encoder;"
        "encoder = open_encoder('saga-s');"
        "print(encoder.submit([np.zeros((90, 40, 3), np.uint8)]).result().shape, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(1, 512) False\n"


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_graph_and_weights_are_one_model(backend: str) -> None:
    pytest.importorskip("torch")
    pictures = crops(6)
    with (
        closing(open_encoder("saga-s", backend=backend)) as graph,
        closing(open_encoder(resolve_weights("saga-s").path)) as weights,
    ):
        assert graph.sha256 == weights.sha256, "vectors of the two may share a gallery"
        found = np.concatenate([graph.submit([picture]).result() for picture in pictures])
        expected = weights.submit(pictures).result()
    assert (found * expected).sum(axis=1).min() > 0.9999


@pytest.mark.parametrize("damage", ["missing", "cut off", "changed"])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    path = tmp_path / "saga-s.onnx"
    shutil.copy(resolve("saga-s", kind="encoder").path, path)
    content = path.read_bytes()
    path.write_bytes(content[:-1] if damage == "cut off" else content[:-1] + b"?")
    if damage == "missing":
        path.unlink()
    monkeypatch.setattr(store, "shipped_folder", lambda name: tmp_path)
    with pytest.raises(ModelFileError) as caught:
        open_encoder("saga-s")
    assert str(caught.value).startswith(f"{path}: expected ")
    assert "pip install --force-reinstall reid-pipeline" in str(caught.value)


def test_weights_of_ones_own_are_known_by_their_name_but_are_not_the_shipped_ones(spec: ModelSpec) -> None:
    own = spec_for_file(Path("saga-s-of-my-site.safetensors"))
    assert own is not None
    assert (own.name, own.encoder) == ("saga-s-of-my-site", spec.encoder)
    assert (own.ships, own.file, own.weights, own.training, own.figures) == (False, None, None, None, ())


def test_other_models_have_no_weights_beside_their_file() -> None:
    with pytest.raises(ModelFileError, match=r"no/such\.onnx: no such model file"):
        resolve_weights("no/such.onnx")
