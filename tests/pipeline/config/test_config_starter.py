"""`config init` writes a file that loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from reid_pipeline.config.loader import LoadedConfig, load_config
from reid_pipeline.config.starter import starter


def _load(folder: Path, text: str, **environment: str) -> LoadedConfig:
    path = folder / "cameras.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, environment=environment)


@pytest.mark.parametrize(
    ("source", "name", "value"),
    [
        ("lobby.mp4", "lobby", "{folder}/lobby.mp4"),
        ("clips/Süd: gate #1.mkv", "S_d_gate_1", "{folder}/clips/Süd: gate #1.mkv"),
        ("frames/*.jpg", "frames", "{folder}/frames/*.jpg"),
        ("012.mp4", "012", "{folder}/012.mp4"),
        ("on", "on", "{folder}/on"),
        ("odd${X}.mp4", "odd_X", "{folder}/odd${X}.mp4"),
        ("0", "camera", 0),
        ("/dev/video0", "video0", "/dev/video0"),
        ("http://10.0.0.5/mjpeg", "camera", "http://10.0.0.5/mjpeg"),
        ("..mp4", "camera", "{folder}/..mp4"),
    ],
)
def test_one_source(tmp_path: Path, source: str, name: str, value: str | int) -> None:
    loaded = _load(tmp_path, starter([source]).text)
    expected = value.replace("{folder}", str(tmp_path)) if isinstance(value, str) else value
    assert {each: camera.source for each, camera in loaded.config.cameras.items()} == {name: expected}
    assert loaded.warnings == ()


def test_cameras_get_names_of_their_own(tmp_path: Path) -> None:
    sources = ["a/lobby.mp4", "b/lobby.mp4", "c/lobby.mp4", "rtsp://h/1", "rtsp://h/2"]
    cameras = _load(tmp_path, starter(sources).text).config.cameras
    assert list(cameras) == ["lobby", "lobby2", "lobby3", "camera", "camera2"]


def test_a_password_becomes_a_variable(tmp_path: Path) -> None:
    start = starter(["rtsp://viewer:p@ss/w0rd@10.0.0.5/1", "rtsp://viewer:${MINE}@10.0.0.6/1"])
    assert "w0rd" not in start.text
    assert start.passwords == ("CAMERA_PASSWORD",)
    cameras = _load(tmp_path, start.text, CAMERA_PASSWORD="new", MINE="own").config.cameras
    assert cameras["camera"].source == "rtsp://viewer:new@10.0.0.5/1"
    assert cameras["camera2"].source == "rtsp://viewer:own@10.0.0.6/1"
