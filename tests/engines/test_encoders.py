"""Encoders: the contract over all of them, and what is particular to each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from reid_engines.encoders import open_encoder
from reid_engines.errors import BackendError, ModelFileError, SpecError, UnknownModel
from reid_engines.protocol import Encoder

Image = NDArray[np.uint8]
ASSETS = Path(__file__).parents[2].parent / "shared" / "assets"
needs_assets = pytest.mark.skipif(not ASSETS.is_dir(), reason="the development footage is not on this machine")

SPEC = "kind: encoder\nencoder: {match: 0.6}\ninput: {color: bgr, mean: 100, std: 50}\n"


def make_model(path: Path, *, spec: str | None = SPEC, outputs: Sequence[str] = ("vector",)) -> Path:
    """A network of (1, 3, 8, 4) pictures whose vector, (1, 96, 1, 1), is the picture itself."""
    shape = helper.make_tensor("shape", TensorProto.INT64, [4], [1, 96, 1, 1])
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["x", "shape"], [name]) for name in outputs],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 4])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 96, 1, 1]) for name in outputs],
        [shape],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    if spec is not None:
        path.with_suffix(".yaml").write_text(spec)
    return path


def person(shirt: str, trousers: str, *, size: tuple[int, int] = (120, 50), seed: int = 0) -> Image:
    """A crop, RGB, of a figure in two colours before a grey wall; `size` is height and width."""
    colors = {"red": (180, 30, 30), "blue": (30, 50, 170), "green": (40, 140, 50), "black": (25, 25, 28)}
    crop = np.full((120, 50, 3), 140, np.uint8)
    crop[5:25, 18:32] = (190, 150, 130)
    crop[25:65, 12:38] = colors[shirt]
    crop[65:115, 14:36] = colors[trousers]
    noisy = crop + np.random.default_rng(seed).normal(0, 6, crop.shape)
    return np.asarray(cv2.resize(np.clip(noisy, 0, 255).astype(np.uint8), size[::-1]), np.uint8)


def encode(encoder: Encoder, *crops: Image) -> NDArray[np.float32]:
    step = encoder.batch
    parts = [encoder.submit(crops[start : start + step]) for start in range(0, len(crops), step)]
    return np.concatenate([part.result() for part in parts])


def check_encoder(encoder: Encoder) -> None:
    """What every `Encoder` promises."""
    assert encoder.name
    assert len(encoder.sha256) == 64
    assert -1 <= encoder.match <= 1
    assert encoder.submit([]).result().shape == (0, encoder.dim)
    crops = [person("red", "blue", size=(90 + n, 30 + n), seed=n) for n in range(2 * encoder.batch)]
    vectors = encode(encoder, *crops)
    assert vectors.shape == (len(crops), encoder.dim)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors.tobytes() == encode(encoder, *crops).tobytes()
    odd: list[Image] = [np.zeros((1, 1, 3), np.uint8) + 9, np.zeros((900, 700, 3), np.uint8) + 9, crops[0][:, ::2]]
    assert np.isfinite(encode(encoder, *odd)).all()
    wrong: list[Any] = [np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)]
    for crop in wrong:
        with pytest.raises(ValueError, match="expected a uint8 crop"):
            encoder.submit([crop])
    with pytest.raises(ValueError, match="expected at most"):
        encoder.submit([crops[0]] * (encoder.batch + 1))
    encoder.close()


@pytest.fixture
def stripes() -> Iterator[Encoder]:
    encoder = open_encoder("color-stripes")
    yield encoder
    encoder.close()


def test_color_stripes_keep_the_contract(stripes: Encoder) -> None:
    check_encoder(stripes)


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_networks_keep_the_contract(tmp_path: Path, backend: str) -> None:
    encoder = open_encoder(make_model(tmp_path / "net.onnx"), backend=backend)
    assert (encoder.name, encoder.dim, encoder.match) == ("net", 96, 0.6)
    check_encoder(encoder)


def test_the_encoder_that_ships_keeps_the_contract() -> None:
    check_encoder(open_encoder("saga-s"))


def test_color_stripes_tell_clothes_apart(stripes: Encoder) -> None:
    a, again, other, swapped = encode(
        stripes,
        person("red", "blue"),
        person("red", "blue", size=(200, 80), seed=1),
        person("green", "black"),
        person("blue", "red"),
    )
    assert a @ again > 0.95
    assert a @ other < stripes.match
    assert a @ swapped < stripes.match


def test_color_stripes_forgive_exposure_and_the_colour_of_the_light(stripes: Encoder) -> None:
    crop = person("red", "blue")
    darker = (crop * 0.6).astype(np.uint8)
    warmer = np.clip(crop * np.array([1.15, 1.0, 0.8]), 0, 255).astype(np.uint8)
    a, dark, warm = encode(stripes, crop, darker, warmer)
    assert min(a @ dark, a @ warm) > 0.8


def test_color_stripes_stand_plain_pictures(stripes: Encoder) -> None:
    plain = [np.full((40, 20, 3), color, np.uint8) for color in ((0, 0, 0), (255, 255, 255), (255, 0, 0))]
    assert np.isfinite(encode(stripes, *plain)).all()


def test_the_stamp_is_of_weights_and_contract_but_not_of_the_threshold(tmp_path: Path) -> None:
    stamps = []
    for number, spec in enumerate([SPEC, SPEC.replace("0.6", "0.5"), SPEC.replace("bgr", "rgb")]):
        (tmp_path / str(number)).mkdir()
        encoder = open_encoder(make_model(tmp_path / str(number) / "net.onnx", spec=spec))
        stamps.append(encoder.sha256)
        encoder.close()
    assert stamps[0] == stamps[1] != stamps[2]


def test_an_encoder_of_which_nothing_is_known_says_what_to_write(tmp_path: Path) -> None:
    path = make_model(tmp_path / "net.onnx", spec=None)
    with pytest.raises(SpecError) as caught:
        open_encoder(path)
    assert f"{path}: nothing is known of this encoder; write {path.with_suffix('.yaml')}" in str(caught.value)
    example = str(caught.value).split("such as ", maxsplit=1)[1]
    open_encoder(make_model(path, spec=example)).close()


def test_a_spec_and_a_graph_of_different_dim(tmp_path: Path) -> None:
    path = make_model(tmp_path / "net.onnx", spec=SPEC.replace("{match: 0.6}", "{match: 0.6, dim: 512}"))
    with pytest.raises(SpecError, match=r"its spec says encoder\.dim 512, the graph gives 96"):
        open_encoder(path)


def test_a_graph_that_is_no_encoder(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="expected one output with a vector per picture"):
        open_encoder(make_model(tmp_path / "net.onnx", outputs=("a", "b")))


def test_a_vector_without_direction_is_an_error(tmp_path: Path) -> None:
    encoder = open_encoder(make_model(tmp_path / "net.onnx", spec="{kind: encoder, encoder: {match: 0.6}}"))
    with pytest.raises(BackendError, match="gave a vector of zeros or NaN"):
        encoder.submit([np.zeros((8, 4, 3), np.uint8)]).result()
    encoder.close()


def test_a_detector_is_not_an_encoder() -> None:
    with pytest.raises(UnknownModel, match="yolox-tiny: expected an encoder, got a detector"):
        open_encoder("yolox-tiny")


@needs_assets
def test_openvinos_person_encoder_is_known_by_its_name() -> None:
    folder = ASSETS / "encoders" / "person-reidentification-retail-0287" / "FP16"
    encoder = open_encoder(folder / "person-reidentification-retail-0287.xml")
    assert encoder.dim == 256
    paths = sorted((ASSETS / "reid-crops" / "epfl-lab").glob("*.png"))[::12]
    crops = [np.asarray(cv2.imread(str(path)), np.uint8)[..., ::-1] for path in paths]
    vectors = encode(encoder, *crops)
    same = np.equal.outer([path.name[:4] for path in paths], [path.name[:4] for path in paths])
    matched = vectors @ vectors.T > encoder.match
    assert (matched == same).mean() > 0.9
    encoder.close()
