"""OpenVINO: the default on CPUs; reads .xml and .onnx.

Measured on two cores with AVX-512 BF16, in CPU milliseconds per picture: YOLO11n at 640 takes 24 with one picture per
request and 28 in batches of 4 or 8, so batches do not pay. OpenVINO computes in bfloat16 where the CPU has it: YOLO11n
takes 42 in float32. Encoders do without it, at 6.5 instead of 4.2 for SAGA-S and 3.3 instead of 2.3 for
person-reidentification-retail-0287: in bfloat16 a crop of the first has a cosine of 0.989 to float32, 3 of 100 crops of
the second get another nearest neighbour, and vectors would differ between machines.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from reid_engines.backends.graph import GraphInfo, Opening, Outputs, PictureShape, PooledGraph, picture_shape, reason
from reid_engines.errors import BackendError, ModelFileError
from reid_engines.protocol import Image, Port

if TYPE_CHECKING:
    import openvino as ov


def describe(path: Path) -> GraphInfo:
    """The ports and metadata of a model file. Raises `ModelFileError`."""
    return _info(_read(path))


def load(path: Path, opening: Opening) -> PooledGraph:
    """Compile a model for the CPU with colour order, layout and scaling inside it.

    Raises `ModelFileError` when the file does not fit, `BackendError` when OpenVINO refuses it.
    """
    import openvino as ov

    model = _read(path)
    info = _info(model)
    shape = picture_shape(path, info, opening)
    try:
        model = _prepare(model, shape, opening)
        options: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT"}
        if opening.threads:
            options["INFERENCE_NUM_THREADS"] = opening.threads
        if opening.coarsest != "bfloat16":
            options["INFERENCE_PRECISION_HINT"] = "f32"
        compiled = ov.Core().compile_model(model, "CPU", options)
        parallel = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        runners = [_Request(compiled.create_infer_request()) for _ in range(parallel)]
    except Exception as error:
        raise BackendError(f"{path}: OpenVINO cannot compile it: {reason(error)}") from None
    return PooledGraph("openvino", shape, _info(model, metadata_of=info), runners)


class _Request:
    """One inference request; the outputs are copied, because its own tensors are overwritten by the next run."""

    def __init__(self, request: ov.InferRequest) -> None:
        self._request = request

    def __call__(self, images: Image) -> Outputs:
        self._request.get_input_tensor().data[:] = images
        self._request.infer()
        return tuple(np.array(tensor.data) for tensor in self._request.output_tensors)


def _read(path: Path) -> ov.Model:
    import openvino as ov
    from openvino.frontend import FrontEndManager

    kind = "ONNX" if path.suffix == ".onnx" else "OpenVINO"
    # Left to find out the format, OpenVINO tries all it knows and lets each write its complaints to stderr.
    try:
        if path.suffix == ".onnx":
            onnx = FrontEndManager().load_by_framework("onnx")
            return onnx.convert(onnx.load(str(path)))
        root = ElementTree.parse(path).getroot()
        if root.tag == "net" and "version" in root.attrib:
            return ov.Core().read_model(path)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception as error:  # OpenVINO's exceptions share no base class
        raise ModelFileError(f"{path}: not a readable {kind} model: {reason(error)}") from None
    raise ModelFileError(f"{path}: not a readable {kind} model: it is XML, but not of a network")


def _prepare(model: ov.Model, shape: PictureShape, opening: Opening) -> ov.Model:
    """The same network with fixed lengths, uint8 NHWC pictures in and float32 out."""
    import openvino as ov
    from openvino.preprocess import ColorFormat, PrePostProcessor

    spec = opening.input
    lengths = {"N": shape.batch, "C": 3, "H": shape.height, "W": shape.width}
    model.reshape([lengths[axis] for axis in spec.layout.upper()])
    formats = {"rgb": ColorFormat.RGB, "bgr": ColorFormat.BGR}
    steps = PrePostProcessor(model)
    picture = steps.input()
    picture.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_color_format(formats[opening.feeds])
    picture.model().set_layout(ov.Layout(spec.layout.upper()))
    if spec.color != opening.feeds:
        picture.preprocess().convert_color(formats[spec.color])
    if any(spec.mean) or any(value != 1 for value in spec.std):
        picture.preprocess().convert_element_type(ov.Type.f32).mean(list(spec.mean)).scale(list(spec.std))
    for index in range(len(model.outputs)):
        steps.output(index).tensor().set_element_type(ov.Type.f32)
    return steps.build()


def _info(model: ov.Model, metadata_of: GraphInfo | None = None) -> GraphInfo:
    inputs = tuple(_port(port) for port in model.inputs)
    outputs = tuple(_port(port) for port in model.outputs)
    return GraphInfo(inputs, outputs, metadata_of.metadata if metadata_of else _metadata(model))


def _port(port: ov.Output) -> Port:
    shape = tuple(None if length.is_dynamic else length.get_length() for length in port.get_partial_shape())
    names = sorted(port.get_names()) or [port.get_node().get_friendly_name()]
    return Port(names[0], shape, np.dtype(port.get_element_type().to_dtype()).name)


def _metadata(model: ov.Model) -> dict[str, str]:
    """What exporters write: ONNX metadata is under `framework`, OpenVINO's own model API under `model_info`."""
    found: dict[str, str] = {}
    for section in ("framework", "model_info"):
        if model.has_rt_info([section]):
            value = model.get_rt_info([section]).value
            if isinstance(value, dict):
                found |= {str(key): str(getattr(item, "value", item)) for key, item in value.items()}
    return found
