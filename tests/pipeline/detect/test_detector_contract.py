"""What every detector does, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from reid_pipeline.detect.protocol import Detector
from reid_pipeline.detect.table import DetectorOptions, open_detector
from reid_pipeline.types import Frame

LAYOUTS = {
    "anchors": 1.0,
    "final": 1.0,
    "triple": 1.0,
    "objectness": 255.0,
    "objectness_raw": 255.0,
    "labelled": 255.0,
}
KINDS = [*(f"{backend}/{layout}" for backend in ("openvino", "onnxruntime") for layout in LAYOUTS), "recorded"]


@pytest.fixture(params=KINDS)
def detector(request: pytest.FixtureRequest, tmp_path: Path, make_model: Callable[..., Path]) -> Iterator[Detector]:
    """Finds the squares at (16, 24) and (40, 40) of frame 0 of "lobby", and at (40, 40) of frame 1."""
    if request.param == "recorded":
        file = tmp_path / "lobby.txt"
        file.write_text("1,-1,16,24,8,8,1\n1,-1,40,40,8,8,1\n2,-1,40,40,8,8,1\n")
        options = DetectorOptions("recorded", detections={"lobby": file})
    else:
        backend, layout = request.param.split("/")
        model = make_model(layout, full_scale=LAYOUTS[layout])
        options = DetectorOptions(str(model), confidence=0.5, backend=backend)
    opened = open_detector(options)
    yield opened
    opened.close()


@pytest.fixture
def frames(show: Callable[..., Frame]) -> list[Frame]:
    return [show((16, 24), (40, 40), index=0), show((40, 40), index=1), show(index=2)]


def test_finds_people_where_they_are(detector: Detector, frames: list[Frame]) -> None:
    found = detector.submit(frames).result(timeout=30)
    positions = [sorted(boxes.xyxy.round(3).tolist()) for boxes in found]
    assert positions == [[[16, 24, 24, 32], [40, 40, 48, 48]], [[40, 40, 48, 48]], []]
    assert all((boxes.score > 0.99).all() for boxes in found)


def test_same_frames_give_the_same_bytes(detector: Detector, frames: list[Frame]) -> None:
    def content() -> list[bytes]:
        together = [detector.submit([frame]) for frame in frames * 8]
        return [boxes.xyxy.tobytes() + boxes.score.tobytes() for future in together for boxes in future.result(30)]

    assert content() == content() == content()[:3] * 8


def test_no_frames_give_no_boxes(detector: Detector) -> None:
    assert detector.submit([]).result(timeout=30) == []


def test_says_what_it_is(detector: Detector) -> None:
    assert detector.name
    assert len(detector.sha256) == 64
    assert detector.batch >= 1
    assert detector.parallel >= 1


def test_takes_read_only_pictures(detector: Detector, frames: list[Frame]) -> None:
    image = frames[0].image.copy()
    image.flags.writeable = False
    frozen = Frame("lobby", 0, 0, image)
    (found,) = detector.submit([frozen]).result(timeout=30)
    assert len(found) == 2
    assert np.isfinite(found.xyxy).all()
