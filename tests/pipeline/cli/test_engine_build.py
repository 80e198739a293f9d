"""`reid-pipeline engines build` and `engines check` on the weights of a small encoder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from reid_pipeline.cli.crops import read_crops, sample_crops
from reid_pipeline.errors import ConfigError
from small_weights import crops, needs_nncf, small_weights

Invoke = Callable[..., Any]
SAMPLE = Path(__file__).parents[3] / "samples" / "plaza"


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return small_weights(tmp_path / "small.safetensors")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "crops" / "lobby"
    folder.mkdir(parents=True)
    for number, crop in enumerate(crops(20)):
        cv2.imwrite(str(folder / f"{number:02}.png"), crop)
    return folder.parent


def test_build_then_check(invoke: Invoke, weights: Path, pictures: Path) -> None:
    built = invoke("engines", "build", weights, "--backend", "openvino", "--precision", "fp16")
    assert (built.status, built.out) == (0, "small-fp16.xml\n")
    assert built.err == f"{weights}: exporting to ONNX\n"
    checked = invoke("engines", "check", "small-fp16.xml", "--weights", weights, "--crops", pictures)
    assert checked.status == 0
    header, first, *_ = checked.out.splitlines()
    assert header.split() == ["BACKEND", "BATCH", "MEAN", "LEAST", "SAME", "TOP-1", "MS/CROP", "RESULT"]
    assert first.split()[:2] == ["openvino", "1"]
    assert first.endswith("passed")
    assert checked.out.endswith("cosines of 20 crops to torch float32\n")
    assert "backend onnxruntime: reads .onnx files, got small-fp16.xml" in checked.err


def test_check_as_json_and_a_failure_in_the_status(
    invoke: Invoke, weights: Path, pictures: Path, request: pytest.FixtureRequest
) -> None:
    needs_nncf(request)
    arguments = ["--precision", "int8", "--calibration", pictures, "--output", weights.with_name("coarse.onnx")]
    assert invoke("engines", "build", weights, *arguments).out == "coarse.onnx\n"
    outcome = invoke("engines", "check", "coarse.onnx", "--weights", weights, "--crops", pictures, "--json")
    report = json.loads(outcome.out)
    assert (report["model"], report["reference"]) == ("coarse", "torch float32")
    assert {row["batch"] for row in report["rows"]} == {1, 7, 32, 256}
    assert outcome.status == (0 if report["passed"] else 1)
    # The backbone of a random network bears 8 bits, but not so well that every crop keeps its nearest neighbour.
    assert report["rows"][0]["mean"] < 0.9999


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backend", "cuda"], "--backend: expected one of openvino, onnxruntime, tensorrt, got cuda"),
        (["--precision", "fp8"], "--precision: expected one of fp32, fp16, int8, got fp8"),
        (["--precision", "int8"], "--precision int8 and --calibration DIR go together; give both or neither"),
        (["--calibration", "crops"], "--precision int8 and --calibration DIR go together; give both or neither"),
        (["--precision", "int8", "--calibration", "none"], "none: expected a folder with pictures of people"),
    ],
)
def test_wrong_arguments_are_one_line(invoke: Invoke, weights: Path, arguments: list[str], message: str) -> None:
    outcome = invoke("engines", "build", weights, *arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(f"error: {message}")
    assert outcome.err.count("\n") == 1


def test_a_yolo_checkpoint_becomes_fp32_onnx_only(invoke: Invoke, weights: Path) -> None:
    outcome = invoke("engines", "build", "best.pt", "--backend", "openvino")
    assert outcome.status == 2
    assert "best.pt: a YOLO checkpoint becomes fp32 ONNX" in outcome.err


def test_models_that_are_not_there_or_nothing(invoke: Invoke, weights: Path, pictures: Path) -> None:
    outcome = invoke("engines", "build", "none.safetensors")
    assert outcome.status == 1
    assert outcome.err.startswith("error: none.safetensors: no such model file")
    Path("broken.safetensors").write_bytes(b"nothing")
    Path("broken.yaml").write_text("{kind: encoder, encoder: {match: 0.5}}")
    outcome = invoke("engines", "check", "broken.safetensors", "--crops", pictures)
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1].startswith("error: broken.safetensors: not a readable safetensors file")


def test_the_sample_must_be_there(invoke: Invoke, weights: Path) -> None:
    outcome = invoke("engines", "check", weights)
    assert outcome.status == 2
    assert outcome.err.startswith("error: samples/plaza: the sample's clips are not here; give a folder")


def test_crops_come_from_every_camera_of_the_sample() -> None:
    found = sample_crops(SAMPLE, most=12)
    assert len(found) == 12
    assert all(crop.flags.c_contiguous and crop.shape[0] > crop.shape[1] for crop in found)


def test_crops_of_a_folder_are_taken_evenly(pictures: Path) -> None:
    every = read_crops(pictures, most=100)
    assert len(every) == 20
    some = read_crops(pictures, most=3)
    assert [crop.tobytes() for crop in some] == [every[index].tobytes() for index in (0, 9, 19)]
    first = cv2.imread(str(pictures / "lobby" / "00.png"))
    assert first is not None
    assert every[0][0, 0].tolist() == first[0, 0, ::-1].tolist()
    (pictures / "bad.jpg").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match=r"bad\.jpg: expected a picture, got something that cannot be decoded"):
        read_crops(pictures, most=100)
