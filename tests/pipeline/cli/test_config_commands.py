"""`reid-pipeline config` from the outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

Invoke = Callable[..., Any]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cameras.yaml"
    path.write_text("cameras:\n  lobby:\n    source: rtsp://u:hunter2@h/1\n    start: 2026-03-01T09:00:00\n")
    return path


def test_check_prints_what_the_file_means(invoke: Invoke, config: Path) -> None:
    outcome = invoke("config", "check", config)
    assert outcome.status == 0
    shown = yaml.safe_load(outcome.out)
    assert shown["detector"]["model"] == "yolox-tiny"
    assert "hunter2" not in outcome.out + outcome.err
    assert outcome.err.splitlines() == [
        f"warning: {config}:4: cameras.lobby.start: no time zone given, read as UTC; add Z or +02:00",
        f"{config}: correct, 1 camera",
    ]


def test_check_as_json(invoke: Invoke, config: Path) -> None:
    found = json.loads(invoke("config", "check", config, "--json").out)
    assert found["config"]["cameras"]["lobby"]["source"].endswith("@h/1")
    assert len(found["sha256"]) == 64
    assert len(found["warnings"]) == 1


def test_check_refuses_with_lines_and_status_2(invoke: Invoke, config: Path) -> None:
    config.write_text("cameras:\n  lobby: {sorce: a.mp4}\noutptu: {}\n")
    outcome = invoke("config", "check", config)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.splitlines() == [
        f"error: {config}:2: cameras.lobby.sorce: unknown key; did you mean source?",
        f"error: {config}:3: outptu: unknown key; did you mean output?",
    ]


def test_schema_is_a_json_schema(invoke: Invoke) -> None:
    schema = json.loads(invoke("config", "schema").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"cameras": {"a": {"source": 0}}}, schema)


def test_init_writes_what_check_accepts(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = invoke("config", "init", "lobby.mp4", "rtsp://u:hunter2@h/1")
    assert written.status == 0
    assert "hunter2" not in written.out
    assert written.err == "the password was replaced by ${CAMERA_PASSWORD}; set that environment variable\n"
    (tmp_path / "cameras.yaml").write_text(written.out)
    monkeypatch.setenv("CAMERA_PASSWORD", "hunter2")
    assert invoke("config", "check", tmp_path / "cameras.yaml").status == 0


def test_init_needs_a_source(invoke: Invoke) -> None:
    outcome = invoke("config", "init")
    assert outcome.status == 2
    assert outcome.err.startswith("error: Missing argument 'SOURCE...'")
