"""A YOLO network of any layout as a detector of people."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from threading import Lock

import numpy as np

from reid_engines.futures import then
from reid_engines.protocol import Graph
from reid_pipeline.detect.heads import Head, Query
from reid_pipeline.detect.letterbox import Letterbox, Placement
from reid_pipeline.detect.nms import suppress
from reid_pipeline.types import Boxes, Float32, Frame, as_float32

# Two people are told apart up to this overlap. Measured with YOLO11n at confidence 0.25 on PETS2009 view 1 and on an
# indoor camera: 0.45 and 0.5 give the best F1 (86.0, 93.9); 0.7 wins 0.3 points of recall and loses 5 of precision.
# Networks that need no suppression or have it inside gain as well (YOLO26n 85.5 to 86.2, YOLOX-tiny 87.4 to 88.0).
MAX_IOU = 0.5
MIN_SIDE_PX = 1.0


class YoloDetector:
    """Runs frames of any size through one graph.

    Frames are drawn into the network's input in the caller's thread; results are decoded in the thread that the graph
    completes them in, so that the caller can go on with the next frames. `broken_rows` counts boxes that were dropped
    because the network gave NaN or infinity for them.
    """

    def __init__(self, name: str, sha256: str, graph: Graph, *, head: Head, query: Query, letterbox: Letterbox) -> None:
        self.name = name
        self.sha256 = sha256
        self.batch = graph.batch
        self.parallel = graph.parallel
        self.broken_rows = 0
        self._graph = graph
        self._head = head
        self._query = query
        self._letterbox = letterbox
        self._counting = Lock()

    def submit(self, frames: Sequence[Frame]) -> Future[list[Boxes]]:
        """Start on the frames; more than `batch` travel as several submissions.

        The result holds each frame's people in pixels of its picture, and raises `BackendError` when the runtime fails.
        """
        starts = range(0, len(frames), self.batch)
        return _joined([self._start(frames[start : start + self.batch]) for start in starts])

    def close(self) -> None:
        """Free the graph."""
        self._graph.close()

    def _start(self, frames: Sequence[Frame]) -> Future[list[Boxes]]:
        # A canvas of its own for each submission: the graph may read it long after this returns.
        canvas = self._letterbox.canvas(len(frames))
        places = [self._letterbox.place(frame.image, part) for frame, part in zip(frames, canvas, strict=True)]

        def decode(outputs: tuple[Float32, ...]) -> list[Boxes]:
            return [self._people([output[i] for output in outputs], place) for i, place in enumerate(places)]

        return then(self._graph.submit(canvas), decode)

    def _people(self, outputs: Sequence[Float32], place: Placement) -> Boxes:
        """Decode the outputs for one picture."""
        with np.errstate(over="ignore", invalid="ignore"):
            found = self._head.decode(outputs, self._query)
        sound = np.isfinite(found.xyxy).all(axis=1) & np.isfinite(found.score)
        if not sound.all():
            with self._counting:
                self.broken_rows += int(np.count_nonzero(~sound))
        xyxy, score = found.xyxy[sound], found.score[sound]
        kept = suppress(xyxy, score, MAX_IOU)
        return solid(place.to_picture(xyxy[kept]), score[kept])


def solid(xyxy: Float32, score: Float32) -> Boxes:
    """The boxes (N, 4), clipped to their picture, that still have an area there."""
    keep = (xyxy[:, 2:] - xyxy[:, :2] >= MIN_SIDE_PX).all(axis=1)
    return Boxes(as_float32(xyxy[keep]), as_float32(score[keep]))


def _joined(parts: Sequence[Future[list[Boxes]]]) -> Future[list[Boxes]]:
    """One future for all parts, in their order; it fails if one of them does."""
    whole: Future[list[Boxes]] = Future()
    waiting = len(parts)
    counting = Lock()

    def arrived(_: Future[list[Boxes]]) -> None:
        nonlocal waiting
        with counting:
            waiting -= 1
            if waiting:
                return
        try:
            whole.set_result([boxes for part in parts for boxes in part.result()])
        except Exception as error:
            whole.set_exception(error)

    if not parts:
        whole.set_result([])
    for part in parts:
        part.add_done_callback(arrived)
    return whole
