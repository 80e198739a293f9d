"""Exports an Ultralytics checkpoint to the ONNX file that the pipeline runs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reid_pipeline.errors import ConfigError, MissingExtra


def export_checkpoint(checkpoint: Path, output: Path) -> Path:
    """Write the detector in a `.pt` file as ONNX with open batch and input size and without NMS.

    Returns:
        `output`, written whole or not at all.

    Raises:
        ConfigError: the checkpoint is missing or cannot be exported, or `output` cannot be written.
        MissingExtra: `ultralytics` is not installed.
    """
    if not checkpoint.is_file():
        raise ConfigError(f"{checkpoint}: no such checkpoint; give the path of a .pt file")
    # Both are read once, when it is imported: by default Ultralytics installs packages by itself and writes to stdout.
    os.environ.update(YOLO_AUTOINSTALL="false", YOLO_VERBOSE="false")
    try:
        from ultralytics import YOLO
    except ImportError:
        raise MissingExtra(
            f"{checkpoint}: exporting a checkpoint needs ultralytics; run: pip install 'reid-pipeline[ultralytics]'"
        ) from None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        # Ultralytics writes beside the checkpoint, so it gets a copy, on the file system of the output.
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".export-") as folder:
            _export(YOLO, Path(shutil.copy(checkpoint, folder)), name=str(checkpoint)).replace(output)
    except OSError as error:
        raise ConfigError(f"{output}: cannot be written: {error.strerror or error}; choose another place") from None
    return output


def _export(load: Callable[[str], Any], copy: Path, *, name: str) -> Path:
    try:
        model = load(str(copy))
        task = model.task
        if task == "detect":
            return Path(model.export(format="onnx", dynamic=True, nms=False, simplify=False))
    except Exception as error:  # whatever unpickling and tracing somebody's file may raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"{name}: ultralytics cannot export it: {reason[:300]}; check the checkpoint") from None
    raise ConfigError(f"{name}: expected a detector, got a checkpoint for the task {task}; give one trained to detect")
