"""Where a training run stands, in one file: written whole or not at all, and refused by any other recipe."""

from __future__ import annotations

import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from reid_pipeline.errors import ConfigError, RecordError

NAME = "checkpoint.pt"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`step` steps of the stage called `stage` are done; `state` is what the stage gave. `recipe` is its hash."""

    recipe: str
    stage: str
    step: int
    state: dict[str, Any]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write it into the folder. Raises `RecordError` when it cannot be written; an older one is whole then."""
    values = {
        "recipe": checkpoint.recipe,
        "stage": checkpoint.stage,
        "step": checkpoint.step,
        "state": checkpoint.state,
    }
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".checkpoint.") as beside:
            complete = Path(beside, NAME)
            torch.save(values, complete)
            os.replace(complete, folder / NAME)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        raise RecordError(f"{folder / NAME}: cannot be written: {error}; free some space and start again") from None


def load_checkpoint(folder: Path, recipe: str) -> Checkpoint | None:
    """The checkpoint in the folder, None when there is none.

    Raises `ConfigError` when another recipe wrote it, `RecordError` when it is damaged.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        _check_sums(path)
        found = Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # there is hardly one that a damaged file cannot cause in zipfile, pickle and torch
        raise RecordError(f"{path}: not a checkpoint that can be read ({type(error).__name__}); delete it") from None
    if found.recipe != recipe:
        raise ConfigError(
            f"{path}: was written by another recipe or other data; give another --output, or delete it to start anew"
        )
    return found


def _check_sums(path: Path) -> None:
    """Compare every part with its checksum, which torch writes but does not read."""
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(damaged)
