# ruff: noqa: PLC0415
"""ONNX for TensorRT 8: graphs of opset 17 and 18 put in terms of opset 16.

That is what the project's own exporter writes. onnx's converter goes down no such step for these operators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

OPSET = 16
IR_VERSION = 8
# Those whose axes became an input in opset 18; ReduceSum's were one before.
_REDUCTIONS = ("ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare")
_EPSILON = 1e-5


def in_older_terms(model: onnx.ModelProto) -> None:
    """Rewrite, in place, the operators that became what they are after opset 16; the graph computes the same."""
    from onnx import numpy_helper

    domains = {entry.domain: entry for entry in model.opset_import}
    if domains[""].version <= OPSET:
        return
    domains[""].version = OPSET
    model.ir_version = min(model.ir_version, IR_VERSION)
    graph = model.graph
    weights = {weight.name: weight for weight in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "LayerNormalization" and _over_the_last_axis(node):
            nodes += _layer_norm(node, graph)
            continue
        if node.op_type in _REDUCTIONS and len(node.input) == 2 and node.input[1] in weights:
            _set(node, axes=numpy_helper.to_array(weights[node.input[1]]).tolist(), noop_with_empty_axes=None)
            del node.input[1:]
        elif node.op_type == "Split":
            # Without it, Split makes equal parts, as many as it has outputs; newer ones want that said.
            _set(node, num_outputs=None)
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _over_the_last_axis(node: onnx.NodeProto) -> bool:
    return all(attribute.i == -1 for attribute in node.attribute if attribute.name == "axis")


def _set(node: onnx.NodeProto, **changes: Any) -> None:
    """Give a node these attributes instead of its own of the same names; None takes one away."""
    from onnx import helper

    kept = [attribute for attribute in node.attribute if attribute.name not in changes]
    made = [helper.make_attribute(name, value) for name, value in changes.items() if value is not None]
    del node.attribute[:]
    node.attribute.extend([*kept, *made])


def _layer_norm(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The definition over the last axis: (x - mean) / sqrt(variance + epsilon) * scale + bias."""
    from onnx import helper, numpy_helper

    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    out = node.output[0]
    constants = {"epsilon": attributes.get("epsilon", _EPSILON), "two": 2.0}
    for name, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), f"{out}/{name}"))
    x, *learnt = node.input
    mean, centred, squares, variance, safe, deviation, normal = (f"{out}/step{number}" for number in range(7))
    nodes = [
        helper.make_node("ReduceMean", [x], [mean], axes=[-1], keepdims=1),
        helper.make_node("Sub", [x, mean], [centred]),
        # A power and not a product: it is one of the operators that stay in float32.
        helper.make_node("Pow", [centred, f"{out}/two"], [squares]),
        helper.make_node("ReduceMean", [squares], [variance], axes=[-1], keepdims=1),
        helper.make_node("Add", [variance, f"{out}/epsilon"], [safe]),
        helper.make_node("Sqrt", [safe], [deviation]),
        helper.make_node("Div", [centred, deviation], [normal]),
    ]
    for number, (operator, weights) in enumerate(zip(("Mul", "Add"), learnt, strict=False)):
        nodes.append(helper.make_node(operator, [nodes[-1].output[0], weights], [f"{out}/learnt{number}"]))
    nodes[-1].output[0] = out
    return nodes
