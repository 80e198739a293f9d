"""Paths in a configuration are relative to its file; this makes them absolute without touching the disk."""

from __future__ import annotations

import os
import re
from pathlib import Path

from reid_pipeline.config.models import Config

MODEL_SUFFIXES = (".onnx", ".xml", ".pt", ".engine")
SQLITE = "sqlite:///"
KEY_FILE = "file:"

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def with_absolute_paths(config: Config, folder: Path) -> Config:
    """The configuration with every path in it absolute; addresses, device numbers and model names stay."""
    detector, encoder, gallery, output = config.detector, config.encoder, config.gallery, config.output
    detections = {name: _absolute(file, folder) for name, file in detector.detections.items()}
    sections = {
        "cameras": {
            name: camera.model_copy(update={"source": _absolute_source(camera.source, folder)})
            for name, camera in config.cameras.items()
        },
        "detector": detector.model_copy(
            update={"model": _absolute_model(detector.model, folder), "detections": detections}
        ),
        "encoder": encoder.model_copy(update={"model": _absolute_model(encoder.model, folder)}),
        "gallery": gallery.model_copy(
            update={"store": _absolute_store(gallery.store, folder), "key": _absolute_key(gallery.key, folder)}
        ),
        "output": output.model_copy(update={"directory": _absolute(output.directory, folder)}),
    }
    return config.model_copy(update=sections)


def _absolute(path: str, folder: Path) -> str:
    return os.path.normpath(folder / os.path.expanduser(path))


def _absolute_source(source: str | int, folder: Path) -> str | int:
    if isinstance(source, int) or source.isdecimal() or _ADDRESS.match(source):
        return source
    return _absolute(source, folder)


def _absolute_model(model: str, folder: Path) -> str:
    return _absolute(model, folder) if "/" in model or model.endswith(MODEL_SUFFIXES) else model


def _absolute_store(store: str, folder: Path) -> str:
    return SQLITE + _absolute(store.removeprefix(SQLITE), folder) if store.startswith(SQLITE) else store


def _absolute_key(key: str | None, folder: Path) -> str | None:
    return KEY_FILE + _absolute(key.removeprefix(KEY_FILE), folder) if key and key.startswith(KEY_FILE) else key
