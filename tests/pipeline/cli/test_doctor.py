"""`reid-pipeline doctor`: what it finds here, and what it says when something is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from reid_engines.store import model_folder
from reid_pipeline.cli import checks
from reid_pipeline.cli.checks import State

Invoke = Callable[..., Any]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv("REID_PIPELINE_MODELS", str(folder))
    return folder


def test_this_machine_is_ready(invoke: Invoke) -> None:
    outcome = invoke("doctor")
    assert outcome.status == 0
    assert outcome.out.endswith("\nready to run\n")
    assert "backend openvino" in outcome.out
    assert "-> reid-pipeline engines pull yolox-tiny" in outcome.out


def test_as_json(invoke: Invoke) -> None:
    found = json.loads(invoke("doctor", "--json").out)
    assert found["ok"] is True
    states = {check["name"]: check["state"] for check in found["checks"]}
    assert states["backend openvino"] == "ok"
    assert states["backend onnxruntime"] == "ok"
    assert states["video"] == "ok"
    assert states["model yolox-tiny"] == "note"
    assert states["model color-stripes"] == "ok"
    assert states["model folder"] == "ok"


def test_a_package_that_cannot_be_imported_is_broken(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_REQUIRED", {"opencv-python": "no_such_module"})
    outcome = invoke("doctor")
    assert outcome.status == 1
    assert "broken  opencv-python" in outcome.out
    assert "-> pip install --force-reinstall opencv-python" in outcome.out
    assert outcome.out.endswith("\nbroken: opencv-python\n")
    assert json.loads(invoke("doctor", "--json").out)["ok"] is False


def test_a_missing_runtime_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "onnxruntime":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    (check,) = [check for check in checks.all_checks() if check.name == "backend onnxruntime"]
    assert (check.state, check.fix) == (State.NOTE, "pip install 'reid-pipeline[onnx]'")


def test_a_damaged_model_is_noticed(models: Path) -> None:
    models.mkdir()
    (models / _file_name("yolox-tiny")).write_bytes(b"cut off")
    (check,) = [check for check in checks.all_checks() if check.name == "model yolox-tiny"]
    assert check.state is State.NOTE
    assert "damaged" in check.detail


def test_a_model_folder_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("REID_PIPELINE_MODELS", str(tmp_path / "file" / "models"))
    (check,) = [check for check in checks.all_checks() if check.name == "model folder"]
    assert check.state is State.NOTE
    assert str(model_folder()) in check.detail
    assert check.fix == "set REID_PIPELINE_MODELS to a folder with space"


def _file_name(model: str) -> str:
    from reid_engines.spec import shipped_specs

    file = shipped_specs()[model].file
    assert file is not None
    return file.name
