"""Checking backends against float32: what passes, what fails, and what cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from reid_engines.build import Order, build
from reid_engines.contract import KEY
from reid_engines.errors import BackendError, ModelFileError, SpecError
from reid_engines.parity import Report, Row, check_model, same_neighbour
from reid_engines.store import ResolvedModel, resolve
from small_nets import means_net
from small_weights import crops, small_weights

BATCHES = (1, 7, 32)


def test_weights_are_compared_with_torch_on_every_backend(weights: ResolvedModel) -> None:
    told: list[str] = []
    report = check_model(weights, crops(20), batches=BATCHES, note=told.append)
    assert report.passed
    assert (report.reference, report.crops) == ("torch float32", 20)
    measured = {(row.backend, row.batch) for row in report.rows}
    assert measured == {(name, batch) for name in ("openvino", "onnxruntime", "torch") for batch in BATCHES}
    assert min(row.minimum for row in report.rows) > 0.99999
    assert list(report.left_out) == ["tensorrt"]
    assert "openvino, batches of 7: passed" in told
    content = json.loads(json.dumps(report.to_dict()))
    assert (content["passed"], content["least"]["minimum"]) == (True, 0.995)
    assert content["rows"][0]["same_top1"] == 1


def test_a_built_file_is_compared_with_its_weights(weights: ResolvedModel, graph: ResolvedModel) -> None:
    report = check_model(graph, crops(8), weights=weights.path, batches=[7])
    assert report.passed
    assert report.reference == "torch float32"
    assert {row.backend for row in report.rows} == {"openvino", "onnxruntime"}


def test_a_file_without_its_weights_is_compared_with_itself(graph: ResolvedModel, tmp_path: Path) -> None:
    assert check_model(graph, crops(8), batches=[7]).reference == "ONNX Runtime float32"
    build(graph, tmp_path / "small.xml", Order("openvino"))
    report = check_model(resolve(tmp_path / "small.xml", kind="encoder"), crops(8), batches=[7])
    assert (report.passed, report.reference) == (True, "OpenVINO float32")


def test_a_graph_that_fixes_its_batch_has_one_row(tmp_path: Path) -> None:
    path = means_net(tmp_path / "net.onnx", batch=2)
    path.with_suffix(".yaml").write_text("{kind: encoder, encoder: {match: 0.5}}")
    report = check_model(resolve(path, kind="encoder"), crops(5), batches=(2, 7, 32))
    assert [(row.backend, row.batch) for row in report.rows] == [("openvino", 2), ("onnxruntime", 2)]


def test_a_file_with_other_weights_in_it_fails(weights: ResolvedModel, tmp_path: Path) -> None:
    """As after an export that went wrong: the contract is right, the numbers are not."""
    other = resolve(small_weights(tmp_path / "other.safetensors", seed=1), kind="encoder")
    path = tmp_path / "other.onnx"
    build(other, path, Order("onnxruntime"))
    with pytest.raises(ModelFileError, match=rf"was built from weights {other.sha256[:12]}\.\.\., .* give those"):
        check_model(resolve(path, kind="encoder"), crops(8), weights=weights.path)
    model = onnx.load(path)
    for entry in model.metadata_props:
        if entry.key == KEY:
            entry.value = entry.value.replace(other.sha256, weights.sha256)
    onnx.save(model, path)
    report = check_model(resolve(path, kind="encoder"), crops(8), weights=weights.path, batches=[1])
    assert not report.passed
    assert all(row.minimum < 0.9 for row in report.rows)


def test_what_cannot_be_compared(weights: ResolvedModel, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="expected at least 2 crops to compare, got 1"):
        check_model(weights, crops(1))
    net = means_net(tmp_path / "net.onnx")
    with pytest.raises(SpecError, match="nothing is known of this encoder"):
        check_model(resolve(net, kind="encoder"), crops(2))
    net.with_suffix(".yaml").write_text("{kind: encoder, encoder: {match: 0.5}}")
    with pytest.raises(ModelFileError, match="does not say from which weights it was built"):
        check_model(resolve(net, kind="encoder"), crops(2), weights=weights.path)


@pytest.mark.parametrize(
    ("mean", "minimum", "same", "passed"),
    [
        (0.999, 0.995, 0.999, True),
        (0.9989, 0.998, 1.0, False),
        (0.9999, 0.9949, 1.0, False),
        (0.9999, 0.9990, 0.99, False),
    ],
)
def test_every_bound_counts(mean: float, minimum: float, same: float, passed: bool) -> None:
    row = Row("openvino", 1, mean, minimum, same, 5.0)
    assert row.passed is passed
    assert Report("net", "0" * 64, "torch float32", 9, (row,), {}).passed is passed


def test_nothing_measured_is_not_passed() -> None:
    assert not Report("net", "0" * 64, "torch float32", 9, (), {"openvino": "is not installed"}).passed


def unit(*rows: tuple[float, ...]) -> NDArray[np.float32]:
    vectors = np.array(rows, np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def test_neighbours_that_are_alike_may_change_places() -> None:
    expected = unit((1, 0, 0), (1, 0.1, 0), (1, 0, 0.3), (0, 1, 1))
    assert same_neighbour(expected, expected) == 1
    moved = unit((1, 0, 0), (1, 0.4, 0), (1, 0, 0.3), (0, 1, 1))
    assert same_neighbour(expected, moved) == 0.5
    twins = unit((1, 0, 0), (1, 0.1, 0), (1, -0.1, 0))
    assert same_neighbour(twins, unit((1, 0, 0), (1, 0.09999, 0), (1, -0.1, 0))) == 1
