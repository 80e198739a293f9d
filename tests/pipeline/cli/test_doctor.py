"""`reid-pipeline doctor`: what it finds here, and what it says when something is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from fake_cuda import FakeGpu
from fake_tensorrt import install
from reid_engines import store
from reid_engines.backends import tensorrt_gpu, torch
from reid_engines.errors import BackendError
from reid_engines.store import model_folder
from reid_pipeline.cli import checks
from reid_pipeline.cli.checks import Check, State

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
    assert states["backend torch"] == "ok"
    assert states["video"] == "ok"
    assert states["model yolox-tiny"] == "note"
    assert states["model color-stripes"] == "ok"
    assert states["model saga-s"] == "ok"
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
    installed(monkeypatch, onnxruntime=None)
    check = row("backend onnxruntime")
    assert (check.state, check.fix) == (State.NOTE, "pip install 'reid-pipeline[onnx]'")


def test_a_runtime_may_come_from_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, onnxruntime=None, **{"onnxruntime-gpu": "1.22.0"})
    check = row("backend onnxruntime")
    assert (check.state, check.detail) == (State.OK, "1.22.0, executes on CPUExecutionProvider")


def installed(monkeypatch: pytest.MonkeyPatch, **versions: str | None) -> None:
    """Packages that are there in these versions, or not there."""
    real = metadata.version

    def version(name: str) -> str:
        if versions.get(name, "") is None:
            raise metadata.PackageNotFoundError(name)
        return versions.get(name) or real(name)

    monkeypatch.setattr(metadata, "version", version)


def row(name: str) -> Check:
    (check,) = [check for check in checks.all_checks() if check.name == name]
    return check


@pytest.mark.parametrize(
    ("gpus", "version", "memory", "expected"),
    [
        (
            0,
            None,
            "torch",
            "note|not installed; no NVIDIA GPU seen, which it needs|pip install 'reid-pipeline[tensorrt]'",
        ),
        (1, None, "torch", "note|not installed; would execute on the NVIDIA L4|pip install 'reid-pipeline[tensorrt]'"),
        (0, "10.13.0.35", "torch", "note|10.13.0.35, finds no NVIDIA GPU|check that nvidia-smi lists one"),
        (
            1,
            "10.13.0.35",
            "none",
            "note|10.13.0.35, gets no memory on the GPU|pip install pycuda (which needs the CUDA",
        ),
        (
            1,
            "8.4.1",
            "torch",
            "note|BackendError: backend tensorrt: expected TensorRT 8.5 or later|check that nvidia-smi",
        ),
        (1, "10.13.0.35", "torch", "ok|10.13.0.35, on NVIDIA L4 (compute capability 8.9, driver 550.54.15)|"),
    ],
)
def test_tensorrt_is_looked_at_as_far_as_it_goes(
    monkeypatch: pytest.MonkeyPatch, gpus: int, version: str | None, memory: str, expected: str
) -> None:
    """`expected` is the state, and how detail and fix begin."""
    install(monkeypatch, version=version or "10.13.0.35", memory=memory, gpu=FakeGpu(count=gpus))
    installed(monkeypatch, **dict.fromkeys(checks._RUNTIMES["tensorrt"]) | {"tensorrt": version})
    state, detail, fix = expected.split("|")
    check = row("backend tensorrt")
    assert check.state.value == state
    assert check.detail.startswith(detail)
    assert check.fix.startswith(fix)
    assert bool(check.fix) == bool(fix)


@pytest.mark.parametrize(
    ("gpu", "on_gpu", "state", "detail"),
    [
        (False, False, "ok", "2.9.0, executes on the CPU; no NVIDIA GPU seen"),
        (True, True, "ok", "2.9.0, executes on the NVIDIA L4"),
        (True, False, "note", "2.9.0, executes on the CPU: it does not see the NVIDIA L4"),
    ],
)
def test_torch_says_where_it_executes(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, on_gpu: bool, state: str, detail: str
) -> None:
    installed(monkeypatch, torch="2.9.0")
    seen = tensorrt_gpu.Gpu("NVIDIA L4", "8.9", "550.54.15") if gpu else None
    monkeypatch.setattr(tensorrt_gpu, "find_gpu", lambda: seen)
    monkeypatch.setattr(torch, "on_gpu", lambda: on_gpu)
    check = row("backend torch")
    assert (check.state.value, check.detail) == (state, detail)
    assert ("pytorch.org" in check.fix) == (state == "note")


def test_torch_that_is_missing_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, torch=None)
    check = row("backend torch")
    assert (check.state, check.fix) == (State.NOTE, "pip install 'reid-pipeline[train]'")


def test_a_driver_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent() -> None:
        raise BackendError("the NVIDIA driver cannot tell its name (CUDA error 3)")

    monkeypatch.setattr(tensorrt_gpu, "find_gpu", silent)
    found = {check.name: check for check in checks.all_checks()}
    for name in ("backend tensorrt", "backend torch"):
        assert found[name].state is State.NOTE
        assert "CUDA error 3" in found[name].detail


def test_without_a_gpu_neither_torch_nor_tensorrt_is_imported() -> None:
    code = (
        "import sys; from reid_pipeline.cli.checks import all_checks; list(all_checks());"
        "print([name for name in ('torch', 'tensorrt') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_damaged_model_is_noticed(models: Path) -> None:
    models.mkdir()
    (models / _file_name("yolox-tiny")).write_bytes(b"cut off")
    (check,) = [check for check in checks.all_checks() if check.name == "model yolox-tiny"]
    assert check.state is State.NOTE
    assert "damaged" in check.detail


def test_a_damaged_model_that_came_with_the_project_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(store, "shipped_folder", lambda name: tmp_path)
    for _ in range(2):
        check = row("model saga-s")
        assert (check.state, check.fix) == (State.BROKEN, "pip install --force-reinstall reid-pipeline")
        (tmp_path / "saga-s.onnx").write_bytes(b"cut off")


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
