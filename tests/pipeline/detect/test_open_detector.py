from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from reid_engines.errors import BackendError, ModelFileError, SpecError, UnknownModel
from reid_pipeline.detect.table import DetectorOptions, open_detector
from reid_pipeline.detect.yolo import YoloDetector
from reid_pipeline.errors import ConfigError
from reid_pipeline.types import Frame

MakeModel = Callable[..., Path]
Show = Callable[..., Frame]


def write_brightness_model(path: Path) -> Path:
    """A network with open input size: one row in the `final` layout, the whole input with its brightness as score."""
    zero, one, three = (numpy_helper.from_array(np.array([i]), f"at{i}") for i in (0, 1, 3))
    nodes = [
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("Gather", ["shape", "sides"], ["size"]),
        helper.make_node("Cast", ["size"], ["corner"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Reshape", ["mean", "at1"], ["score"]),
        helper.make_node("Concat", ["origin", "corner", "score", "label"], ["row"], axis=0),
        helper.make_node("Reshape", ["row", "rows"], ["output"]),
    ]
    constants = [
        *(zero, one, three),
        numpy_helper.from_array(np.array([3, 2]), "sides"),
        numpy_helper.from_array(np.zeros(2, np.float32), "origin"),
        numpy_helper.from_array(np.zeros(1, np.float32), "label"),
        numpy_helper.from_array(np.array([1, 1, 6]), "rows"),
    ]
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "height", "width"])]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 6])]
    graph = helper.make_graph(nodes, "brightness", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def opened(model: Path, frame_sizes: list[tuple[int, int]] | None = None, **options: object) -> YoloDetector:
    detector = open_detector(DetectorOptions(str(model), **options), frame_sizes=frame_sizes or [])  # type: ignore[arg-type]
    assert isinstance(detector, YoloDetector)
    return detector


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
@pytest.mark.parametrize(
    ("sizes", "network"),
    [
        ([], (640, 640)),
        ([(1288, 728)], (640, 384)),
        ([(1288, 728), (768, 576)], (640, 480)),
        ([(360, 640)], (384, 640)),
        ([(640, 360), (360, 640)], (640, 640)),
    ],
)
def test_open_input_size_leaves_out_needless_padding(
    tmp_path: Path, backend: str, sizes: list[tuple[int, int]], network: tuple[int, int]
) -> None:
    detector = opened(write_brightness_model(tmp_path / "model.onnx"), sizes, backend=backend)
    frames = [Frame("lobby", 0, 0, np.full((height, width, 3), 255, np.uint8)) for width, height in sizes]
    found = detector.submit(frames).result(timeout=30)
    assert [boxes.xyxy[0].tolist() for boxes in found] == [[0, 0, *size] for size in sizes]
    empty = detector.submit([Frame("lobby", 0, 0, np.zeros((8, 8, 3), np.uint8))]).result(timeout=30)
    assert [len(boxes) for boxes in empty] == [0]
    detector.close()


@pytest.mark.parametrize("batch", [1, 3, 4])
def test_frames_of_several_cameras_share_a_batch(make_model: MakeModel, show: Show, batch: int) -> None:
    detector = opened(make_model("anchors", batch="N"), batch=batch, confidence=0.5)
    assert detector.batch == batch
    frames = [
        show((16, 24)),
        show((80, 16), width=128, height=128, camera="street"),  # half its size in the network, so 4x4 there
        show(camera="yard"),
        show((8, 8), camera="hall", width=64, height=32),
        show((40, 40)),
    ]
    found = detector.submit(frames).result(timeout=30)
    assert [boxes.xyxy.round(2).tolist() for boxes in found] == [
        [[16, 24, 24, 32]], [], [], [[8, 8, 16, 16]], [[40, 40, 48, 48]]
    ]  # fmt: skip
    detector.close()


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("layout", ["anchors", "final"])
def test_layout_is_found_out_where_the_file_does_not_say(
    make_model: MakeModel, show: Show, backend: str, layout: str
) -> None:
    detector = opened(make_model(layout, batch="N", show_shapes=False), backend=backend, confidence=0.5)
    (found,) = detector.submit([show((16, 24))]).result(timeout=30)
    assert found.xyxy.tolist() == [[16, 24, 24, 32]]
    detector.close()


def test_model_without_a_spec_follows_its_family(make_model: MakeModel, show: Show) -> None:
    """The network looks at its first channel alone: red for an Ultralytics layout, blue for a YOLOX one."""
    image = show((16, 24)).image.copy()
    image[..., 1:] = 0
    blue, red = Frame("lobby", 0, 0, image), Frame("lobby", 1, 1, np.ascontiguousarray(image[..., ::-1]))
    for layout, full_scale, counts in (("anchors", 1.0, [0, 1]), ("objectness", 255.0, [1, 0])):
        detector = opened(make_model(layout, full_scale=full_scale), confidence=0.5)
        assert [len(boxes) for boxes in detector.submit([blue, red]).result(timeout=30)] == counts
        detector.close()


def test_spec_beside_the_model_goes_first(make_model: MakeModel, show: Show) -> None:
    model = make_model("anchors", full_scale=255.0)
    model.with_suffix(".yaml").write_text("kind: detector\ninput: {std: 1}\ndetector: {letterbox: topleft}\n")
    detector = opened(model, confidence=0.5)
    (found,) = detector.submit([show((8, 8), width=64, height=32)]).result(timeout=30)
    assert found.xyxy.tolist() == [[8, 8, 16, 16]]
    assert found.score.tolist() == [1.0]
    detector.close()


def test_person_class_comes_from_the_model_or_its_spec(make_model: MakeModel) -> None:
    model = make_model("anchors", names={0: "cat", 1: "dog"})
    with pytest.raises(ModelFileError, match=r"model: expected a detector with a class called person .* \(cat, dog\)"):
        opened(model)
    model.with_suffix(".yaml").write_text("kind: detector\ndetector: {person_class: 0}\n")
    opened(model).close()


def test_layout_may_be_named_by_the_spec(make_model: MakeModel) -> None:
    model = make_model("anchors")
    spec = model.with_suffix(".yaml")
    spec.write_text("kind: detector\ndetector: {head: anchors}\n")
    opened(model).close()
    spec.write_text("kind: detector\ndetector: {head: ssd}\n")
    with pytest.raises(SpecError, match=r"detector\.head: expected one of anchors, final, .*, got ssd"):
        opened(model)


def test_checkpoint_must_be_exported_first() -> None:
    with pytest.raises(ConfigError, match=r"got the checkpoint best\.pt; run: reid-pipeline engines build best\.pt"):
        open_detector(DetectorOptions("best.pt"))


def test_encoder_is_refused_with_its_outputs(make_model: MakeModel) -> None:
    with pytest.raises(ModelFileError, match=r"got \w+ \[1, 3\]; export the model as a detector"):
        opened(make_model("vector"))


def test_unknown_name_and_backend_are_refused(make_model: MakeModel) -> None:
    with pytest.raises(UnknownModel, match="yolox-tiny"):
        open_detector(DetectorOptions("yolox-tini"))
    with pytest.raises(BackendError, match="expected auto or one of tensorrt, openvino"):
        opened(make_model("anchors"), backend="tarot")
