from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from reid_pipeline.errors import ConfigError, RecordError
from reid_pipeline.records.export import FORMATS, export, identity_numbers
from reid_pipeline.records.tracks import TracksDocument, read_tracks


@pytest.fixture
def document(tracks_path: Path) -> TracksDocument:
    return read_tracks(tracks_path)


def test_mot_is_a_file_per_camera_with_frames_from_one(document: TracksDocument, tmp_path: Path) -> None:
    report = export(document, "mot", tmp_path / "mot")
    assert report.paths == (tmp_path / "mot" / "street.txt", tmp_path / "mot" / "lobby.txt")
    lobby = report.paths[1].read_text().splitlines()
    assert lobby[:3] == [
        "1,1,10.00,20.00,30.50,100.25,0.9000,-1,-1,-1",
        "1,2,200.00,20.00,30.00,90.00,0.9000,-1,-1,-1",
        "2,1,13.30,20.00,30.50,100.25,0.9000,-1,-1,-1",
    ]
    assert (report.boxes, report.left_out) == (14, 1)
    assert report.note == "1 tracklet without an identity left out: mot has no way to say so"


def test_aicity_is_one_file_of_whole_numbers(document: TracksDocument, tmp_path: Path) -> None:
    report = export(document, "aicity", tmp_path / "a" / "track1.txt")
    lines = report.paths[0].read_text().splitlines()
    assert lines[0] == "1 1 2 17 50 20 50 -1 -1"
    assert lines[4] == "2 1 0 10 20 30 100 -1 -1"
    assert (len(lines), report.left_out) == (14, 1)


def test_csv_has_every_box(document: TracksDocument, tmp_path: Path) -> None:
    report = export(document, "csv", tmp_path / "boxes.csv")
    lines = report.paths[0].read_text().splitlines()
    assert lines[0] == "camera,frame,time,track_id,identity,x,y,width,height,score"
    assert lines[1] == "street,2,0.200,1,P0001,16.60,50.00,20.00,50.00,0.9000"
    assert lines[-1] == "lobby,5,0.500,3,,0.00,5.00,12.00,25.00,0.9000"
    assert (len(lines) - 1, report.boxes, report.note) == (15, 15, "")


def test_json_is_the_same_document_for_people(document: TracksDocument, tracks_path: Path, tmp_path: Path) -> None:
    report = export(document, "json", tmp_path / "pretty.json")
    text = report.paths[0].read_text()
    assert '\n  "id": "P0001",\n' in text
    assert json.loads(text) == json.loads(tracks_path.read_text())


@pytest.mark.parametrize("format", FORMATS)
def test_exports_are_the_same_bytes_each_time(document: TracksDocument, tmp_path: Path, format: str) -> None:
    first = [path.read_bytes() for path in export(document, format, tmp_path / "first").paths]
    second = [path.read_bytes() for path in export(document, format, tmp_path / "second").paths]
    assert first == second


def test_a_camera_without_people_has_an_empty_file(document: TracksDocument, tmp_path: Path) -> None:
    empty = dataclasses.replace(document, tracklets=(), identities=())
    assert [path.read_text() for path in export(empty, "mot", tmp_path / "mot").paths] == ["", ""]


def test_identities_without_numbers_of_their_own_are_counted(document: TracksDocument) -> None:
    first, second = document.identities
    assert identity_numbers(document) == {"P0001": 1, "P0002": 2}
    named = dataclasses.replace(first, id="anna"), dataclasses.replace(second, id="P0002")
    assert identity_numbers(dataclasses.replace(document, identities=named)) == {"anna": 1, "P0002": 2}
    clash = dataclasses.replace(first, id="A7"), dataclasses.replace(second, id="B7")
    assert identity_numbers(dataclasses.replace(document, identities=clash)) == {"A7": 1, "B7": 2}


def test_an_unknown_format_lists_the_known_ones(document: TracksDocument, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected one of json, mot, aicity, csv, got 'xml'"):
        export(document, "xml", tmp_path / "out")


def test_an_output_that_cannot_be_written_is_one_line(document: TracksDocument, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match=r"file/street\.txt: cannot be written"):
        export(document, "mot", tmp_path / "file")
