"""Tensors in half precision: what is stored, what is computed, and the way back."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from reid_engines.halves import LARGEST_HALF, store_halved, widen

SIZE = 40


@pytest.fixture
def model() -> onnx.ModelProto:
    """x (1, 40) times a large matrix, one with a number that half precision has not, and a small vector."""
    random = np.random.default_rng(0)
    large, beyond = random.normal(size=(2, SIZE, SIZE)).astype(np.float32)
    beyond[0, 0] = 2 * LARGEST_HALF
    small = random.normal(size=SIZE).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "large"], ["a"]),
        helper.make_node("MatMul", ["a", "beyond"], ["b"]),
        helper.make_node("Add", ["b", "small"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, SIZE])],
        [numpy_helper.from_array(values, name) for name, values in (("large", large), ("beyond", beyond))]
        + [numpy_helper.from_array(small, "small")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def tensors(model: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def computed(model: onnx.ModelProto) -> NDArray[np.float32]:
    onnx.checker.check_model(model)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"x": np.ones((1, SIZE), np.float32)})
    return np.asarray(output)


def test_only_what_is_large_and_fits_is_halved(model: onnx.ModelProto) -> None:
    store_halved(model)
    assert {name: str(values.dtype) for name, values in tensors(model).items()} == {
        "large.half": "float16",
        "beyond": "float32",
        "small": "float32",
    }
    assert [node.op_type for node in model.graph.node] == ["Cast", "MatMul", "MatMul", "Add"]


def test_widening_gives_the_graph_back_with_the_rounded_numbers(model: onnx.ModelProto) -> None:
    before, nodes = tensors(model), list(model.graph.node)
    store_halved(model)
    halved = computed(model)
    widen(model)
    after = tensors(model)
    assert list(model.graph.node) == nodes
    assert after.keys() == before.keys()
    assert after["large"].dtype == np.float32
    assert np.array_equal(after["large"], before["large"].astype(np.float16))
    assert np.array_equal(after["beyond"], before["beyond"])
    assert computed(model).tobytes() == halved.tobytes()


def test_a_graph_in_float32_stays_as_it_is(model: onnx.ModelProto) -> None:
    content = model.SerializeToString()
    widen(model)
    assert model.SerializeToString() == content
