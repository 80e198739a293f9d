from __future__ import annotations

import numpy as np
import pytest

from reid_engines.errors import ModelFileError
from reid_engines.protocol import Port
from reid_pipeline.detect.heads import HEADS, Query, decode_objectness, person_class, recognise

QUERY = Query(person=1, confidence=0.5, width=64, height=64)
ANCHORS = 84  # 8x8 + 4x4 + 2x2 cells


def ports(*shapes: tuple[int | None, ...]) -> list[Port]:
    return [Port(f"out{i}", shape, "float32") for i, shape in enumerate(shapes)]


@pytest.mark.parametrize(
    ("shapes", "layout"),
    [
        ([(1, 84, 8400)], "anchors"),
        ([(None, 84, None)], "anchors"),
        ([(1, 5, 8400)], "anchors"),
        ([(1, 6, 8400)], "anchors"),
        ([(1, 300, 6)], "final"),
        ([(None, None, 6)], "final"),
        ([(1, 8400, 85)], "objectness"),
        ([(1, 8400, 6)], "objectness"),
        ([(1, None, 85)], "objectness"),
        ([(1, 25200, 85)], "triple"),
        ([(1, None, 5), (1, None)], "labelled"),
        ([(1, 100), (1, 100, 5)], "labelled"),
    ],
)
def test_recognises_layouts_by_their_shapes(shapes: list[tuple[int | None, ...]], layout: str) -> None:
    assert recognise(ports(*shapes), width=640, height=640, model="m").name == layout


@pytest.mark.parametrize("shapes", [[(1, 256)], [(1, 84, 8399)], [(1, 1, 200, 7)], [(1, 8400, 5)], [], [(1, 4, 8400)]])
def test_unknown_layouts_are_refused_with_what_was_found(shapes: list[tuple[int | None, ...]]) -> None:
    with pytest.raises(ModelFileError, match=r"my\.onnx: expected the outputs of a YOLO detector") as caught:
        recognise(ports(*shapes), width=640, height=640, model="my.onnx")
    assert "\n" not in str(caught.value)
    for shape in shapes:
        assert str(list(shape)) in str(caught.value)


def decode(layout: str, *outputs: object) -> list[list[float]]:
    found = HEADS[layout].decode([np.asarray(output, np.float32) for output in outputs], QUERY)
    rows = np.column_stack([found.xyxy, found.score]).astype(np.float64).round(4)
    return [[float(value) for value in row] for row in rows]


def test_anchors_keep_confident_people() -> None:
    columns = [
        [10, 20, 4, 6, 0.1, 0.9],
        [10, 20, 4, 6, 0.1, 0.4],  # not sure enough
        [10, 20, 4, 6, 0.8, 0.7],  # more probably of class 0
        [30, 30, 2, 2, 0.0, 0.5],  # just sure enough
    ]
    assert decode("anchors", np.array(columns).T) == [[8, 17, 12, 23, 0.9], [29, 29, 31, 31, 0.5]]


def test_final_rows_keep_confident_people() -> None:
    rows = [[1, 2, 3, 4, 0.9, 1], [1, 2, 3, 4, 0.9, 0], [1, 2, 3, 4, 0.4, 1], [0, 0, 0, 0, 0, 0]]
    assert decode("final", rows) == [[1, 2, 3, 4, 0.9]]


def test_labelled_rows_keep_confident_people_in_either_order() -> None:
    rows, labels = [[1, 2, 3, 4, 0.9], [5, 6, 7, 8, 0.9], [5, 6, 7, 8, 0.4]], [1, 0, 1]
    assert decode("labelled", rows, labels) == decode("labelled", labels, rows) == [[1, 2, 3, 4, 0.9]]


def test_objectness_multiplies_the_class_score() -> None:
    rows = [[40, 40, 4, 6, 0.9, 0.1, 0.8], [40, 40, 4, 6, 0.6, 0.1, 0.8], [40, 40, 4, 6, 0.9, 0.9, 0.8]]
    assert decode("triple", rows) == [[38, 37, 42, 43, 0.72]]


def test_raw_and_decoded_grids_agree() -> None:
    raw = np.zeros((ANCHORS, 7), np.float32)
    raw[:, :2] = 0.25
    raw[:, 2:4] = np.log(1.5)
    raw[:, 4:] = [1.0, 0.0, 1.0]
    stride = np.repeat([8, 16, 32], [64, 16, 4])[:, None]
    cell = np.concatenate([np.stack(np.meshgrid(range(n), range(n)), -1).reshape(-1, 2) for n in (8, 4, 2)])
    decoded = raw.copy()
    decoded[:, :2] = (raw[:, :2] + cell) * stride
    decoded[:, 2:4] = 1.5 * stride
    one, other = decode_objectness([raw], QUERY), decode_objectness([decoded], QUERY)
    np.testing.assert_allclose(one.xyxy, other.xyxy, rtol=1e-5)
    assert len(one.score) == ANCHORS


@pytest.mark.parametrize("layout", HEADS)
def test_nan_is_left_for_the_caller_to_count(layout: str) -> None:
    nan = float("nan")
    outputs: dict[str, list[object]] = {
        "anchors": [np.array([[10, 20, 4, 6, 0.1, nan], [10, nan, 4, 6, 0.1, 0.9]]).T],
        "final": [[[1, 2, 3, 4, nan, 1], [nan, 2, 3, 4, 0.9, 1]]],
        "objectness": [[[40, 40, 4, 6, nan, 0.1, 0.8], [nan, 40, 4, 6, 0.9, 0.1, 0.8]]],
        "triple": [[[40, 40, 4, 6, nan, 0.1, 0.8], [nan, 40, 4, 6, 0.9, 0.1, 0.8]]],
        "labelled": [[[1, 2, 3, 4, nan], [1, nan, 3, 4, 0.9]], [1, 1]],
    }
    assert np.isnan(decode(layout, *outputs[layout])).any(axis=1).tolist() == [True, True]


@pytest.mark.parametrize("layout", HEADS)
def test_nothing_found_is_an_empty_answer(layout: str) -> None:
    empty: dict[str, list[object]] = {"anchors": [np.zeros((6, 0))], "labelled": [np.zeros((0, 5)), np.zeros(0)]}
    width = {"final": 6, "objectness": 7, "triple": 7}.get(layout, 0)
    assert decode(layout, *empty.get(layout, [np.zeros((0, width))])) == []


def test_person_class_follows_the_exported_names() -> None:
    assert person_class({"names": "{0: 'car', 1: 'person'}"}, model="m") == 1
    assert person_class({"names": "['car', 'van', 'Pedestrian']"}, model="m") == 2
    assert person_class({"labels": "car traffic_light person"}, model="m") == 2
    assert person_class({"names": "{0: 'visitor'}"}, model="m") == 0
    assert person_class({}, model="m") == 0
    assert person_class({"names": "not python"}, model="m") == 0


def test_detector_without_people_is_refused() -> None:
    with pytest.raises(ModelFileError, match=r"got 2 classes \(cat, dog\); give the class index"):
        person_class({"names": "{0: 'cat', 1: 'dog'}"}, model="pets.onnx")
