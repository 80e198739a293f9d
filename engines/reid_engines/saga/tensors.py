"""Named tensors: read from files, and put into modules that they must match exactly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from reid_engines.errors import ModelFileError

_SHOWN = 4


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors by name and the metadata of a safetensors file. Raises `ModelFileError` when it is none."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"{path}: not a readable safetensors file: {one_line(error)}") from None


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors by name in a safetensors file or one of `torch.save`, out of `state_dict`, `model` and `module.`.

    Only tensors are read, never code. Raises `ModelFileError` when the file holds anything else.
    """
    if path.suffix == ".safetensors":
        return read_safetensors(path)[0]
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {one_line(error)}") from None
    except Exception as error:  # pickle's, zip's and torch's own errors share no base class
        raise ModelFileError(f"{path}: not a checkpoint of plain tensors ({type(error).__name__})") from None
    for wrapper in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ModelFileError(f"{path}: expected tensors by name, got something else")
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}


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
    refuse_not_finite(state, origin=origin)
    module.load_state_dict(dict(state))


def refuse_not_finite(state: Mapping[str, Tensor], *, origin: str) -> None:
    """Raise `ModelFileError` naming the tensors that hold NaN or infinity."""
    broken = [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise ModelFileError(f"{origin}: {_listed('with NaN or infinite weights', broken)}; train or fetch it again")


def one_line(error: Exception) -> str:
    """What went wrong, without the path that the caller names anyway."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())


def _listed(what: str, names: list[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} {what}: {', '.join(names[:_SHOWN])}{rest}"
