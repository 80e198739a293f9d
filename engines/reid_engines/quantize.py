# ruff: noqa: PLC0415
# mypy: disable-error-code="no-any-return"
"""INT8 graphs through NNCF: the backbone computes in 8 bits, what makes one vector of its tokens stays in float32.

Measured on the small model (ImageNet trunk, the rest random), CPU milliseconds a crop beside cosines to float32:

                                    mean     least    ms
    float32                                           7.4
    everything in 8 bits            no unit vectors   2.7
    the backbone                    0.9887   0.9782   3.9
    without its first stages        0.9993   0.9980   4.7   <- this

The first stages filter every channel by itself, and the channels' ranges differ too much for one scale.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from reid_engines.encoders.crops import resized
from reid_engines.errors import BackendError
from reid_engines.export import INPUT
from reid_engines.protocol import Image

if TYPE_CHECKING:
    import onnx

FEWEST_CROPS, MOST_CROPS = 16, 300
_PAIR = ("QuantizeLinear", "DequantizeLinear")
# `export` names nodes after their modules: all that is not of the backbone, and the first stages of the small one.
_KEPT = [r"^(?!model\.backbone\b).*", r"^model\.backbone\.features\.[0-4]\b.*"]


def quantize(model: onnx.ModelProto, crops: Sequence[Image], *, signed: bool = False) -> onnx.ModelProto:
    """The graph with QuantizeLinear and DequantizeLinear nodes, calibrated on crops (uint8 RGB, any size).

    Of more than 300 crops as many are taken, evenly. `signed` keeps to int8 where uint8 would be finer: TensorRT takes
    nothing else.

    Raises `BackendError` when there are fewer than 16 crops, or when NNCF is missing or refuses.
    """
    if len(crops) < FEWEST_CROPS:
        raise BackendError(f"int8: expected at least {FEWEST_CROPS} crops to calibrate on, got {len(crops)}")
    # It tells its publisher about every use, unless it is told that this is a test.
    os.environ.setdefault("NNCF_CI", "1")
    # And has torch look for CUDA, which complains where there is none.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    try:
        import nncf
    except ImportError as error:
        raise BackendError(
            f"int8: needs {error.name}, which is not installed; run: pip install 'reid-pipeline[int8]'"
        ) from None
    _, height, width, _ = (length.dim_value for length in model.graph.input[0].type.tensor_type.shape.dim)
    chosen = [crops[index] for index in np.linspace(0, len(crops) - 1, min(len(crops), MOST_CROPS)).astype(int)]
    pictures = [{INPUT: resized(crop, width, height)[None]} for crop in chosen]
    nncf.set_log_level(logging.ERROR)
    try:
        # NNCF draws its progress on stdout, which is for results.
        with contextlib.redirect_stdout(io.StringIO()):
            quantized = nncf.quantize(
                model,
                nncf.Dataset(pictures),
                preset=nncf.QuantizationPreset.PERFORMANCE,  # symmetric: every zero point is 0
                subset_size=len(pictures),
                ignored_scope=nncf.IgnoredScope(patterns=_KEPT, validate=False),
            )
    except Exception as error:  # NNCF's exceptions share no base class
        raise BackendError(f"int8: NNCF cannot quantize the graph: {' '.join(str(error).split())[:300]}") from None
    if signed:
        _make_signed(quantized)
    return quantized


def _make_signed(model: onnx.ModelProto) -> None:
    """Let int8 do what uint8 does: 0 to 127 with larger steps for 0 to 255. NNCF refuses when it is told to."""
    import onnx
    from onnx import numpy_helper

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    used = [node.input[1:3] for node in model.graph.node if node.op_type in _PAIR]
    unsigned = [(scale, zero) for scale, zero in used if weights[zero].data_type == onnx.TensorProto.UINT8]
    # As sets, because both nodes of a pair have the same.
    for scale in {scale for scale, _ in unsigned}:
        steps = numpy_helper.to_array(weights[scale]) * np.float32(255 / 127)
        weights[scale].CopyFrom(numpy_helper.from_array(steps, scale))
    for zero in {zero for _, zero in unsigned}:
        weights[zero].CopyFrom(numpy_helper.from_array(np.zeros(weights[zero].dims, np.int8), zero))
    # What was noted of the types in between.
    del model.graph.value_info[:]
