# ruff: noqa: TID253
"""Weights files: safetensors with the model's config inside, so that a file alone rebuilds its model.

The shared anchors are always stored as a table; a model whose anchors are texts is stored with what they come to.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from reid_engines.errors import ModelFileError
from reid_engines.saga.anchors import TextAnchors
from reid_engines.saga.config import from_json, to_json
from reid_engines.saga.model import Saga

FORMAT = "reid-engines/saga 1"
_SHOWN = 4


def save_weights(model: Saga, path: Path) -> None:
    """Write the model's weights and config; an older file stays whole until the new one is complete.

    Raises `ModelFileError` when the file cannot be written or a weight is NaN or infinite.
    """
    state = inference_state(model)
    _refuse_not_finite(state, str(path))
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    metadata = {"format": FORMAT, "config": to_json(model.config)}
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            complete = Path(folder, path.name)
            save_file(tensors, complete, metadata)
            os.replace(complete, path)
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"{path}: cannot be written: {_reason(error)}") from None


def load_weights(path: Path) -> Saga:
    """The model in a file of `save_weights`, in evaluation mode on the CPU.

    Raises `ModelFileError` when the file is no such file, or its tensors are not exactly those of its config.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                found = metadata.get("format", "none")
                raise ModelFileError(f"{path}: expected weights of format {FORMAT!r}, got {found!r}")
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"{path}: not a readable safetensors file: {_reason(error)}") from None
    try:
        model = Saga(from_json(metadata["config"]))
    except (KeyError, ValueError) as error:
        raise ModelFileError(f"{path}: its config is not one of this version: {_reason(error)}") from None
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


def fill(module: nn.Module, state: Mapping[str, Tensor], *, origin: str) -> None:
    """Copy the tensors into the module, whose names and shapes they must match one by one.

    Raises `ModelFileError` with one line that starts with `origin` and names what is missing, unexpected, of another
    shape, NaN or infinite.
    """
    wanted = module.state_dict()
    shapes = [
        f"{name} is {tuple(state[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in state and state[name].shape != tensor.shape
    ]
    problems = [
        _listed("missing", [name for name in wanted if name not in state]),
        _listed("unexpected", [name for name in state if name not in wanted]),
        _listed("of another shape", shapes),
    ]
    if any(problems):
        raise ModelFileError(f"{origin}: does not fit the model: {'; '.join(filter(None, problems))}")
    _refuse_not_finite(state, origin)
    module.load_state_dict(dict(state))


def _refuse_not_finite(state: Mapping[str, Tensor], origin: str) -> None:
    broken = [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise ModelFileError(f"{origin}: {_listed('with NaN or infinite weights', broken)}; train or fetch it again")


def _listed(what: str, names: list[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} {what}: {', '.join(names[:_SHOWN])}{rest}"


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())
