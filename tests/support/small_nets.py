"""Small ONNX graphs with a picture input, for backends that are tested with fakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HEIGHT, WIDTH, DIM = 6, 4, 5


def means_net(path: Path, *, batch: int | str = "n", operator: str = "Relu", kind: int = TensorProto.FLOAT) -> Path:
    """The mean of each channel through `operator`, times a matrix: (N, 3, 6, 4) -> `vectors` (N, 5)."""
    weights = np.random.default_rng(3).normal(size=(3, DIM)).astype(np.float32)
    floats = [helper.make_node("Cast", ["x"], ["floats"], to=TensorProto.FLOAT)]
    nodes = [
        helper.make_node("ReduceMean", ["floats"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node(operator, ["means"], ["kept"]),
        helper.make_node("MatMul", ["kept", "weights"], ["vectors"]),
    ]
    return _saved(
        path, floats + nodes, batch=batch, kind=kind, initializer=[numpy_helper.from_array(weights, "weights")]
    )


def quantized_net(path: Path, *, zero_point: int = 0, kind: type[np.integer] = np.int8) -> Path:
    """The picture through one pair of QuantizeLinear and DequantizeLinear, and the mean of each channel: (N, 3)."""
    scale = numpy_helper.from_array(np.float32(2), "scale")
    zero = numpy_helper.from_array(np.array(zero_point, kind), "zero")
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["small"]),
        helper.make_node("DequantizeLinear", ["small", "scale", "zero"], ["large"]),
        helper.make_node("ReduceMean", ["large"], ["vectors"], axes=[2, 3], keepdims=0),
    ]
    return _saved(path, nodes, batch="n", kind=TensorProto.FLOAT, initializer=[scale, zero])


def _saved(
    path: Path, nodes: list[onnx.NodeProto], *, batch: int | str, kind: int, initializer: list[onnx.TensorProto]
) -> Path:
    dim = 3 if "scale" in nodes[0].input else DIM
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", kind, [batch, 3, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, [batch, dim])],
        initializer,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    model.metadata_props.append(onnx.StringStringEntryProto(key="trained on", value="noise"))
    onnx.save(model, path)
    return path
