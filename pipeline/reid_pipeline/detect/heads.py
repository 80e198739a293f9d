"""The output layouts of YOLO networks, told apart by the shapes of the outputs.

| layout       | outputs (without batch)      | found in                                            |
| ------------ | ---------------------------- | --------------------------------------------------- |
| `anchors`    | (4 + C, A)                   | Ultralytics YOLOv8, v9, 11, 12                      |
| `final`      | (K, 6)                       | YOLOv10, YOLO26, any Ultralytics export with NMS    |
| `objectness` | (A, 5 + C)                   | YOLOX, with its grid decoding in the graph or not   |
| `triple`     | (3 A, 5 + C)                 | YOLOv5 and YOLOv7                                   |
| `labelled`   | (K, 5) and labels (K,)       | YOLOX exported by OpenMMLab with NMS                |

C is the number of classes and A the number of anchor points, which follows from the input size. Each decoder is a pure
function from the outputs of one picture to the people in it, in network pixels.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reid_engines.errors import ModelFileError
from reid_engines.protocol import Port
from reid_pipeline.types import Float32

STRIDES = (8, 16, 32)
PEOPLE = ("person", "people", "pedestrian", "human")


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes that may be people: `xyxy` (N, 4) in network pixels, `score` (N,); a broken network's hold NaN."""

    xyxy: Float32
    score: Float32


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for: the class index of people, the lowest score, and the input size that the boxes refer to."""

    person: int
    confidence: float
    width: int
    height: int


Decoder = Callable[[Sequence[Float32], Query], Candidates]


@dataclass(frozen=True, slots=True)
class Head:
    """An output layout.

    `family` is who trains networks with this layout, and so how they want their pictures unless a spec says otherwise.
    """

    name: str
    decode: Decoder
    family: Literal["ultralytics", "yolox"]


def decode_anchors(outputs: Sequence[Float32], query: Query) -> Candidates:
    """(4 + C, A): centre x, centre y, width, height in pixels, then one score per class."""
    rows = outputs[0]
    rows = rows[:, _worth_a_look(rows[4 + query.person], query)]
    rows = rows[:, _is_person(rows[4:], query)]
    return Candidates(_corners(rows[:4].T), rows[4 + query.person])


def decode_objectness(outputs: Sequence[Float32], query: Query) -> Candidates:
    """(A, 5 + C): as `decode_triple`; boxes may still be relative to their cell of the grid."""
    rows = outputs[0]
    # Decoded centres are spread over the whole input; raw ones are offsets of about one cell, wherever the cell is.
    if np.count_nonzero(np.abs(rows[:, 0]) < max(STRIDES) / 2) > len(rows) / 2:
        rows = np.concatenate([_decode_grid(rows[:, :4], query), rows[:, 4:]], axis=1)
    return decode_triple([rows], query)


def decode_triple(outputs: Sequence[Float32], query: Query) -> Candidates:
    """(A or 3 A, 5 + C): centre and size in pixels, objectness, then one score per class given that it is an object."""
    rows = outputs[0]
    score = rows[:, 4] * rows[:, 5 + query.person]
    worth = _worth_a_look(score, query)
    worth[worth] = _is_person(rows[worth, 5:].T, query)
    return Candidates(_corners(rows[worth, :4]), score[worth])


def decode_final(outputs: Sequence[Float32], query: Query) -> Candidates:
    """(K, 6): corners in pixels, score, class."""
    rows = outputs[0]
    rows = rows[_worth_a_look(rows[:, 4], query) & (rows[:, 5] == query.person)]
    return Candidates(rows[:, :4], rows[:, 4])


def decode_labelled(outputs: Sequence[Float32], query: Query) -> Candidates:
    """(K, 5) and (K,): corners in pixels and score; class."""
    rows, labels = sorted(outputs, key=lambda output: -output.ndim)
    rows = rows[_worth_a_look(rows[:, 4], query) & (labels == query.person)]
    return Candidates(rows[:, :4], rows[:, 4])


HEADS = {
    head.name: head
    for head in (
        Head("anchors", decode_anchors, family="ultralytics"),
        Head("final", decode_final, family="ultralytics"),
        Head("objectness", decode_objectness, family="yolox"),
        Head("triple", decode_triple, family="ultralytics"),
        Head("labelled", decode_labelled, family="yolox"),
    )
}


def recognise(ports: Sequence[Port], *, width: int, height: int, model: str) -> Head:
    """The layout of a network's outputs.

    Args:
        ports: its outputs, with their batch axis.
        width: width of its input, px.
        height: height of its input, px.
        model: what to call the network in an error.

    Raises:
        ModelFileError: no known layout has such outputs.
    """
    anchors = len(_grid(width, height)[0])
    match sorted((port.shape for port in ports), key=len):
        case [(_, rows, columns)] if rows is not None and rows > 4 and columns in (anchors, None):
            return HEADS["anchors"]
        case [(_, rows, 6)] if rows not in (anchors, 3 * anchors):
            return HEADS["final"]
        case [(_, rows, columns)] if columns is not None and columns > 5 and rows in (anchors, None):
            return HEADS["objectness"]
        case [(_, rows, columns)] if columns is not None and columns > 5 and rows == 3 * anchors:
            return HEADS["triple"]
        case [(_, _), (_, _, 5)]:
            return HEADS["labelled"]
    found = ", ".join(f"{port.name} {_shape_text(port.shape)}" for port in ports)
    raise ModelFileError(
        f"{model}: expected the outputs of a YOLO detector for an input of {width}x{height}, that is one of "
        f"[1, 4+classes, {anchors}], [1, K, 6], [1, {anchors}, 5+classes], [1, {3 * anchors}, 5+classes], "
        f"or [1, K, 5] with labels [1, K]; "
        f"got {found}; export the model as a detector in one of these layouts"
    )


def person_class(metadata: Mapping[str, str], *, model: str) -> int:
    """The index of people among the classes that the export names; 0, as in COCO, where it names none.

    Raises:
        ModelFileError: there are several classes and none of them is people.
    """
    names = _class_names(metadata)
    for index, name in names.items():
        if name.lower() in PEOPLE:
            return index
    if len(names) > 1:
        known = ", ".join(list(names.values())[:8])
        raise ModelFileError(
            f"{model}: expected a detector with a class called {' or '.join(PEOPLE)}, "
            f"got {len(names)} classes ({known}{', ...' if len(names) > 8 else ''}); "
            f"give the class index of people in a spec beside the model"
        )
    return 0


def _class_names(metadata: Mapping[str, str]) -> dict[int, str]:
    """The classes as Ultralytics writes them: into ONNX as a Python dict or list, into OpenVINO as words."""
    if "labels" in metadata:
        return dict(enumerate(metadata["labels"].split()))
    try:
        names = ast.literal_eval(metadata.get("names", ""))
    except (ValueError, SyntaxError):
        return {}
    if isinstance(names, list):
        names = dict(enumerate(names))
    return {int(index): str(name) for index, name in names.items()} if isinstance(names, dict) else {}


def _worth_a_look(score: Float32, query: Query) -> NDArray[np.bool_]:
    """Rows that reach the confidence. NaN stays in: whoever takes the candidates counts and drops it."""
    return np.asarray(~(score < query.confidence))


def _is_person(classes: Float32, query: Query) -> NDArray[np.bool_]:
    """For class scores (C, N): where no other class is likelier than people."""
    return np.asarray(~(classes[query.person] < classes.max(axis=0)))


def _corners(boxes: Float32) -> Float32:
    """Centre x, centre y, width, height (N, 4) to corners."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def _decode_grid(boxes: Float32, query: Query) -> Float32:
    """YOLOX's raw boxes (A, 4) in pixels: centres are offsets from their cell and sizes logarithms, both in strides."""
    cell, stride = _grid(query.width, query.height)
    return np.concatenate([(boxes[:, :2] + cell) * stride, np.exp(boxes[:, 2:]) * stride], axis=1)


@lru_cache(maxsize=8)
def _grid(width: int, height: int) -> tuple[Float32, Float32]:
    """The cell (A, 2) and stride (A, 1) of every anchor point, finest stride first, row by row."""
    cells, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32))
        strides.append(np.full((x.size, 1), stride, np.float32))
    return np.concatenate(cells), np.concatenate(strides)


def _shape_text(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"
