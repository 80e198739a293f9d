"""The ONNX graph of weights: what is in it, what is not, and what is said when there can be none."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxscript")

import torch
from safetensors.torch import load_file, save_file

from reid_engines.contract import KEY, Contract
from reid_engines.errors import BackendError, EngineError, ModelFileError, SpecError
from reid_engines.export import OPSET, export_onnx
from reid_engines.saga.config import HALF
from reid_engines.store import ResolvedModel, resolve
from small_weights import DIM, small_weights


@pytest.fixture(scope="module")
def graph(weights: ResolvedModel) -> onnx.ModelProto:
    return export_onnx(weights)[0]


def lengths(value: onnx.ValueInfoProto) -> list[int | str]:
    return [length.dim_param or length.dim_value for length in value.type.tensor_type.shape.dim]


def test_pictures_go_in_and_vectors_come_out(graph: onnx.ModelProto) -> None:
    onnx.checker.check_model(graph, full_check=True)
    (pictures,), (vectors,) = graph.graph.input, graph.graph.output
    assert (pictures.name, pictures.type.tensor_type.elem_type) == ("pictures", onnx.TensorProto.UINT8)
    assert lengths(pictures) == ["batch", 64, 32, 3]
    assert (vectors.name, lengths(vectors)) == ("vectors", ["batch", DIM])
    assert [entry.version for entry in graph.opset_import] == [OPSET]


def test_nodes_are_named_after_their_modules(graph: onnx.ModelProto) -> None:
    names = [node.name for node in graph.graph.node]
    assert len(set(names)) == len(names)
    assert any(name.startswith("model.backbone.blocks.0.norm1/LayerNormalization") for name in names)
    assert any(name.startswith("model.aggregation.blocks.1.attention/Softmax") for name in names)
    assert names[-1].startswith("/")


def test_the_graph_depends_on_the_weights_alone(weights: ResolvedModel, graph: onnx.ModelProto) -> None:
    content = graph.SerializeToString()
    assert content == export_onnx(weights)[0].SerializeToString()
    assert str(Path(__file__).parents[2]).encode() not in content
    assert b"embedder.py" not in content


def test_the_contract_says_what_the_spec_says(weights: ResolvedModel) -> None:
    contract = export_onnx(weights)[1]
    assert (contract.weights, contract.precision, contract.mean) == (weights.sha256, "fp32", HALF)
    assert Contract.model_validate_json(contract.metadata()[KEY]) == contract
    spec = contract.spec
    assert (spec.name, spec.licence, spec.input.layout) == ("small", "CC0-1.0", "nhwc")
    assert spec.encoder is not None
    assert (spec.encoder.dim, spec.encoder.match) == (DIM, 0.55)


def refusal(path: Path, kind: type[EngineError]) -> str:
    with pytest.raises(kind) as caught:
        export_onnx(resolve(path, kind="encoder"))
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def test_weights_of_which_nothing_is_known(tmp_path: Path) -> None:
    path = small_weights(tmp_path / "mine.safetensors", spec=None)
    message = refusal(path, SpecError)
    assert f"Write {path.with_suffix('.yaml')} with what was measured" in message
    path.with_suffix(".yaml").write_text(message.split("such as ", maxsplit=1)[1])
    export_onnx(resolve(path, kind="encoder"))


def test_a_spec_of_another_dim(tmp_path: Path) -> None:
    path = small_weights(tmp_path / "mine.safetensors", spec="{kind: encoder, encoder: {match: 0.5, dim: 64}}")
    assert "its spec says encoder.dim 64, the model gives 128" in refusal(path, SpecError)


def test_weights_that_are_none(tmp_path: Path) -> None:
    path = small_weights(tmp_path / "mine.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "not a readable safetensors file" in refusal(path, ModelFileError)
    save_file({"weight": torch.zeros(3)}, path)
    assert "expected weights of format" in refusal(path, ModelFileError)


def test_weights_of_another_shape_or_nan(tmp_path: Path) -> None:
    from safetensors import safe_open

    path = small_weights(tmp_path / "mine.safetensors")
    state = load_file(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    save_file({**state, "backbone.class_token": torch.zeros(7)}, path, metadata)
    assert "backbone.class_token is (7,) instead of (48,)" in refusal(path, ModelFileError)
    save_file({**state, "backbone.class_token": torch.full((48,), torch.nan)}, path, metadata)
    assert "1 with NaN or infinite weights: backbone.class_token" in refusal(path, ModelFileError)


def test_a_missing_package_names_what_installs_it(weights: ResolvedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(BackendError, match=r"needs onnxscript, .*run: pip install 'reid-pipeline\[train\]'"):
        export_onnx(weights)
