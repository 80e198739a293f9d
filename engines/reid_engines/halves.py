# ruff: noqa: PLC0415
"""Large tensors of an ONNX graph in half precision: half the file, while it computes in float32 all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

# Only tensors of this many numbers are worth it.
WORTH_HALVING = 1024
LARGEST_HALF = 65504
_MARK = ".half"


def store_halved(model: onnx.ModelProto) -> None:
    """Store large tensors in half precision and widen them in the graph, which runtimes do once when they load it."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < WORTH_HALVING or np.abs(values).max() > LARGEST_HALF:
            continue
        name, half = tensor.name, f"{tensor.name}{_MARK}"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [name], name=f"{name}/Cast", to=TensorProto.FLOAT))
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *rest])


def widen(model: onnx.ModelProto) -> None:
    """Put tensors that `store_halved` stored back as float32, for a runtime that wants weights as constants."""
    from onnx import numpy_helper

    halves = {tensor.name: tensor for tensor in model.graph.initializer if tensor.name.endswith(_MARK)}
    rest = []
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in halves:
            tensor = halves[node.input[0]]
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, node.output[0]))
        else:
            rest.append(node)
    del model.graph.node[:]
    model.graph.node.extend(rest)
