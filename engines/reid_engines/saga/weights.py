"""Weights files: safetensors with the model's config inside, so that a file alone rebuilds its model.

The shared anchors are always stored as a table; a model whose anchors are texts is stored with what they come to.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from reid_engines.errors import ModelFileError
from reid_engines.halves import LARGEST_HALF, WORTH_HALVING
from reid_engines.saga.anchors import TextAnchors
from reid_engines.saga.config import from_json, to_json
from reid_engines.saga.model import Saga
from reid_engines.saga.tensors import fill, one_line, read_safetensors, refuse_not_finite

FORMAT = "reid-engines/saga 1"


def save_weights(model: Saga, path: Path, *, halved: bool = False) -> None:
    """Write the model's weights and config; an older file stays whole until the new one is complete.

    The same weights give the same bytes. With `halved` large tensors are stored in half precision.

    Raises `ModelFileError` when the file cannot be written or a weight is NaN or infinite.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in inference_state(model).items()}
    refuse_not_finite(state, origin=str(path))
    if halved:
        state = {name: _halved(tensor) for name, tensor in state.items()}
    metadata = {"format": FORMAT, "config": to_json(model.config)}
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            complete = Path(folder, path.name)
            save_file(state, complete, metadata)
            _sort_metadata(complete)
            os.replace(complete, path)
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"{path}: cannot be written: {one_line(error)}") from None


def _halved(tensor: Tensor) -> Tensor:
    worth_it = tensor.is_floating_point() and tensor.numel() >= WORTH_HALVING
    return tensor.half() if worth_it and tensor.abs().max() <= LARGEST_HALF else tensor


def _sort_metadata(path: Path) -> None:
    """Put the metadata in order, which safetensors writes in another one every time."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        file.seek(8)
        file.write(json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(length))


def load_weights(path: Path) -> Saga:
    """The model in a file of `save_weights`, in evaluation mode on the CPU.

    Raises `ModelFileError` when the file is no such file, or its tensors are not exactly those of its config.
    """
    state, metadata = read_safetensors(path)
    found = metadata.get("format", "none")
    if found != FORMAT:
        raise ModelFileError(f"{path}: expected weights of format {FORMAT!r}, got {found!r}")
    try:
        model = Saga(from_json(metadata.get("config", "")))
    except ValueError as error:
        raise ModelFileError(f"{path}: its config is not one of this version: {one_line(error)}") from None
    fill(model, state, origin=str(path))
    model.eval()
    return model


def inference_state(model: Saga) -> dict[str, Tensor]:
    """The tensors that running the model needs: its state with text anchors replaced by their table."""
    if not isinstance(model.anchors, TextAnchors):
        return dict(model.state_dict())
    with torch.no_grad():
        vectors = model.anchors()
    state = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("anchors.")}
    return {**state, "anchors.vectors": vectors}
