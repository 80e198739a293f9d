"""What a correct cameras.yaml becomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from reid_pipeline.config.loader import LoadedConfig, load_config

Load = Callable[..., LoadedConfig]

SMALLEST = """
    cameras:
      lobby:
        source: lobby.mp4
"""


def test_the_smallest_file_gets_every_default(load: Load, tmp_path: Path) -> None:
    config = load(SMALLEST).config
    assert config.cameras["lobby"].source == str(tmp_path / "lobby.mp4")
    assert config.detector.model == "yolox-tiny"
    assert config.encoder.model == "saga-s"
    assert config.association.match is None
    assert config.gallery.store == ""
    assert config.gallery.retention_s is None
    assert config.output.directory == str(tmp_path / "out")


def test_a_section_whose_keys_are_commented_out_means_its_defaults(load: Load) -> None:
    assert load(SMALLEST + "    association:\n      # match: 0.5\n").config == load(SMALLEST).config


def test_everything_that_can_be_said_of_a_camera(load: Load) -> None:
    camera = load("""
        cameras:
          lobby:
            source: frames/*.jpg
            start: 2026-03-01T10:00:00.25+01:00
            neighbors: {street: {min_s: 2, max_s: 40.5}}
            overlaps: [street]
            homography: [[1, 0, 2], [0, 1, 3], [0, 0, 1]]
            fps: 12.5
            timeout_s: 3
            transport: udp
          street: {source: 0, overlaps: []}
    """).config.cameras["lobby"]
    assert camera.start == datetime(2026, 3, 1, 9, 0, 0, 250_000, timezone.utc)
    assert camera.start_ns == 1_772_355_600_250_000_000
    assert camera.neighbors["street"].max_s == 40.5
    assert camera.overlaps == ("street",)
    assert camera.homography == ((1.0, 0.0, 2.0), (0.0, 1.0, 3.0), (0.0, 0.0, 1.0))
    assert (camera.fps, camera.timeout_s, camera.transport) == (12.5, 3, "udp")


def test_paths_are_relative_to_the_file(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    config = load("""
        cameras:
          a: {source: ../clips/a.mp4}
          b: {source: "frames/*.png"}
          c: {source: ~/c.mp4}
          d: {source: /dev/video0}
        detector: {model: recorded, detections: {a: a.txt, b: b.txt, c: c.txt, d: /d.txt}}
        encoder: {model: models/0287.xml}
        gallery: {store: "sqlite:///people.db"}
        output: {directory: ../out}
    """).config
    sources = [camera.source for camera in config.cameras.values()]
    assert sources == [f"{tmp_path.parent}/clips/a.mp4", f"{tmp_path}/frames/*.png", "/home/me/c.mp4", "/dev/video0"]
    assert config.detector.model == "recorded"
    assert config.detector.detections["a"] == f"{tmp_path}/a.txt"
    assert config.detector.detections["d"] == "/d.txt"
    assert config.encoder.model == f"{tmp_path}/models/0287.xml"
    assert config.gallery.store == f"sqlite:///{tmp_path}/people.db"
    assert config.output.directory == f"{tmp_path.parent}/out"


def test_addresses_devices_and_model_names_stay(load: Load) -> None:
    config = load("""
        cameras:
          a: {source: "rtsp://10.0.0.5/stream1"}
          b: {source: 0}
          c: {source: "1"}
        encoder: {model: osnet-x0.25-msmt17}
        gallery: {store: "memory://"}
    """).config
    assert [camera.source for camera in config.cameras.values()] == ["rtsp://10.0.0.5/stream1", 0, "1"]
    assert config.encoder.model == "osnet-x0.25-msmt17"
    assert config.gallery.store == "memory://"


def test_loading_needs_nothing_that_the_file_names(load: Load) -> None:
    load("""
        cameras: {a: {source: /nowhere/a.mp4}}
        detector: {model: /nowhere/model.onnx}
        encoder: {model: no-such-model, backend: no-such-backend}
    """)


def test_words_and_numbers_that_yaml_1_1_would_change_stay_what_they_are(load: Load) -> None:
    config = load("""
        cameras:
          on: {source: no, overlaps: [012, off]}
          off: {source: 1_000, neighbors: {on: {min_s: 1, max_s: 2}}}
          012: {source: 10:30}
          1e5: {source: "0"}
        encoder: {model: 0287}
    """).config
    assert list(config.cameras) == ["on", "off", "012", "1e5"]
    assert config.encoder.model == "0287"
    names = [Path(str(camera.source)).name for camera in config.cameras.values()]
    assert names == ["no", "1_000", "10:30", "0"]


def test_a_word_that_looks_like_a_number_can_be_quoted_in_a_list(load: Load) -> None:
    config = load('cameras: {1: {source: 0}, on: {source: 1, overlaps: ["1"]}}').config
    assert config.cameras["on"].overlaps == ("1",)


def test_anchors_share_settings(load: Load) -> None:
    cameras = load("""
        cameras:
          a: {source: a.mp4, neighbors: &walk {b: {min_s: 1, max_s: 9}, c: {min_s: 2, max_s: 9}}}
          b: {source: b.mp4}
          c: {source: c.mp4}
          d: {source: d.mp4, neighbors: *walk}
    """).config.cameras
    assert cameras["d"].neighbors == cameras["a"].neighbors


@pytest.mark.parametrize(("text", "seconds"), [("45s", 45), ("30m", 1800), ("72h", 259_200), ("7d", 604_800)])
def test_retention_is_a_duration(load: Load, text: str, seconds: int) -> None:
    assert load(SMALLEST + f"    gallery: {{retention: {text}}}\n").config.gallery.retention_s == seconds


class TestEnvironment:
    def test_names_are_replaced_wherever_a_value_stands(self, load: Load, tmp_path: Path) -> None:
        config = load(
            """
            cameras:
              lobby:
                source: rtsp://viewer:${PASSWORD}@${HOST}/1
                fps: ${FPS}
            detector: {model: "${MODEL}"}
            """,
            PASSWORD="12 3",
            HOST="10.0.0.5",
            FPS="12.5",
            MODEL="models/x.onnx",
        ).config
        assert config.cameras["lobby"].source == "rtsp://viewer:12%203@10.0.0.5/1"
        assert config.cameras["lobby"].fps == 12.5
        assert config.detector.model == f"{tmp_path}/models/x.onnx"

    def test_a_doubled_dollar_is_literal(self, load: Load) -> None:
        source = load('cameras: {a: {source: "rtsp://u:$${X}$@h/1"}}').config.cameras["a"].source
        assert source == "rtsp://u:${X}$@h/1"

    def test_a_value_is_not_replaced_again(self, load: Load) -> None:
        source = load('cameras: {a: {source: "rtsp://${A}"}}', A="${B}", B="no").config.cameras["a"].source
        assert source == "rtsp://${B}"

    def test_a_quoted_reference_is_always_text(self, load: Load) -> None:
        assert load('cameras: {a: {source: "${N}"}}', N="0").config.cameras["a"].source == "0"
        assert load("cameras:\n  a:\n    source: ${N}\n", N="0").config.cameras["a"].source == 0

    def test_a_password_from_the_environment_is_encoded_for_its_address(self, load: Load) -> None:
        """A raw `/` or `#` in a password used to end the address there, and the camera's host was not found."""
        text = "cameras: {a: {source: 'rtsp://viewer:${PASSWORD}@${HOST}/${PATH_IN_CAMERA}'}}"
        loaded = load(text, PASSWORD="a/b#c?d@e", HOST="10.0.0.5", PATH_IN_CAMERA="live/1")
        assert loaded.config.cameras["a"].source == "rtsp://viewer:a%2Fb%23c%3Fd%40e@10.0.0.5/live/1"

    def test_the_process_environment_is_the_default(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "cameras.yaml"
        path.write_text('cameras: {a: {source: "rtsp://${REID_TEST_HOST}/1"}}')
        monkeypatch.setenv("REID_TEST_HOST", "host")
        assert load_config(path).config.cameras["a"].source == "rtsp://host/1"


class TestHash:
    TEXT = """
        cameras:
          lobby:
            source: rtsp://viewer:{password}@10.0.0.5/stream?channel=1&password={password}
    """

    def test_it_is_the_same_in_every_folder_and_layout(self, load: Load, tmp_path: Path) -> None:
        other = tmp_path / "elsewhere" / "c.yaml"
        other.parent.mkdir()
        other.write_text('{"detector": {"every": 1}, "cameras": {"lobby": {"source": "lobby.mp4"}}}')
        assert load_config(other).sha256 == load(SMALLEST).sha256

    def test_it_changes_with_a_setting(self, load: Load) -> None:
        assert load(SMALLEST + "    detector: {every: 2}\n").sha256 != load(SMALLEST).sha256

    def test_it_does_not_depend_on_passwords(self, load: Load) -> None:
        literal = {load(self.TEXT.replace("{password}", secret)).sha256 for secret in ("one", "two")}
        from_environment = {load(self.TEXT.replace("{password}", "${P}"), P=secret).sha256 for secret in ("one", "two")}
        assert len(literal | from_environment) == 1

    @pytest.mark.parametrize("secret", ["hunter2", "p@ss/w:rd", "ünïcode"])
    def test_nothing_that_can_be_printed_holds_a_password(self, load: Load, secret: str) -> None:
        written = load(self.TEXT.replace("{password}", secret))
        taken = load(self.TEXT.replace("{password}", "${P}"), P=secret)
        for loaded in (written, taken):
            assert secret in str(loaded.config.cameras["lobby"].source)
            assert secret not in repr(loaded) + repr(loaded.config) + json.dumps(loaded.public, ensure_ascii=False)


class TestWarnings:
    def test_a_start_without_zone(self, load: Load, tmp_path: Path) -> None:
        loaded = load("cameras:\n  a:\n    source: a.mp4\n    start: 2026-03-01 09:00:00\n")
        assert loaded.warnings == (
            f"{tmp_path}/cameras.yaml:4: cameras.a.start: no time zone given, read as UTC; add Z or +02:00",
        )
        start = loaded.config.cameras["a"].start
        assert start is not None
        assert start.utcoffset() == timedelta(0)

    def test_two_cameras_with_one_source(self, load: Load, tmp_path: Path) -> None:
        loaded = load("cameras:\n  a: {source: a.mp4}\n  b: {source: a.mp4}\n")
        assert loaded.warnings == (f"{tmp_path}/cameras.yaml:3: cameras.b.source: camera a has the same source",)

    def test_none(self, load: Load) -> None:
        assert load(SMALLEST).warnings == ()
