"""Weights files: safetensors with the model's config inside, so that a file alone rebuilds its model.

The shared anchors are always stored as a table; a model whose anchors are texts is stored with what they come to.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from reid_engines.errors import ModelFileError
from reid_engines.saga.anchors import TextAnchors
from reid_engines.saga.config import from_json, to_json
from reid_engines.saga.model import Saga
from reid_engines.saga.tensors import fill, one_line, read_safetensors, refuse_not_finite

FORMAT = "reid-engines/saga 1"


def save_weights(model: Saga, path: Path) -> None:
    """Write the model's weights and config; an older file stays whole until the new one is complete.

    Raises `ModelFileError` when the file cannot be written or a weight is NaN or infinite.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in inference_state(model).items()}
    refuse_not_finite(state, origin=str(path))
    metadata = {"format": FORMAT, "config": to_json(model.config)}
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            complete = Path(folder, path.name)
            save_file(state, complete, metadata)
            os.replace(complete, path)
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"{path}: cannot be written: {one_line(error)}") from None


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
