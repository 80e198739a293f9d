"""`reid-pipeline engines` with a model folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reid_engines.spec import FigureSpec, ModelSpec, shipped_specs

Invoke = Callable[..., Any]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv("REID_PIPELINE_MODELS", str(folder))
    monkeypatch.delenv("REID_PIPELINE_MIRROR", raising=False)
    return folder


def test_list_names_models_and_licences(invoke: Invoke, models: Path) -> None:
    outcome = invoke("engines", "list")
    assert outcome.status == 0
    rows = {line.split()[0]: line for line in outcome.out.splitlines()}
    assert "Apache-2.0" in rows["yolox-tiny"]
    assert "not pulled" in rows["yolox-tiny"]
    assert "AGPL-3.0" in rows["yolo11n"]
    assert "ready" in rows["color-stripes"]
    assert "ready" in rows["saga-s"]
    assert outcome.err == f"models are kept in {models}\n"


def test_list_as_json(invoke: Invoke) -> None:
    found = {model["name"]: model for model in json.loads(invoke("engines", "list", "--json").out)}
    assert found["yolox-tiny"]["cached"] is False
    assert found["color-stripes"] == {
        "name": "color-stripes",
        "kind": "encoder",
        "licence": "Apache-2.0",
        "description": found["color-stripes"]["description"],
        "cached": True,
        "size": 0,
    }


def test_show_says_what_a_model_learned_from_and_what_was_measured_of_it(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = shipped_specs()
    figures = (
        FigureSpec(data="PETS", rank1=96.1, map=95.4),
        FigureSpec(data="PETS", queries="40 % behind somebody", part="refined", rank1=92, map=89.25, captured=6.1),
    )
    monkeypatch.setitem(specs, "saga-s", specs["saga-s"].model_copy(update={"figures": figures}))
    outcome = invoke("engines", "show", "saga-s")
    assert (outcome.status, outcome.err) == (0, "")
    facts, _, table = outcome.out.partition("\n\n")
    assert "\nlicence       Apache-2.0\n" in facts
    assert "saga-s.onnx (9.2MB)\n" in facts
    assert "\nlearned from  1,321 crops from github.com/brianhuster/human-dataset, files of another origin" in facts
    assert table.splitlines() == [
        "DATA  QUERIES               PART     RANK-1  MAP   CAPTURED",
        "PETS  as they are           all      96.1    95.4  -",
        "PETS  40 % behind somebody  refined  92.0    89.2  6.1 %",
    ]
    found = json.loads(invoke("engines", "show", "saga-s", "--json").out)
    assert found["figures"][0] == {"data": "PETS", "rank1": 96.1, "map": 95.4}
    assert ModelSpec.model_validate(found) == specs["saga-s"]


def test_show_of_a_model_that_is_not_there_yet(invoke: Invoke) -> None:
    outcome = invoke("engines", "show", "yolox-tiny")
    assert outcome.status == 0
    assert "yolox-tiny.onnx (20.3MB, not pulled)\n" in outcome.out
    assert "match" not in outcome.out
    assert "RANK-1" not in outcome.out
    assert invoke("engines", "show", "color-stripes").status == 0
    unknown = invoke("engines", "show", "saga-z")
    assert (unknown.status, unknown.err) == (2, "error: saga-z: no model of that name; did you mean saga-s?\n")


def test_pull_takes_a_model_that_is_there(invoke: Invoke, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = _small_model(monkeypatch)
    models.mkdir()
    (models / "tiny.onnx").write_bytes(b"weights")
    outcome = invoke("engines", "pull", spec)
    assert (outcome.status, outcome.out) == (0, f"{models}/tiny.onnx\n")
    assert "licence Apache-2.0" in outcome.err
    assert json.loads(invoke("engines", "pull", spec, "--json").out) == {spec: f"{models}/tiny.onnx"}


def test_pull_takes_a_model_from_a_mirror(
    invoke: Invoke, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = _small_model(monkeypatch)
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "tiny.onnx").write_bytes(b"weights")
    outcome = invoke("engines", "pull", spec, "--mirror", mirror)
    assert (outcome.status, outcome.out) == (0, f"{models}/tiny.onnx\n")
    assert (models / "tiny.onnx").read_bytes() == b"weights"


def test_pull_from_a_mirror_that_is_not_there(invoke: Invoke, tmp_path: Path) -> None:
    outcome = invoke("engines", "pull", "yolox-tiny", "--mirror", tmp_path / "none")
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.startswith(f"error: mirror {tmp_path}/none: ")


def test_pull_of_an_unknown_name(invoke: Invoke) -> None:
    outcome = invoke("engines", "pull", "yolox-tny")
    assert outcome.status == 2
    assert outcome.err == "error: yolox-tny: no model of that name; did you mean yolox-tiny?\n"
    assert "known are color-stripes, " in invoke("engines", "pull", "qqq").err


def test_build_of_a_missing_checkpoint(invoke: Invoke, tmp_path: Path) -> None:
    outcome = invoke("engines", "build", tmp_path / "best.pt")
    assert outcome.status in {1, 2}
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "best.onnx").exists()


def _small_model(monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes yolox-tiny a model of seven bytes that no network offers; returns its name."""
    import hashlib

    specs = shipped_specs()
    name = "yolox-tiny"
    file = specs[name].file
    assert file is not None
    small = file.model_copy(update={"name": "tiny.onnx", "size": 7, "sha256": hashlib.sha256(b"weights").hexdigest()})
    changed = specs[name].model_copy(update={"file": small, "official": None, "package": None})
    monkeypatch.setitem(specs, name, changed)
    return name
