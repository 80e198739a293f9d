from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future

import numpy as np
import pytest
from numpy.typing import NDArray

from reid_engines.errors import BackendError
from reid_engines.protocol import Port
from reid_pipeline.detect.heads import HEADS, Query
from reid_pipeline.detect.letterbox import Letterbox
from reid_pipeline.detect.yolo import YoloDetector
from reid_pipeline.types import Frame

Show = Callable[..., Frame]
Outputs = tuple[NDArray[np.float32], ...]


class Script:
    """A graph that gives prepared outputs, when it is told to."""

    def __init__(self) -> None:
        self.backend = "script"
        self.input = Port("images", (1, 64, 64, 3), "uint8")
        self.outputs: tuple[Port, ...] = (Port("output", (1, 2, 6), "float32"),)
        self.metadata: Mapping[str, str] = {}
        self.batch = 1
        self.parallel = 8
        self.started: list[Future[Outputs]] = []
        self.closed = False

    def submit(self, images: NDArray[np.uint8]) -> Future[Outputs]:
        assert images.shape == (1, 64, 64, 3)
        self.started.append(Future())
        return self.started[-1]

    def close(self) -> None:
        self.closed = True


def make(graph: Script) -> YoloDetector:
    letterbox = Letterbox(64, 64, center=False)
    return YoloDetector(
        "script", "0" * 64, graph, head=HEADS["final"], query=Query(0, 0.5, 64, 64), letterbox=letterbox
    )


def rows(*values: tuple[float, ...]) -> Outputs:
    return (np.array([values], np.float32),)


def test_rows_that_are_not_finite_are_dropped_and_counted(show: Show) -> None:
    graph = Script()
    detector = make(graph)
    future = detector.submit([show()])
    nan, infinity = float("nan"), float("inf")
    graph.started[0].set_result(
        rows((1, 2, 9, 9, nan, 0), (1, 2, 9, 9, 0.9, 0), (1, 2, infinity, 9, 0.9, 0), (nan, 2, 9, 9, 0.1, 0))
    )
    assert future.result()[0].xyxy.tolist() == [[1, 2, 9, 9]]
    assert detector.broken_rows == 2


def test_boxes_outside_the_picture_are_cut_or_dropped(show: Show) -> None:
    graph = Script()
    future = make(graph).submit([show(width=64, height=32)])
    graph.started[0].set_result(
        rows((-5, -5, 10, 10, 0.9, 0), (10, 20, 30, 60, 0.9, 0), (10, 40, 30, 60, 0.9, 0), (5, 5, 5.5, 30, 0.9, 0))
    )
    assert future.result()[0].xyxy.tolist() == [[0, 0, 10, 10], [10, 20, 30, 32]]


def test_results_keep_the_order_of_the_frames(show: Show) -> None:
    graph = Script()
    future = make(graph).submit([show(), show(), show()])
    for position in (2, 0, 1):
        assert not future.done()
        graph.started[position].set_result(rows((position, 0, position + 5, 5, 0.9, 0)))
    assert [boxes.xyxy[0, 0] for boxes in future.result()] == [0, 1, 2]


def test_failure_of_one_request_is_the_failure_of_the_call(show: Show) -> None:
    graph = Script()
    future = make(graph).submit([show(), show()])
    graph.started[0].set_exception(BackendError("the device is gone"))
    graph.started[1].set_result(rows())
    with pytest.raises(BackendError, match="the device is gone"):
        future.result(timeout=5)


def test_close_frees_the_graph() -> None:
    graph = Script()
    make(graph).close()
    assert graph.closed
