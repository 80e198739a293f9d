"""The GPU script: what it measures, on what is here, and what it says where there is no GPU."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fake_tensorrt import install
from reid_engines.backends import open_graph
from reid_engines.backends.graph import Opening
from reid_engines.errors import BackendError
from reid_engines.protocol import Graph
from reid_engines.spec import InputSpec
from reid_engines.store import MODELS_VARIABLE
from reid_tools.bench import gpu
from reid_tools.bench.gpu_report import Machine, Measured, Report, Timing
from small_nets import DIM, HEIGHT, WIDTH, means_net

CONTRACT = InputSpec(std=(255.0,) * 3)
MACHINE = Machine("NVIDIA L4", "8.9", "550.54.15", "Python 3.10", "2026-01-02", "abc", {"torch": "2.6.0"})
GOOD = Measured("torch", "fp16", 0.9999, 0.9991, (Timing(1, 700.0, 1.4), Timing(128, 6000.0, 21.5)))


def cpu_graph(path: Path) -> Graph:
    return open_graph(means_net(path), Opening(CONTRACT, batch=8), backend="onnxruntime")


def test_a_graph_is_checked_and_timed_at_every_batch(tmp_path: Path) -> None:
    crops = gpu.made_up_crops(16, HEIGHT, WIDTH)
    graph = cpu_graph(tmp_path / "net.onnx")
    expected = np.concatenate([graph.submit(crops[start : start + 8]).result()[0] for start in (0, 8)])
    opened = {"crops": crops, "expected": expected, "batches": (1, 8), "seconds": 0.05}
    result = gpu.measured("onnxruntime", lambda: graph, **opened)  # type: ignore[arg-type]
    assert result.passed
    assert result.least_cosine == pytest.approx(1, abs=1e-5)
    assert [timing.batch for timing in result.timings] == [1, 8]
    assert all(timing.crops_per_s > 0 and timing.latency_ms > 0 for timing in result.timings)
    with pytest.raises(BackendError, match="closed"):
        graph.submit(crops[:1])
    opened["expected"] = expected[::-1]
    result = gpu.measured("onnxruntime", lambda: cpu_graph(tmp_path / "net.onnx"), **opened)  # type: ignore[arg-type]
    assert not result.passed


def test_a_backend_that_is_not_there_is_named_in_the_report() -> None:
    def make() -> Graph:
        raise BackendError("backend tensorrt: its runtime is not installed; run: pip install tensorrt")

    crops = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    expected = np.zeros((1, DIM), np.float32)
    result = gpu.measured("tensorrt", make, crops, expected=expected, batches=(1,), seconds=0.1)
    assert not result.passed
    text = Report("saga-b", "random", MACHINE, (result,)).to_markdown()
    assert "| tensorrt | fp16 | | not measured: backend tensorrt: its runtime is not installed;" in text


def test_the_report_says_where_and_with_what() -> None:
    report = Report("saga-b", "random", MACHINE, (GOOD,))
    text = report.to_markdown()
    assert "| torch | fp16 | 128 | 6000 | 21.50 | 0.999900 | 0.999100 |" in text
    for part in ("NVIDIA L4", "550.54.15", "2026-01-02", "abc", "torch 2.6.0", "random weights"):
        assert part in text
    content = json.loads(report.to_json())
    assert content["results"][0]["timings"][1] == {"batch": 128, "crops_per_s": 6000.0, "latency_ms": 21.5}
    assert content["machine"]["driver"] == "550.54.15"


@pytest.mark.parametrize(
    ("mean", "least", "passed"), [(0.9991, 0.996, True), (0.9989, 0.998, False), (0.9999, 0.994, False)]
)
def test_what_counts_as_the_vectors_of_float32(mean: float, least: float, passed: bool) -> None:
    assert replace(GOOD, mean_cosine=mean, least_cosine=least).passed is passed


def test_no_gpu_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(gpu, "find_gpu", lambda: None)
    assert gpu.main([]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: bench gpu: no NVIDIA GPU answers; run this on a machine where nvidia-smi lists one\n"


def test_no_torch_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch)
    monkeypatch.setattr(gpu, "find_gpu", gpu_of_tests)
    assert gpu.main([]) == 1
    assert "torch is not installed" in capsys.readouterr().err


def gpu_of_tests() -> Any:
    from reid_engines.backends.tensorrt_gpu import Gpu

    return Gpu("NVIDIA L4", "8.9", "550.54.15")


@pytest.mark.parametrize("version", ["8.5.3.1", "10.13.0.35"])
def test_from_weights_to_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    from reid_engines.saga.config import HALF, AggregationConfig, Fusion, SagaConfig, VitConfig
    from reid_engines.saga.model import Saga
    from reid_engines.saga.weights import save_weights

    install(monkeypatch, version=version)
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(gpu, "find_gpu", gpu_of_tests)
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    torch.manual_seed(0)
    backbone = VitConfig(width=32, layers=2, heads=2, stride=16, projection=16, token_layer=1)
    aggregation = AggregationConfig(anchors=4, source="free", domain_anchors=2, heads=2)
    weights = tmp_path / "small.safetensors"
    save_weights(Saga(SagaConfig(backbone, aggregation, Fusion(), HALF, HALF, 64, 32)), weights)
    output = tmp_path / "reports"
    options = ["--model", "small", "--weights", str(weights), "--output", str(output)]
    assert gpu.main([*options, "--batches", "1", "4", "--seconds", "0.1"]) == 0
    assert "not measured: torch" in capsys.readouterr().out
    content = json.loads((output / "gpu-small-nvidia-l4.json").read_text())
    tensorrt, other = content["results"]
    assert tensorrt["backend"] == "tensorrt"
    assert tensorrt["least_cosine"] > 0.995
    assert [timing["batch"] for timing in tensorrt["timings"]] == [1, 4]
    assert "sees no GPU" in other["missing"]
    assert not list((tmp_path / "models").rglob("*.engine"))
    assert (output / "gpu-small-nvidia-l4.md").read_text().startswith("# small on NVIDIA L4\n")


def test_an_unknown_model_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(gpu, "find_gpu", gpu_of_tests)
    assert gpu.main(["--model", "saga-x", "--output", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("error: bench gpu: saga-x: no such model; known are saga-b, saga-s")


@pytest.mark.parametrize("options", [["--batches", "8", "0"], ["--seconds", "-1"]])
def test_what_cannot_be_measured_is_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        gpu.main(options)
    assert caught.value.code == 2
    assert "expected batches and seconds above 0" in capsys.readouterr().err
