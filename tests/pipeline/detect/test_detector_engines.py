"""A detector on TensorRT: what watches while its engine is built, and afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fake_tensorrt import Lines, held, install
from reid_engines.backends import FirstBuild
from reid_engines.store import MODELS_VARIABLE
from reid_pipeline.detect.protocol import Detector
from reid_pipeline.detect.table import DetectorOptions, open_detector
from reid_pipeline.types import Frame

MakeModel = Callable[..., Path]
Show = Callable[..., Frame]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))


def corners(detector: Detector, frame: Frame) -> list[list[float]]:
    (found,) = detector.submit([frame]).result(timeout=30)
    return [row[:2] for row in found.xyxy.round(1).tolist()]


def test_a_live_run_sees_people_while_the_engine_is_built(
    make_model: MakeModel, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, lines = install(monkeypatch), Lines()
    go = held(fake)
    options = DetectorOptions(str(make_model("anchors", batch="N")), confidence=0.5)
    detector = open_detector(options, first_build=FirstBuild(lines.note, in_background=True))
    assert corners(detector, show((16, 24))) == [[16, 24]]
    assert fake.gpu.log == []
    go.set()
    lines.wait_for("the run goes on with tensorrt instead of openvino")
    assert corners(detector, show((40, 40))) == [[40, 40]]
    assert "execute 1" in fake.gpu.log
    detector.close()


def test_a_replay_waits_for_the_engine(make_model: MakeModel, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """And only one is built, even where a trial has to show what the outputs look like."""
    fake, lines = install(monkeypatch), Lines()
    model = make_model("anchors", batch="N", show_shapes=False)
    detector = open_detector(DetectorOptions(str(model), confidence=0.5), first_build=FirstBuild(lines.note))
    assert lines.lines[0] == "model.onnx: backend tensorrt (the first of the installed backends)"
    assert len(fake.builds) == 1
    assert corners(detector, show((16, 24))) == [[16, 24]]
    assert "execute 1" in fake.gpu.log
    detector.close()
