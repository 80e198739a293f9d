"""Small real networks: each finds white squares of 8x8 pixels, and says so in one of the YOLO layouts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from reid_pipeline.detect.heads import STRIDES
from reid_pipeline.types import Frame

SIDE = 64
MakeModel = Callable[..., Path]
ShowSquares = Callable[..., Frame]


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """`make_model(layout, batch=1, full_scale=1.0, names=None, show_shapes=True)` writes a network of 64x64 pixels.

    The score of a cell is its brightness in the first colour channel; `full_scale` is what white is in the input.
    Without `show_shapes` the file leaves the shapes of its outputs open.
    """

    def make(
        layout: str,
        batch: int | str = 1,
        full_scale: float = 1.0,
        names: Mapping[int, str] | None = None,
        show_shapes: bool = True,
    ) -> Path:
        builder = _Builder(full_scale)
        outputs = getattr(builder, layout)()
        path = tmp_path / "model.onnx"
        model = builder.build(batch, outputs, {"names": str(dict(names))} if names else {})
        if not show_shapes:
            for output in model.graph.output:
                for axis, dimension in enumerate(output.type.tensor_type.shape.dim):
                    dimension.dim_param = f"axis{axis}"
        onnx.save(model, path)
        return path

    return make


@pytest.fixture
def show() -> ShowSquares:
    """`show((left, top), ..., width=64, height=64, camera="lobby", index=0)` is a black frame with white squares."""

    def make(
        *corners: tuple[int, int], width: int = SIDE, height: int = SIDE, camera: str = "lobby", index: int = 0
    ) -> Frame:
        image = np.zeros((height, width, 3), np.uint8)
        for left, top in corners:
            image[top : top + 8, left : left + 8] = 255
        return Frame(camera, index, index * 100_000_000, image)

    return make


class _Builder:
    def __init__(self, full_scale: float) -> None:
        self.full_scale = full_scale
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def anchors(self) -> list[str]:
        score = self._scores(STRIDES)
        boxes = self._beside(score, _cells(STRIDES)[:, :4].T[None])
        return [self._add("Concat", boxes, score, axis=1)]

    def objectness(self) -> list[str]:
        return [self._rows(_cells(STRIDES), STRIDES)]

    def objectness_raw(self) -> list[str]:
        cells = _cells(STRIDES)
        stride = cells[:, 2:3]
        raw = np.concatenate([np.full((len(cells), 2), 0.5), np.log(cells[:, 2:] / stride)], axis=1)
        return [self._rows(raw.astype(np.float32), STRIDES)]

    def triple(self) -> list[str]:
        rows = self._rows(_cells(STRIDES), STRIDES)
        return [self._add("Concat", rows, rows, rows, axis=1)]

    def final(self) -> list[str]:
        score = self._add("Transpose", self._scores(STRIDES[:1]), perm=[0, 2, 1])
        corners = self._beside(score, _corners(STRIDES[:1])[None])
        label = self._beside(score, np.zeros((1, 1, 1), np.float32))
        return [self._add("Concat", corners, score, label, axis=2)]

    def labelled(self) -> list[str]:
        score = self._add("Transpose", self._scores(STRIDES[:1]), perm=[0, 2, 1])
        corners = self._beside(score, _corners(STRIDES[:1])[None])
        label = self._beside(score, np.zeros((1, 1, 1), np.float32))
        flat = self._add("Cast", self._add("Squeeze", label, self._constant(np.array([2]))), to=TensorProto.INT64)
        return [self._add("Concat", corners, score, axis=2), flat]

    def vector(self) -> list[str]:
        return [self._add("ReduceMean", "images", axes=[2, 3], keepdims=0)]

    def build(self, batch: int | str, outputs: list[str], metadata: dict[str, str]) -> Any:
        graph = helper.make_graph(
            self.nodes,
            "white squares",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])],
            [helper.make_tensor_value_info(name, self._type(name), None) for name in outputs],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        helper.set_model_props(model, metadata)
        return onnx.shape_inference.infer_shapes(model)

    def _type(self, name: str) -> int:
        node = next(node for node in self.nodes if name in node.output)
        return int(TensorProto.INT64 if node.op_type == "Cast" else TensorProto.FLOAT)

    def _rows(self, boxes: NDArray[np.float32], strides: tuple[int, ...]) -> str:
        """Boxes, objectness, and the score of the only class, which is certain."""
        score = self._add("Transpose", self._scores(strides), perm=[0, 2, 1])
        certain = self._beside(score, np.ones((1, 1, 1), np.float32))
        return self._add("Concat", self._beside(score, boxes[None]), score, certain, axis=2)

    def _scores(self, strides: tuple[int, ...]) -> str:
        """Brightness of every cell: (N, 1, A)."""
        first = self._add("Gather", "images", self._constant(np.array([0])), axis=1)
        scaled = self._add("Div", first, self._constant(np.array(self.full_scale, np.float32)))
        pooled = [self._add("AveragePool", scaled, kernel_shape=[s, s], strides=[s, s]) for s in strides]
        shape = self._constant(np.array([0, 1, -1]))
        return self._add("Concat", *(self._add("Reshape", each, shape) for each in pooled), axis=2)

    def _beside(self, score: str, values: NDArray[np.float32]) -> str:
        """Constant values with the batch of `score`."""
        nothing = self._add("Mul", score, self._constant(np.array(0, np.float32)))
        return self._add("Add", nothing, self._constant(values.astype(np.float32)))

    def _constant(self, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(value, f"constant{len(self.constants)}"))
        return str(self.constants[-1].name)

    def _add(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name


def _cells(strides: tuple[int, ...]) -> NDArray[np.float32]:
    """Centre and size of every cell, in pixels."""
    found = []
    for stride in strides:
        y, x = np.mgrid[: SIDE // stride, : SIDE // stride] * stride + stride / 2
        found.append(np.stack([x.ravel(), y.ravel(), *np.full((2, x.size), stride)], axis=1))
    return np.concatenate(found).astype(np.float32)


def _corners(strides: tuple[int, ...]) -> NDArray[np.float32]:
    cells = _cells(strides)
    return np.concatenate([cells[:, :2] - cells[:, 2:] / 2, cells[:, :2] + cells[:, 2:] / 2], axis=1)
