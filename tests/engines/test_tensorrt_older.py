"""Graphs of opset 18 in terms that TensorRT 8 reads."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from reid_engines.backends.tensorrt_older import in_older_terms


def model_of(nodes: list[onnx.NodeProto], *, opset: int = 18) -> onnx.ModelProto:
    """From `x` (2, 3, 8) to `y`, with scale, bias and axes to use."""
    random = np.random.default_rng(0)
    weights = {
        "scale": random.normal(size=8).astype(np.float32),
        "bias": random.normal(size=8).astype(np.float32),
        "axes": np.array([1, 2], np.int64),
        "parts": np.array([3, 5], np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def output(model: onnx.ModelProto) -> NDArray[np.float32]:
    options = ort.SessionOptions()
    # The weights that a test does not use are no reason for a warning.
    options.log_severity_level = 3
    x = np.random.default_rng(1).normal(3, 5, (2, 3, 8)).astype(np.float32)
    return np.asarray(ort.InferenceSession(model.SerializeToString(), options).run(None, {"x": x})[0])


@pytest.mark.parametrize(
    "nodes",
    [
        [helper.make_node("LayerNormalization", ["x", "scale", "bias"], ["y"], axis=-1, epsilon=0.5)],
        [helper.make_node("LayerNormalization", ["x", "scale"], ["y"])],
        [helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=0, noop_with_empty_axes=0)],
        [helper.make_node("ReduceL2", ["x", "axes"], ["y"], keepdims=1)],
        [helper.make_node("ReduceMax", ["x"], ["y"])],
        [helper.make_node("Split", ["x"], ["a", "y"], axis=2, num_outputs=2)],
        [helper.make_node("Split", ["x", "parts"], ["a", "y"], axis=2)],
        [helper.make_node("ReduceSum", ["x", "axes"], ["y"])],
    ],
    ids=lambda nodes: str(nodes[0].op_type),
)
def test_it_computes_the_same(nodes: list[onnx.NodeProto]) -> None:
    model = model_of(nodes)
    expected = output(model)
    in_older_terms(model)
    assert (model.opset_import[0].version, model.ir_version) == (16, 8)
    assert output(model) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_what_is_old_already_stays_as_it_is() -> None:
    model = model_of([helper.make_node("ReduceMean", ["x"], ["y"], axes=[1])], opset=13)
    before = model.SerializeToString()
    in_older_terms(model)
    assert model.SerializeToString() == before


def test_what_cannot_be_rewritten_is_left_to_the_parser() -> None:
    model = model_of([helper.make_node("LayerNormalization", ["x", "scale"], ["y"], axis=1)])
    in_older_terms(model)
    assert [node.op_type for node in model.graph.node] == ["LayerNormalization"]
