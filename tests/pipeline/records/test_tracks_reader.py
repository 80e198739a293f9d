from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reid_pipeline.errors import RecordError
from reid_pipeline.records.tracks import read_tracks


def refusal(path: Path) -> str:
    with pytest.raises(RecordError) as error:
        read_tracks(path)
    text = str(error.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


def put(*keys: str | int, value: object) -> Callable[[Any], None]:
    """A change that sets the value at the end of the keys."""

    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change


def drop(*keys: str | int) -> Callable[[Any], None]:
    """A change that removes the value at the end of the keys."""

    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        del document[keys[-1]]

    return change


FRAME = ("tracklets", 0, "frames", 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("schema", value="coco"), 'schema: expected "reid-pipeline/tracks", got "coco"'),
        (put("schema_version", value=2), "schema_version: expected at most 1, got 2; upgrade"),
        (drop("run"), "run: missing"),
        (drop("run", "models", "encoder", "name"), "run.models.encoder.name: missing"),
        (put("run", "epoch", value="yesterday"), "run.epoch: expected an ISO 8601 time"),
        (put("run", "deterministic", value=1), "run.deterministic: expected true or false, got 1"),
        (put("cameras", value={}), "cameras: expected a list, got {}"),
        (put("cameras", 0, "width", value=True), "cameras[0].width: expected a whole number, got true"),
        (put("cameras", 0, "id", value="lobby"), "cameras[1].id: 'lobby' is there twice"),
        (put("identities", 0, "state", value="sure"), "identities[0].state: expected provisional or confirmed"),
        (put("identities", 0, "tracklets", value=["a:9"]), "identities[0].tracklets: 'a:9' is not among the tracklets"),
        (put("tracklets", 0, "identity", value="P9"), "tracklets[0].identity: 'P9' is not among the identities"),
        (put("tracklets", 1, "id", value="lobby:9"), 'tracklets[1].id: expected "lobby:1", got "lobby:9"'),
        (put("tracklets", 1, "id", value="lobby"), "tracklets[1].id: expected camera:track_id"),
        (drop("cameras", 0), "tracklets[0].camera: 'street' is not among the cameras"),
        (drop("tracklets", 0, "margin"), "tracklets[0].margin: missing"),
        (drop("tracklets", 0, "frames"), "tracklets[0].frames: missing"),
        (put("tracklets", 0, "frames", value=[]), "tracklets[0].frames: expected at least one frame"),
        (put("tracklets", 0, "frames", value="12"), "tracklets[0].frames: expected a list"),
        (put(*FRAME, "frame", value=0), "tracklets[0].frames: expected frames in rising order"),
        (drop(*FRAME, "bbox"), "tracklets[0].frames[2].bbox: missing"),
        (put(*FRAME, "bbox", value=[1, 2, 3]), "tracklets[0].frames[2].bbox: expected x, y, width and height"),
        (put(*FRAME, "bbox", 1, value="2"), 'tracklets[0].frames[2].bbox[1]: expected a number, got "2"'),
        (put(*FRAME, "frame", value=2.5), "tracklets[0].frames[2].frame: expected a whole number, got 2.5"),
        (put(*FRAME, "time", value=None), "tracklets[0].frames[2].time: expected a number, got null"),
        (put(*FRAME, "frame", value=1 << 80), "tracklets[0].frames: expected frames with numbers that fit 64 bits"),
        (put("links", 0, "evidence", "time", value="x"), 'links[0].evidence.time: expected a number, got "x"'),
        (put("events", 0, value=7), "events[0]: expected an object, got 7"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tracks_path: Path, change: Callable[[Any], None], message: str) -> None:
    document = json.loads(tracks_path.read_text())
    change(document)
    tracks_path.write_text(json.dumps(document))
    assert message in refusal(tracks_path)


@pytest.mark.parametrize("content", [b"", b"frame,id\n1,2\n", b"\xff\xfe\0", b"[" * 100_000, b'{"schema": NaN}'])
def test_a_file_that_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tracks.json"
    path.write_bytes(content)
    assert "expected tracks.json, but this is not JSON" in refusal(path)


def test_a_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tracks.json"
    path.write_text("[]")
    assert refusal(path) == "the document: expected an object, got []"


def test_a_cut_file_is_refused(tracks_path: Path) -> None:
    content = tracks_path.read_bytes()
    tracks_path.write_bytes(content[: len(content) // 2])
    assert "was it cut off?" in refusal(tracks_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tracks.json"
    assert refusal(path) == "cannot be read: No such file or directory; check the path"
    with pytest.raises(RecordError, match=r"tracks\.json: cannot be read"):
        read_tracks(tmp_path)


def test_additions_of_others_are_passed_over(tracks_path: Path) -> None:
    document = json.loads(tracks_path.read_text())
    document["notes"] = "checked by eye"
    document["tracklets"][0]["frames"][0]["pose"] = [1, 2]
    tracks_path.write_text(json.dumps(document, indent=1))
    assert len(read_tracks(tracks_path).tracklets) == 4
