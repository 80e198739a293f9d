"""A real network on real footage, where the assets that are not part of the project are at hand."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from reid_pipeline.detect.recorded import RecordedDetector
from reid_pipeline.detect.table import DetectorOptions, open_detector
from reid_pipeline.types import Boxes, Float32, Frame

ASSETS = Path(__file__).parents[4] / "shared" / "assets"
pytestmark = pytest.mark.skipif(not ASSETS.is_dir(), reason="the assets are not part of the project")


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_finds_the_people_of_a_street(backend: str) -> None:
    """YOLOX-nano, whose output is neither decoded nor suppressed, finds most people of PETS2009 (and a lamp post)."""
    with av.open(str(ASSETS / "footage/pets/View_001.mp4")) as video:
        pictures = [picture.to_ndarray(format="bgr24") for picture in islice(video.decode(video=0), 0, 100, 10)]
    frames = [Frame("street", 10 * i, 10**9 * i, np.ascontiguousarray(image)) for i, image in enumerate(pictures)]
    detector = open_detector(DetectorOptions(str(ASSETS / "detectors/yolox_nano.onnx"), 0.4, backend))
    truth = RecordedDetector({"street": ASSETS / "footage/pets/gt_view001.txt"}, 0.0)
    found, expected = (each.submit(frames).result(timeout=60) for each in (detector, truth))
    detector.close()
    hits = sum(matches(a, b) for a, b in zip(found, expected, strict=True))
    assert hits / sum(map(len, expected)) > 0.8
    assert hits / sum(map(len, found)) > 0.7


def matches(found: Boxes, truth: Boxes) -> int:
    """How many true boxes have a found one with at least half of their union in common."""
    return int((overlaps(truth.xyxy, found.xyxy) >= 0.5).any(axis=1).sum()) if len(found) else 0


def overlaps(one: Float32, other: Float32) -> Float32:
    corner = np.minimum(one[:, None, 2:], other[:, 2:]) - np.maximum(one[:, None, :2], other[:, :2])
    shared = np.maximum(corner, 0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    return np.asarray(shared / (areas[0][:, None] + areas[1] - shared), np.float32)
