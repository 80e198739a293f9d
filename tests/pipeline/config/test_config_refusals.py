"""What is wrong with a cameras.yaml is said with its line, and all at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reid_pipeline.config.loader import load_config
from reid_pipeline.config.models import Camera, Config, TravelTime
from reid_pipeline.errors import ConfigError

Refusal = Callable[..., list[str]]


def test_an_unknown_key_with_the_nearest_known_one(refusal: Refusal) -> None:
    text = """\
        cameras:
          lobby:
            sorce: lobby.mp4
    """
    assert refusal(text) == ["3: cameras.lobby.sorce: unknown key; did you mean source?"]


def test_an_unknown_key_like_no_other_lists_what_is_known(refusal: Refusal) -> None:
    text = "cameras: {a: {source: a, neighbors: {b: {min_s: 1, max_s: 2, x: 3}}}, b: {source: b}}"
    assert refusal(text) == ["1: cameras.a.neighbors.b.x: unknown key; known here: min_s, max_s"]


def test_an_unknown_section(refusal: Refusal) -> None:
    assert refusal("cameras: {a: {source: a}}\ntrakcer: {}\n") == ["2: trakcer: unknown key; did you mean tracker?"]


def test_two_cameras_of_one_name(refusal: Refusal) -> None:
    text = """\
        cameras:
          lobby: {source: a.mp4}
          street: {source: b.mp4}
          lobby: {source: c.mp4}
    """
    assert refusal(text) == ["4: cameras.lobby: given twice, first in line 2; keep one"]


def test_a_setting_given_twice(refusal: Refusal) -> None:
    text = "cameras:\n  a:\n    source: a.mp4\n    source: b.mp4\n"
    assert refusal(text) == ["4: cameras.a.source: given twice, first in line 3; keep one"]


@pytest.mark.parametrize(
    ("camera", "problem"),
    [
        ("{source: [a, b]}", "source: expected text or a whole number, got a list"),
        ("{source: null}", "source: expected text or a whole number, got nothing"),
        ("{source: true}", "source: expected text or a whole number, got true"),
        ("{source: 1.5}", "source: expected text or a whole number, got 1.5"),
        ("{source: ''}", "source: expected some text or a whole number, got ''"),
        ("{source: -1}", "source: expected text or at least 0, got -1"),
        ("{source: a, fps: '10'}", "fps: expected a number, got '10'"),
        ("{source: a, fps: 010}", "fps: expected a number, got '010'"),
        ("{source: a, fps: .nan}", "fps: expected a number, got '.nan'"),
        ("{source: a, fps: 0}", "fps: expected more than 0, got 0"),
        ("{source: a, fps: 1e400}", "fps: expected a finite number, got inf"),
        ("{source: a, timeout_s: 9999}", "timeout_s: expected at most 3600, got 9999"),
        ("{source: a, start: yesterday}", "start: expected a time such as 2026-03-01T09:00:00Z, got 'yesterday'"),
        ("{source: a, start: 2026-13-01T00:00:00Z}", "start: expected a time such as 2026-03-01T09:00:00Z, got '2026"),
        ("{source: a, transport: tpc}", "transport: expected 'tcp' or 'udp', got 'tpc'"),
        ("{source: a, overlaps: b}", "overlaps: expected a list, got 'b'"),
        ("{source: a, overlaps: [1]}", "overlaps[0]: expected text, got 1"),
        ("{source: a, overlaps: [x]}", "overlaps: there is no camera x; cameras are b, a"),
        ("{source: a, overlaps: [a]}", "overlaps: a camera cannot name itself"),
        ("{source: a, neighbors: [b]}", "neighbors: expected a map, got a list"),
        ("{source: a, neighbors: {b: 3}}", "neighbors.b: expected a map, got 3"),
        ("{source: a, neighbors: {b: {min_s: 1}}}", "neighbors.b.max_s: this key is required and missing; add it"),
        ("{source: a, neighbors: {b: {min_s: 5, max_s: 2}}}", "neighbors.b: expected min_s <= max_s, got 5 > 2"),
        ("{source: a, neighbors: {x: {min_s: 1, max_s: 2}}}", "neighbors.x: there is no camera x; cameras are b, a"),
        ("{source: a, homography: [[1, 0], [0, 1]]}", "homography: expected three rows of three numbers"),
        ("{source: a, homography: 5}", "homography: expected three rows of three numbers"),
        ("{source: a, homography: [[1,0,x],[0,1,0],[0,0,1]]}", "homography[0][2]: expected a number, got 'x'"),
        ("{source: a, homography: [[1,0,0],[2,0,0],[0,0,1]]}", "homography: expected a matrix that can be inverted"),
        ("a.mp4", " expected a map, got 'a.mp4'"),
        ("", " expected a map, got nothing"),
    ],
)
def test_a_wrong_setting_of_a_camera(refusal: Refusal, camera: str, problem: str) -> None:
    (line,) = refusal(f"cameras:\n  b: {{source: b}}\n  a: {camera}\n")
    joint = ":" if problem.startswith(" ") else "."
    assert line.startswith(f"3: cameras.a{joint}{problem}")


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("detector: {confidence: 1.5}", "detector.confidence: expected less than 1, got 1.5"),
        ("detector: {every: 1.5}", "detector.every: expected a whole number, got 1.5"),
        ("detector: {every: 0}", "detector.every: expected at least 1, got 0"),
        ("detector: {detections: {a: f}}", "detector.detections: only used with `model: recorded`, got model yolox"),
        ("detector: {model: recorded}", "detector.detections: expected a file for every camera, got none for a"),
        (
            "detector: {model: recorded, detections: {a: f, x: g}}",
            "detector.detections.x: there is no camera x; cameras are a",
        ),
        ("tracker: {algorithm: deepsort}", "tracker.algorithm: expected 'bytetrack', 'botsort' or 'ocsort', got 'dee"),
        ("association: {match: 0.6, update: 0.5}", "association: expected update >= match, got 0.5 < 0.6"),
        (
            "gallery: {store: gallery.db}",
            "gallery.store: expected sqlite:///FILE, postgresql://USER:PASSWORD@HOST/DATABASE or memory://, got "
            "'gallery.db'",
        ),
        ("gallery: {retention: 72 hours}", "gallery.retention: expected a duration such as 30m, 72h or 7d, got '72 h"),
        ("gallery: {retention: 0h}", "gallery.retention: expected a duration such as 30m, 72h or 7d, got '0h'"),
        ("output: {video: on}", "output.video: expected true or false, got 'on'"),
        ("output: {video: 1}", "output.video: expected true or false, got 1"),
        ("output: out", "output: expected a map, got 'out'"),
    ],
)
def test_a_wrong_setting_of_a_section(refusal: Refusal, section: str, problem: str) -> None:
    (line,) = refusal(f"cameras:\n  a: {{source: a}}\n{section}\n")
    assert line.startswith(f"3: {problem}")


@pytest.mark.parametrize("name", ["a b", "a/b", "a:b", "Süd", "''", "~x"])
def test_a_camera_name_that_would_not_do_in_ids_and_files(refusal: Refusal, name: str) -> None:
    (line,) = refusal(f"cameras:\n  {name}: {{source: a}}\n")
    assert line.startswith(f"2: cameras.{name.strip(chr(39))}: expected a name of letters, digits, - and _, got ")


def test_cameras_named_like_settings_get_the_right_suggestions(refusal: Refusal) -> None:
    text = "cameras:\n  source: {source: a}\n  neighbors: {source: a, min_s: 1, transprot: tcp}\n"
    assert refusal(text) == [
        "3: cameras.neighbors.min_s: unknown key; "
        "known here: source, start, neighbors, overlaps, homography, fps, offset_s, timeout_s, transport",
        "3: cameras.neighbors.transprot: unknown key; did you mean transport?",
    ]


def test_all_problems_come_at_once_in_the_order_of_the_file(refusal: Refusal) -> None:
    text = """\
        output: {vidoe: true}
        cameras:
          a:
            fps: -1
            source: ${UNSET}
          b: {source: b.mp4, overlaps: [c, d]}
        tracker: {lost_s: long}
    """
    assert refusal(text) == [
        "1: output.vidoe: unknown key; did you mean video?",
        "4: cameras.a.fps: expected more than 0, got -1",
        "5: cameras.a.source: the environment variable UNSET is not set; set it before starting",
        "7: tracker.lost_s: expected a number, got 'long'",
    ]


def test_no_cameras(refusal: Refusal) -> None:
    assert refusal("cameras: {}\n") == ["1: cameras: expected at least 1, got an empty map"]
    assert refusal("detector:\n  every: 1\n") == ["1: cameras: this key is required and missing; add it"]
    assert refusal("\ncameras:\n") == ["2: cameras: this key is required and missing; add it"]


def test_a_reference_that_is_no_name(refusal: Refusal) -> None:
    text = 'cameras: {a: {source: "${not a name}"}}'
    assert refusal(text) == [
        "1: cameras.a.source: expected ${NAME}, got ${not a name}; write $${ for a literal ${",
    ]


def test_a_value_from_the_environment_is_shown_as_written(refusal: Refusal) -> None:
    text = 'cameras: {a: {source: a, fps: "${SECRET}"}}'
    assert refusal(text, SECRET="hunter2") == ["1: cameras.a.fps: expected a number, got ${SECRET}"]


def test_a_password_is_not_in_the_message(refusal: Refusal) -> None:
    (line,) = refusal('cameras: {a: {source: a, start: "rtsp://u:hunter2@h/1"}}')
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cameras: {a: {source: a}\n", "2:1: not valid YAML: "),
        ("cameras:\n  a:\n\tsource: a\n", "3:1: not valid YAML: "),
        ("cameras: [\n", "2:1: not valid YAML: "),
        ("a: 1\n---\nb: 2\n", "2:1: not valid YAML: "),
        ("cameras: *nothing\n", "1:10: not valid YAML: "),
        ("cameras: {a: {source: ${X}}}\n", "1:24: not valid YAML: "),
        ("", "1: the file is empty; expected a map with the key cameras"),
        ("# nothing yet\n", "1: the file is empty; expected a map with the key cameras"),
        ("\n- a\n", "2: expected a map with the key cameras at the top"),
        ("lobby.mp4", "1: expected a map with the key cameras at the top"),
        ("cameras:\n  a: {source: a\x00}\n", "2: expected text, got the control character"),
        ("cameras: {a: {source: !!binary aGk=}}", "1: cameras.a.source: the tag tag:yaml.org,2002:binary is not under"),
        ("cameras: {[a]: {source: a}}", "1: cameras: expected a plain name as key, got a list or map"),
    ],
)
def test_text_that_is_no_configuration(refusal: Refusal, text: str, message: str) -> None:
    assert refusal(text)[0].startswith(message)


def test_braces_around_a_reference_are_explained(refusal: Refusal) -> None:
    (line,) = refusal("cameras: {a: {source: ${X}}}\n")
    assert line.endswith("put quotes around values with ${...} inside braces")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "cameras: &a {a: *a}",
        "a: &a [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1 or chr(0)}'] * 9)}]\n" for n in range(1, 9)),
    ],
    ids=["deep", "recursive", "exploding"],
)
def test_text_made_to_eat_memory(refusal: Refusal, text: str) -> None:
    (line,) = refusal(text.replace("*a\x00", "*a"))
    assert line.endswith(" nested too deeply, or anchors that repeat themselves")


class TestFiles:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"x\.yaml: no such file; write one with `reid-pipeline config init"):
            load_config(tmp_path / "x.yaml")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="expected a YAML file, got a folder"):
            load_config(tmp_path)

    def test_a_file_in_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "x").touch()
        with pytest.raises(ConfigError, match="cannot be read: Not a directory"):
            load_config(tmp_path / "x" / "y.yaml")

    def test_not_utf_8(self, tmp_path: Path) -> None:
        path = tmp_path / "cameras.yaml"
        path.write_bytes("cameras:\n  # Süd\n".encode("latin-1"))
        with pytest.raises(ConfigError, match=r"cameras\.yaml:2: expected UTF-8 text"):
            load_config(path)

    def test_a_byte_order_mark_does_no_harm(self, tmp_path: Path) -> None:
        path = tmp_path / "cameras.yaml"
        path.write_bytes("cameras: {a: {source: 0}}".encode("utf-8-sig"))
        assert load_config(path).config.cameras["a"].source == 0

    def test_a_video_in_its_place(self, tmp_path: Path) -> None:
        path = tmp_path / "clip.mp4"
        path.write_bytes(b"\x00" * 5_000_000)
        with pytest.raises(ConfigError, match="expected a YAML file, got more than 4 MB of something else"):
            load_config(path)


def test_a_configuration_made_in_python_is_checked_too() -> None:
    walk = {"street": TravelTime(min_s=1, max_s=2)}
    with pytest.raises(ValueError, match=r"cameras\.a\.neighbors\.street: there is no camera street; cameras are a"):
        Config(cameras={"a": Camera(source="a.mp4", neighbors=walk)})
