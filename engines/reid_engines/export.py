# ruff: noqa: PLC0415
# mypy: disable-error-code="no-any-return"
"""Weights of the SAGA family as an ONNX graph: uint8 RGB pictures (N, H, W, 3) in, vectors of length 1 (N, dim) out.

The graph depends on the weights alone: whatever the exporter notes beside it (places in source files among others) is
taken out, so the same weights give the same bytes.
"""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from reid_engines.contract import Contract, contract_for
from reid_engines.errors import BackendError, ModelFileError
from reid_engines.store import ResolvedModel

if TYPE_CHECKING:
    import onnx

    from reid_engines.saga.embedder import Embedder

LARGEST_BATCH = 256
INPUT, OUTPUT = "pictures", "vectors"
# The oldest that torch's exporter writes, so the one that the most runtimes read.
OPSET = 18
INSTALL = "pip install 'reid-pipeline[train]'"

# Where the exporter notes the modules that a node comes from, the outermost first.
_SCOPES = "pkg.torch.onnx.name_scopes"


def export_onnx(weights: ResolvedModel) -> tuple[onnx.ModelProto, Contract]:
    """The float32 graph of a weights file for any batch up to 256, and its contract, which is not yet in the graph.

    Nodes are named after the modules that they come from, such as `model.backbone.blocks.0.norm1/LayerNormalization_9`.

    Raises `ModelFileError` when the file holds no such weights, `SpecError` as `contract_for`, and `BackendError` when
    a package is missing or torch cannot export the model.
    """
    embedder = load_embedder(weights.path)
    try:
        import onnxscript  # noqa: F401
        import torch
        import torch.onnx
    except ImportError as error:
        raise missing_package(weights.path, error) from None
    height, width = embedder.size
    pictures = torch.zeros((2, height, width, 3), dtype=torch.uint8)
    with torch.inference_mode():
        contract = contract_for(weights, embedder(pictures).shape[1], mean=embedder.model.config.mean)
    batch = torch.export.Dim("batch", min=1, max=LARGEST_BATCH)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                embedder,
                (pictures,),
                dynamo=True,
                dynamic_shapes=({0: batch},),
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=OPSET,
                verbose=False,
            )
        assert program is not None
        model = program.model_proto
    except Exception as error:  # torch's exporter raises whatever its parts raise
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise BackendError(f"{weights.path}: torch cannot export it: {reason}") from None
    _tidy(model)
    return model, contract


def load_embedder(path: Path) -> Embedder:
    """The model in a weights file, in float32 on the CPU. Raises `ModelFileError`, or `BackendError` without torch."""
    if path.suffix != ".safetensors":
        raise ModelFileError(
            f"{path}: expected weights of this family (.safetensors), got {path.suffix or 'no suffix'}"
        )
    try:
        from reid_engines.saga.embedder import Embedder
        from reid_engines.saga.weights import load_weights
    except ImportError as error:
        raise missing_package(path, error) from None
    return Embedder(load_weights(path))


def missing_package(path: Path, error: ImportError) -> BackendError:
    """What to say when a package is missing that only building needs."""
    return BackendError(f"{path}: building from weights needs {error.name}, which is not installed; run: {INSTALL}")


def _tidy(model: onnx.ModelProto) -> None:
    graph = model.graph
    for number, node in enumerate(graph.node):
        noted = {entry.key: entry.value for entry in node.metadata_props}
        scopes = [name for name in ast.literal_eval(noted.get(_SCOPES, "[]")) if not name.startswith("_")]
        # The last one is the operation itself.
        node.name = f"{scopes[-2] if len(scopes) > 1 else ''}/{node.op_type}_{number}"
        del node.metadata_props[:]
    del graph.metadata_props[:], graph.value_info[:]
    for value in (*graph.input, *graph.output):
        del value.metadata_props[:]
