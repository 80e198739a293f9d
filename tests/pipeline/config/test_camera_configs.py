"""The ready-to-edit files of camera_configs/ stay correct."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import jsonschema
import pytest
import yaml

from reid_pipeline.config.loader import load_config
from reid_pipeline.config.schema import config_schema

FOLDER = Path(__file__).parents[3] / "camera_configs"
FILES = sorted(FOLDER.glob("*.yaml"))
PASSWORDS = {"ENTRANCE_PASSWORD": "one", "LOBBY_PASSWORD": "two"}


def test_they_are_there() -> None:
    assert {path.stem for path in FILES} >= {"plaza", "files", "rtsp", "webcam", "recorded-detections"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_loads_without_a_warning(path: Path) -> None:
    loaded = load_config(path, environment=PASSWORDS)
    assert loaded.warnings == ()
    assert loaded.config.cameras


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_begins_with_the_command_that_runs_it(path: Path) -> None:
    assert f" camera_configs/{path.name}" in "".join(path.read_text().splitlines()[:5])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_editors_find_nothing_wrong_with_them(path: Path) -> None:
    # as an editor reads it: times are text
    values = yaml.load(path.read_text(), yaml.BaseLoader)
    typed = yaml.safe_load(path.read_text())
    for name, camera in typed["cameras"].items():
        if "start" in camera:
            camera["start"] = values["cameras"][name]["start"]
    jsonschema.validate(typed, config_schema())


def test_the_sample_reads_the_clips_beside_it() -> None:
    root = FOLDER.parent
    config = load_config(FOLDER / "plaza.yaml", environment=defaultdict(str)).config
    sources = [camera.source for camera in config.cameras.values()]
    assert sources == [f"{root}/samples/plaza/{name}.mp4" for name in ("entrance", "lobby", "arcade", "street")]
    assert config.output.directory == f"{root}/out/plaza"
