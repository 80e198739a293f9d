from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reid_pipeline.config.loader import load_config
from reid_pipeline.errors import ConfigError, PipelineError
from reid_tools.bench.workload import Pass, Workload, run_json, write_config


def test_config_of_a_workload_is_valid_and_names_its_files(tmp_path: Path) -> None:
    clips = (tmp_path / "day one.mp4", tmp_path / "${HOME}: night.mp4")
    encoder = tmp_path / "own.onnx"
    encoder.touch()
    loaded = load_config(write_config(Workload(clips, encoder=str(encoder)), tmp_path)).config
    assert [camera.source for camera in loaded.cameras.values()] == [str(clip) for clip in clips]
    assert loaded.detector.model == "yolo11n"
    assert loaded.encoder.model == str(encoder)


def test_missing_clips_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected at least one clip, got none"):
        Workload(()).check()
    with pytest.raises(ConfigError, match=r"gone\.mp4: expected a video file"):
        Workload((tmp_path / "gone.mp4",)).check()


def test_a_summary_becomes_a_pass() -> None:
    code = "import json; print(json.dumps({'frames': 30, 'seconds': 1.5, 'people': 2, 'stages': {'detect': 1.0}}))"
    found = Pass.parse(run_json([sys.executable, "-c", code], name="run"))
    assert found == Pass(30, 1.5, 2, {"detect": 1.0})
    assert found.fps == 20.0
    assert Pass(0, 0.0, 0).fps == 0.0


def test_a_failed_run_says_its_last_line() -> None:
    code = "import sys; print('loading', file=sys.stderr); sys.exit('error: no such camera')"
    with pytest.raises(PipelineError, match=r"^bench: run failed: no such camera$"):
        run_json([sys.executable, "-c", code], name="run")
    with pytest.raises(PipelineError, match="exit status 3, no message"):
        run_json([sys.executable, "-c", "raise SystemExit(3)"], name="run")
