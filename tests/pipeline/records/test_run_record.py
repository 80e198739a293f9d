from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from reid_pipeline.errors import RecordError
from reid_pipeline.records.run_record import CameraHealth, RunRecord, RunState, write_run_record

RECORD = RunRecord(
    id="r1",
    mode="run",
    config_sha256="c0ffee",
    state=RunState.RUNNING,
    started_ns=1_772_355_600_000_000_000,
    cameras={
        "street": CameraHealth("street.mp4", 0, 0, 0, 0, "street.mp4: the file is empty"),
        "lobby": CameraHealth("rtsp://viewer:***@10.0.0.5/1", 400, 3, 1, 1),
    },
)


def test_a_running_run_has_no_end(tmp_path: Path) -> None:
    write_run_record(tmp_path / "run.json", RECORD)
    got = json.loads((tmp_path / "run.json").read_text())
    assert (got["state"], got["stopped"], got["frames"]) == ("running", None, 400)
    assert got["started"] == "2026-03-01T09:00:00.000Z"
    assert got["cameras"]["street"]["error"] == "street.mp4: the file is empty"
    assert got["versions"]["python"]
    assert got["versions"]["numpy"]


def test_a_finished_run_has_its_speed(tmp_path: Path) -> None:
    finished = dataclasses.replace(
        RECORD, state=RunState.FINISHED, stopped_ns=RECORD.started_ns + 8_000_000_000, stages={"detect": 6.25}
    )
    write_run_record(tmp_path / "run.json", RECORD)
    write_run_record(tmp_path / "run.json", finished)
    got = json.loads((tmp_path / "run.json").read_text())
    assert (got["state"], got["seconds"], got["fps"], got["stages"]) == ("finished", 8.0, 50.0, {"detect": 6.25})


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(RecordError, match=r"out/run\.json: cannot be written"):
        write_run_record(tmp_path / "out" / "run.json", RECORD)
