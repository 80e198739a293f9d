# ruff: noqa: PLC0415
"""Builds what a backend executes from weights of the SAGA family: torch -> ONNX -> the target.

`fp16` stores weights in half precision and computes in float32 (OpenVINO, ONNX); TensorRT computes in it. `int8` is
calibrated on crops and computes the backbone in 8 bits. Every file carries its contract, see `contract`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from reid_engines.contract import KEY, PICTURES, Contract, Precision, read_contract
from reid_engines.errors import BackendError, ModelFileError
from reid_engines.export import LARGEST_BATCH, export_onnx, missing_package
from reid_engines.halves import store_halved
from reid_engines.protocol import Image
from reid_engines.quantize import quantize
from reid_engines.store import WEIGHTS_SUFFIX, ResolvedModel

if TYPE_CHECKING:
    import onnx

Note = Callable[[str], None]
Target = Literal["openvino", "onnxruntime", "tensorrt"]
TARGETS: tuple[Target, ...] = get_args(Target)
SUFFIX_OF: dict[Target, str] = {"openvino": ".xml", "onnxruntime": ".onnx", "tensorrt": ".engine"}


@dataclass(frozen=True, slots=True)
class Order:
    """What to build. Without a precision: fp16 for TensorRT, fp32 for the others.

    `crops` (uint8 RGB, any size) are what int8 is calibrated on, `signed` is as in `quantize`.
    """

    backend: Target
    precision: Precision | None = None
    crops: Sequence[Image] = ()
    signed: bool = False

    @property
    def settled_precision(self) -> Precision:
        return self.precision or ("fp16" if self.backend == "tensorrt" else "fp32")


def default_output(source: Path, order: Order) -> Path:
    """Where a file is written that nobody gave a place: beside its source, int8 and other deviations in its name."""
    mark = f"-{order.precision}" if order.precision not in (None, "fp32") else ""
    return source.with_name(f"{source.stem}{mark}{SUFFIX_OF[order.backend]}")


def build(model: ResolvedModel, output: Path, order: Order, *, note: Note = lambda line: None) -> Contract:
    """Build `output` from weights (.safetensors), or from an .onnx file that was built from some; whole or not at all.

    An OpenVINO model is two files, `output` and the .bin beside it; beside a TensorRT engine stays the .onnx file that
    it was built from. `note` is told in lines for people what goes on.

    Raises `ModelFileError` when the source is neither or `output` has another suffix than the backend's, `SpecError` as
    `contract_for`, `BackendError` when a package is missing, the backend refuses or `output` cannot be written.
    """
    wanted = SUFFIX_OF[order.backend]
    if output.suffix != wanted:
        raise ModelFileError(f"{output}: expected a name that ends in {wanted} for backend {order.backend}")
    if output.resolve() == model.path.resolve():
        raise ModelFileError(f"{output}: is what it would be built from; give another name")
    if order.backend == "tensorrt":
        return _build_engine(model, output, order, note)
    graph, contract = _source(model, note)
    precision = order.settled_precision
    if precision == "int8":
        note(f"{model.path}: calibrating int8 on {len(order.crops)} crops")
        graph = quantize(graph, order.crops, signed=order.signed)
    contract = contract.model_copy(update={"precision": precision})
    _write_contract(graph, contract)
    write = _write_openvino if order.backend == "openvino" else _write_onnx
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as folder:
            write(graph, precision, Path(folder, output.name))
            # An .xml is of no use without its .bin, so it comes last.
            for part in sorted(Path(folder).iterdir(), key=lambda path: path.suffix == output.suffix):
                os.replace(part, output.with_suffix(part.suffix))
    except OSError as error:
        raise BackendError(f"{output}: cannot be written: {error.strerror or error}; choose another place") from None
    return contract


def _build_engine(model: ResolvedModel, output: Path, order: Order, note: Note) -> Contract:
    from reid_engines.backends.graph import Opening
    from reid_engines.backends.tensorrt import build_engine

    int8 = order.settled_precision == "int8"
    if model.path.suffix == ".onnx" and not int8:
        source, (_, contract) = model.path, _source(model, note)
    else:
        source = output.with_suffix(".onnx")
        graph = Order("onnxruntime", "int8" if int8 else "fp32", order.crops, signed=True)
        contract = build(model, source, graph, note=note)
    opening = Opening(PICTURES, batch=LARGEST_BATCH)
    build_engine(source, opening, output, precision=order.settled_precision, note=note)
    return contract


def _source(model: ResolvedModel, note: Note) -> tuple[onnx.ModelProto, Contract]:
    if model.path.suffix == WEIGHTS_SUFFIX:
        note(f"{model.path}: exporting to ONNX")
        return export_onnx(model)
    if model.path.suffix != ".onnx":
        raise ModelFileError(
            f"{model.path}: expected {WEIGHTS_SUFFIX} weights or an .onnx file built from them, got {model.path.suffix}"
        )
    try:
        import onnx
    except ImportError as error:
        raise missing_package(model.path, error) from None
    try:
        graph = onnx.load(model.path)
    except Exception as error:  # protobuf's and onnx's exceptions share no base class
        raise ModelFileError(f"{model.path}: not a readable ONNX model ({type(error).__name__})") from None
    contract = read_contract(model.path, {entry.key: entry.value for entry in graph.metadata_props})
    if contract is None or contract.precision != "fp32":
        got = "one without a contract" if contract is None else f"one of {contract.precision}"
        raise ModelFileError(f"{model.path}: expected an fp32 file that was built here from weights, got {got}")
    return graph, contract


def _write_contract(graph: onnx.ModelProto, contract: Contract) -> None:
    kept = [(entry.key, entry.value) for entry in graph.metadata_props if entry.key != KEY]
    del graph.metadata_props[:]
    for key, value in [*kept, *contract.metadata().items()]:
        graph.metadata_props.add(key=key, value=value)


def _write_onnx(graph: onnx.ModelProto, precision: Precision, path: Path) -> None:
    import onnx

    if precision == "fp16":
        store_halved(graph)
    onnx.save(graph, path)


def _write_openvino(graph: onnx.ModelProto, precision: Precision, path: Path) -> None:
    try:
        import openvino as ov
    except ImportError:
        raise BackendError("backend openvino: its runtime is not installed; run: pip install openvino") from None
    try:
        model = ov.Core().read_model(graph.SerializeToString())
        ov.save_model(model, path, compress_to_fp16=precision == "fp16")
    except Exception as error:  # OpenVINO's exceptions share no base class
        reason = " ".join(str(error).split())[-300:]
        raise BackendError(f"{path.name}: OpenVINO cannot convert the graph: {reason}") from None
