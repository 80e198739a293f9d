"""People of three colours each, and somebody who tells them apart: a network that sees coarse patches of colour."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from reid_pipeline.types import Image

DIM = 256
PATCH = 128


def drawn_person(person: int, time: int = 0, *, height: int = 256, width: int = 128) -> Image:
    """RGB uint8 (height, width, 3). Coat, trousers and bag follow from the person; the place and the light vary."""
    looks = np.random.default_rng([7, person])
    coat, trousers, bag = looks.integers(20, 236, (3, 3))
    rng = np.random.default_rng([person, time])
    behind = rng.integers(70, 190) + rng.normal(0, 25, (8, 4, 3))
    picture = cv2.resize(behind, (width, height), interpolation=cv2.INTER_LINEAR)
    left, top = rng.uniform(0.22, 0.3) * width, rng.uniform(0.05, 0.1) * height

    def box(colour: NDArray[np.int64] | tuple[int, ...], x: float, y: float, wide: float, tall: float) -> None:
        x1, y1 = int(left + x * width), int(top + y * height)
        picture[y1 : y1 + int(tall * height), x1 : x1 + int(wide * width)] = colour

    box((190, 150, 130), 0.15, 0.0, 0.2, 0.12)
    box(coat, 0.0, 0.12, 0.5, 0.36)
    box(trousers, 0.06, 0.48, 0.38, 0.4)
    box(bag, 0.0, 0.25, 0.16, 0.16)
    lit: Image = np.clip(picture * rng.uniform(0.85, 1.15), 0, 255).astype(np.uint8)
    return lit


def drawn_people(persons: int, times: int = 1, *, first: int = 0) -> tuple[Image, NDArray[np.int64]]:
    """Pictures uint8 (persons * times, 256, 128, 3) and whom they show, numbered from 0."""
    pairs = [(person, time) for person in range(persons) for time in range(times)]
    pictures = np.stack([drawn_person(first + person, time) for person, time in pairs])
    return pictures, np.array([person for person, _ in pairs], np.int64)


def write_people(folder: Path, persons: int, times: int = 1, *, first: int = 0) -> Path:
    """The same as files `PID_cCAM_N.png`, two cameras in turn."""
    folder.mkdir(parents=True)
    pictures, labels = drawn_people(persons, times, first=first)
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        time = number % times
        cv2.imwrite(str(folder / f"{first + label:04d}_c{1 + time % 2}_{time}.png"), picture[..., ::-1])
    return folder


def colour_network(path: Path, *, seed: int = 5, dim: int = DIM) -> Path:
    """An encoder of 256x128 pictures by patches of colour, mixed at random: an ONNX file with its spec beside it."""
    patches = (256 // PATCH) * (128 // PATCH) * 3
    mixing = np.random.default_rng(seed).normal(size=(patches, dim)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["pictures"], ["patches"], kernel_shape=[PATCH, PATCH], strides=[PATCH, PATCH]),
        helper.make_node("Flatten", ["patches"], ["flat"]),
        helper.make_node("MatMul", ["flat", "mixing"], ["vectors"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, 256, 128])],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", dim])],
        [numpy_helper.from_array(mixing, "mixing")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    path.with_suffix(".yaml").write_text(
        "{kind: encoder, licence: CC0-1.0, input: {color: rgb, mean: [128, 128, 128], std: [64, 64, 64]}, "
        "encoder: {match: 0.5}}"
    )
    return path
