# ruff: noqa: PLC0415
"""ONNX graphs as TensorRT is to see them: uint8 pictures in, float32 out, the precision decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reid_engines.backends.graph import GraphInfo, Opening, PictureShape, picture_shape, reason
from reid_engines.backends.tensorrt_older import in_older_terms
from reid_engines.contract import Precision
from reid_engines.errors import BackendError, ModelFileError
from reid_engines.halves import widen
from reid_engines.protocol import Port

if TYPE_CHECKING:
    import onnx

# Layers that stay in float32: half precision overflows in their squares, or cannot hold their epsilon.
WIDE = ("LayerNormalization", "InstanceNormalization", "ReduceL2", "ReduceMean", "ReduceSum", "Pow", "Sqrt")
QUANTIZING = ("QuantizeLinear", "DequantizeLinear")
_PICTURES = "uint8_pictures"


@dataclass(frozen=True, slots=True)
class Survey:
    """What an .onnx file is once it is opened: `precision` is int8 for a quantized graph, else fp16.

    `open_batch` is false for a graph that fixes its batch; `info` has the ports as the file has them, but the largest
    batch as first length of its outputs.
    """

    info: GraphInfo
    shape: PictureShape
    open_batch: bool
    precision: Precision


@dataclass(frozen=True, slots=True)
class PictureNetwork:
    """A serialized ONNX model whose only input, `input`, takes uint8 pictures (N, H, W, 3)."""

    onnx: bytes
    input: str
    survey: Survey


def describe_onnx(path: Path) -> GraphInfo:
    """The ports and metadata of an .onnx file. Raises `ModelFileError`."""
    return _info(_read(path))


def unsuited(path: Path, opening: Opening) -> str | None:
    """Why TensorRT cannot execute the graph, as the end of a sentence, None if it can. Raises `ModelFileError`."""
    model = _read(path)
    info = _info(model)
    return _unsuited(model, _outputs(model, info, picture_shape(path, info, opening), opening))


def survey(path: Path, opening: Opening) -> Survey:
    """Raises `ModelFileError` when the file does not fit, `BackendError` when TensorRT cannot execute its kind."""
    return _survey(path, _read(path), opening)


def contract_of(shape: PictureShape, opening: Opening) -> str:
    """What the caller and the network agreed on, as one line: part of what an engine is built for."""
    spec = opening.input
    size = f"{shape.width}x{shape.height} {opening.feeds} pictures, up to {shape.batch} at once"
    return f"{size}, as {spec.color} {spec.layout}, mean {_numbers(spec.mean)}, std {_numbers(spec.std)}"


def picture_network(path: Path, opening: Opening, *, precision: Precision, strongly_typed: bool) -> PictureNetwork:
    """Read an .onnx file and put into it what the contract says: colours, scaling, layout.

    In a strongly typed network every tensor has the type that the graph gives it, so the precision goes into the graph
    as well; otherwise TensorRT is free to choose and has to be told.

    Raises `ModelFileError` when the file does not fit, `BackendError` when it cannot have that precision.
    """
    model = _read(path)
    source = _survey(path, model, opening)
    if precision == "int8" and source.precision != "int8":
        raise BackendError(
            f"{path}: int8 needs a quantized graph (QuantizeLinear nodes); use fp16 or quantize it first"
        )
    if not strongly_typed:
        in_older_terms(model)
    elif precision == "fp16":
        model = _halved(path, model)
    _feed_pictures(model, source, opening)
    for number, node in enumerate(model.graph.node):
        # TensorRT calls layers what their nodes are called, and tells no other way which operator they come from.
        node.name = f"{node.op_type}:{number}:{node.name}"
    return PictureNetwork(model.SerializeToString(), _picture_input(model).name, source)


def _read(path: Path) -> onnx.ModelProto:
    try:
        import onnx
    except ImportError:
        raise BackendError(
            "backend tensorrt: reads .onnx files with onnx, which is missing; run: pip install onnx"
        ) from None
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception as error:  # protobuf's and onnx's exceptions share no base class
        raise ModelFileError(f"{path}: not a readable ONNX model: {reason(error)}") from None
    # TensorRT asks for constants where a convolution has its weights.
    widen(model)
    return model


def _info(model: onnx.ModelProto) -> GraphInfo:
    weights = {weight.name for weight in model.graph.initializer}
    inputs = tuple(_port(value) for value in model.graph.input if value.name not in weights)
    outputs = tuple(_port(value) for value in model.graph.output)
    return GraphInfo(inputs, outputs, {entry.key: entry.value for entry in model.metadata_props})


def _port(value: onnx.ValueInfoProto) -> Port:
    import onnx

    tensor = value.type.tensor_type
    shape = tuple(length.dim_value if length.HasField("dim_value") else None for length in tensor.shape.dim)
    return Port(value.name, shape, np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)).name)


def _survey(path: Path, model: onnx.ModelProto, opening: Opening) -> Survey:
    info = _info(model)
    shape = picture_shape(path, info, opening)
    found = _outputs(model, info, shape, opening)
    if why := _unsuited(model, found):
        raise BackendError(f"{path}: backend tensorrt {why}; use backend openvino")
    outputs = tuple(replace(port, shape=(port.shape[0] or shape.batch, *port.shape[1:])) for port in found)
    quantized = any(node.op_type in QUANTIZING for node in model.graph.node)
    return Survey(
        info=GraphInfo(info.inputs, outputs, info.metadata),
        shape=shape,
        open_batch=info.inputs[0].shape[0] is None,
        precision="int8" if quantized else "fp16",
    )


def _outputs(model: onnx.ModelProto, info: GraphInfo, shape: PictureShape, opening: Opening) -> tuple[Port, ...]:
    """The outputs as the file has them, or where it leaves lengths open, as they follow from the size of a picture."""
    if all(port.shape and None not in port.shape[1:] for port in info.outputs):
        return info.outputs
    import onnx

    sized = onnx.ModelProto()
    sized.CopyFrom(model)
    lengths = {"H": shape.height, "W": shape.width}
    for axis, length in zip(
        opening.input.layout.upper(), _picture_input(sized).type.tensor_type.shape.dim, strict=True
    ):
        if axis in lengths:
            length.dim_value = lengths[axis]
    return _info(onnx.shape_inference.infer_shapes(sized, data_prop=True)).outputs


def _unsuited(model: onnx.ModelProto, outputs: tuple[Port, ...]) -> str | None:
    """Memory is set aside before it executes, so lengths may not depend on the picture; and its int8 is symmetric."""
    from onnx import numpy_helper

    for port in outputs:
        if not port.shape or None in port.shape[1:]:
            return f"expects outputs of one length per picture, got {port.name} {port.shape}"
    weights = {weight.name: weight for weight in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type in QUANTIZING and len(node.input) > 2 and node.input[2] in weights:
            zero = numpy_helper.to_array(weights[node.input[2]])
            if zero.dtype == np.uint8 or zero.any():
                return f"expects int8 with a zero point of 0, got {zero.dtype} in {node.name or node.output[0]}"
    return None


def _picture_input(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    weights = {weight.name for weight in model.graph.initializer}
    return next(value for value in model.graph.input if value.name not in weights)


def _halved(path: Path, model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        from onnxruntime.transformers import float16
    except ImportError:
        raise BackendError(
            f"{path}: fp16 with this TensorRT needs onnxruntime to convert the graph; run: pip install onnxruntime"
        ) from None
    kept = [*float16.DEFAULT_OP_BLOCK_LIST, *WIDE]
    halved = float16.convert_float_to_float16(model, keep_io_types=True, op_block_list=kept)
    # It makes the same cast once for every node that stays in float32 and takes the same tensor.
    nodes = {node.output[0]: node for node in halved.graph.node}
    del halved.graph.node[:]
    halved.graph.node.extend(nodes.values())
    return halved


def _feed_pictures(model: onnx.ModelProto, source: Survey, opening: Opening) -> None:
    """Replace the input by uint8 pictures, and put what makes the old input of them in front.

    That is a cast at least, all that TensorRT does with uint8; a graph that took uint8 itself goes on with floats.
    """
    from onnx import TensorProto, helper

    old, shape = _picture_input(model), source.shape
    kind = old.type.tensor_type.elem_type
    nodes, constants = _preparation(opening, TensorProto.FLOAT if kind == TensorProto.UINT8 else kind)
    nodes[-1].output[0] = old.name
    following = list(model.graph.node)
    del model.graph.node[:], model.graph.value_info[:]
    model.graph.node.extend([*nodes, *following])
    model.graph.initializer.extend(constants)
    lengths = ["batch" if source.open_batch else shape.batch, shape.height, shape.width, 3]
    old.CopyFrom(helper.make_tensor_value_info(_PICTURES, TensorProto.UINT8, lengths))


def _preparation(opening: Opening, kind: int) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Nodes from `_PICTURES` to what the spec says, of the ONNX element type `kind`, and their constants."""
    from onnx import TensorProto, helper, numpy_helper

    spec = opening.input
    steps: list[tuple[str, NDArray[Any] | None, dict[str, Any]]] = [("Cast", None, {"to": TensorProto.FLOAT})]
    if spec.color != opening.feeds:
        steps.append(("Gather", np.array([2, 1, 0], np.int64), {"axis": 3}))
    if any(spec.mean):
        steps.append(("Sub", np.array(spec.mean, np.float32), {}))
    if any(value != 1 for value in spec.std):
        steps.append(("Div", np.array(spec.std, np.float32), {}))
    if spec.layout == "nchw":
        steps.append(("Transpose", None, {"perm": [0, 3, 1, 2]}))
    steps.append(("Cast", None, {"to": kind}))
    nodes, constants, given = [], [], _PICTURES
    for number, (operator, values, attributes) in enumerate(steps):
        inputs = [given]
        if values is not None:
            inputs.append(f"{_PICTURES}_constant_{number}")
            constants.append(numpy_helper.from_array(values, inputs[-1]))
        given = f"{_PICTURES}_{number}"
        nodes.append(helper.make_node(operator, inputs, [given], **attributes))
    return nodes, constants


def _numbers(values: tuple[float, ...]) -> str:
    return "/".join(f"{value:g}" for value in values)
