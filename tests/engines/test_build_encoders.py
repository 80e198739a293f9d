"""Built files: the vectors of torch out of every backend, with no spec beside them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from fake_tensorrt import install
from reid_engines.backends import FirstBuild, describe_graph
from reid_engines.backends.graph import Opening
from reid_engines.backends.tensorrt import build_engine
from reid_engines.backends.tensorrt_file import read_engine
from reid_engines.backends.tensorrt_network import QUANTIZING
from reid_engines.build import Order, Target, build, default_output
from reid_engines.contract import KEY, PICTURES, PRECISIONS, Precision, read_contract
from reid_engines.encoders import open_encoder
from reid_engines.errors import BackendError, EngineError, ModelFileError, SpecError
from reid_engines.store import MODELS_VARIABLE, ResolvedModel, resolve
from small_nets import means_net
from small_weights import DIM, crops, needs_nncf

Vectors = NDArray[np.float32]


@pytest.fixture(scope="module")
def expected(weights: ResolvedModel) -> Vectors:
    with closing(open_encoder(weights.path)) as encoder:
        return encoder.submit(crops(7)).result()


def encoded(path: Path, backend: str = "auto") -> tuple[str, Vectors]:
    """The stamp of the encoder in a file, and its vectors of seven crops."""
    with closing(open_encoder(path, backend=backend)) as encoder:
        assert (encoder.name, encoder.dim, encoder.match) == (path.stem, DIM, 0.55)
        assert encoder.submit([]).result().shape == (0, DIM)
        parts = [encoder.submit([crop]) for crop in crops(7)]
        return encoder.sha256, np.concatenate([part.result() for part in parts])


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize(
    ("target", "reader"), [("onnxruntime", "onnxruntime"), ("onnxruntime", "openvino"), ("openvino", "openvino")]
)
def test_every_file_gives_the_vectors_of_its_weights(
    graph: ResolvedModel, expected: Vectors, tmp_path: Path, precision: Precision, target: Target, reader: str
) -> None:
    order = Order(target, precision)
    path = tmp_path / default_output(graph.path, order).name
    build(graph, path, order)
    stamp, vectors = encoded(path, reader)
    assert (vectors * expected).sum(axis=1).min() > (0.999999 if precision == "fp32" else 0.9999)
    assert stamp == encoded(graph.path)[0]


def test_files_share_the_stamp_of_their_weights(weights: ResolvedModel, graph: ResolvedModel) -> None:
    with closing(open_encoder(weights.path)) as encoder:
        assert encoded(graph.path)[0] == encoder.sha256


def test_half_precision_halves_the_file(graph: ResolvedModel, tmp_path: Path) -> None:
    targets: tuple[tuple[Target, str], ...] = (("onnxruntime", ".onnx"), ("openvino", ".bin"))
    for target, weights_suffix in targets:
        sizes = []
        for precision in PRECISIONS[:2]:
            path = tmp_path / default_output(graph.path, Order(target, precision)).name
            build(graph, path, Order(target, precision))
            sizes.append(path.with_suffix(weights_suffix).stat().st_size)
        assert sizes[1] < 0.65 * sizes[0]


@pytest.fixture
def quantizing(request: pytest.FixtureRequest) -> None:
    needs_nncf(request)


@pytest.mark.usefixtures("quantizing")
@pytest.mark.parametrize("target", ["onnxruntime", "openvino"])
def test_int8_is_another_model(
    graph: ResolvedModel, expected: Vectors, tmp_path: Path, target: Target, capfd: pytest.CaptureFixture[str]
) -> None:
    order = Order(target, "int8", crops(24, seed=1))
    path = tmp_path / default_output(graph.path, order).name
    assert path.stem == "small-int8"
    build(graph, path, order)
    assert capfd.readouterr() == ("", "")
    stamp, vectors = encoded(path)
    assert (vectors * expected).sum(axis=1).mean() > 0.98
    assert stamp != encoded(graph.path)[0]


@pytest.mark.usefixtures("quantizing")
def test_tensorrt_is_given_int8_as_it_takes_it(
    graph: ResolvedModel, expected: Vectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Symmetric and signed, in the nodes of the graph; from version 10 on nothing else says that it is int8."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    fake, path = install(monkeypatch, version="10.13.0.35"), tmp_path / "small-int8.engine"
    contract = build(graph, path, Order("tensorrt", "int8", crops(24, seed=1)))
    file = read_engine(path)
    assert read_contract(path, file.info.metadata) == contract
    assert (contract.precision, file.key.precision) == ("int8", "int8")
    (asked,) = fake.builds
    assert "INT8" not in asked.flags
    given = onnx.load_from_string(asked.onnx).graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in given.initializer}
    zeros = [constants[node.input[2]] for node in given.node if node.op_type in QUANTIZING]
    assert len(zeros) > 100
    assert all(zero.dtype == np.int8 and not zero.any() for zero in zeros)
    for made in (path, path.with_suffix(".onnx")):
        _, vectors = encoded(made)
        assert (vectors * expected).sum(axis=1).mean() > 0.98
    fake = install(monkeypatch, version="8.5.3.1")
    build_engine(path.with_suffix(".onnx"), Opening(PICTURES, batch=256), path, note=print)
    assert fake.builds[0].flags >= {"INT8", "FP16"}
    _, vectors = encoded(path)
    assert (vectors * expected).sum(axis=1).mean() > 0.98


def test_int8_needs_crops(graph: ResolvedModel, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="int8: expected at least 16 crops to calibrate on, got 3"):
        build(graph, tmp_path / "x.onnx", Order("onnxruntime", "int8", crops(3)))


def test_what_a_file_says_of_itself_goes_before_a_spec(graph: ResolvedModel, tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    path.write_bytes(graph.path.read_bytes())
    path.with_suffix(".yaml").write_text("{kind: encoder, input: {mean: 100, std: 50}, encoder: {match: 0.1}}")
    assert encoded(path)[0] == encoded(graph.path)[0]


def test_the_chosen_backend_is_told(graph: ResolvedModel) -> None:
    told: list[str] = []
    open_encoder(graph.path, backend="openvino", first_build=FirstBuild(told.append)).close()
    assert told == ["small.onnx: backend openvino (asked for)"]


def test_tensorrt_gets_the_graph_and_its_contract(
    graph: ResolvedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    fake = install(monkeypatch)
    path = tmp_path / "small.engine"
    contract = build(graph, path, Order("tensorrt"))
    file = read_engine(path)
    assert read_contract(path, file.info.metadata) == contract
    assert (file.key.precision, file.key.model, file.shape.batch) == ("fp16", graph.sha256, 256)
    assert fake.builds


def test_a_contract_of_another_version(graph: ResolvedModel, tmp_path: Path) -> None:
    model = onnx.load(graph.path)
    for entry in model.metadata_props:
        if entry.key == KEY:
            entry.value = entry.value.replace('"weights"', '"wheights"')
    path = tmp_path / "small.onnx"
    onnx.save(model, path)
    with pytest.raises(ModelFileError, match=r"small\.onnx: its contract is not one of this version .*build it again"):
        open_encoder(path)


def test_pictures_that_are_taken_as_they_are_cannot_be_scaled(graph: ResolvedModel, tmp_path: Path) -> None:
    model = onnx.load(graph.path)
    del model.metadata_props[:]
    path = tmp_path / "other.onnx"
    onnx.save(model, path)
    with pytest.raises(SpecError, match=r"other\.onnx: nothing is known of this encoder"):
        open_encoder(path)
    path.with_suffix(".yaml").write_text("{kind: encoder, input: {layout: nhwc, std: 255}, encoder: {match: 0.5}}")
    for backend in ("openvino", "onnxruntime"):
        with pytest.raises(ModelFileError, match=r"takes uint8 pictures as they are; take input\.mean and input\.std"):
            open_encoder(path, backend=backend)
    path.with_suffix(".yaml").write_text("{kind: encoder, input: {layout: nhwc}, encoder: {match: 0.5}}")
    open_encoder(path).close()


def refused(model: ResolvedModel, output: Path, order: Order) -> str:
    before = sorted(output.parent.iterdir()) if output.parent.is_dir() else None
    with pytest.raises(EngineError) as caught:
        build(model, output, order)
    if before is not None:
        assert sorted(output.parent.iterdir()) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_sources_that_are_not_built_from(graph: ResolvedModel, tmp_path: Path) -> None:
    third_party = resolve(means_net(tmp_path / "net.onnx"), kind="encoder")
    assert "got one without a contract" in refused(third_party, tmp_path / "net.xml", Order("openvino"))
    half = tmp_path / "half.onnx"
    build(graph, half, Order("onnxruntime", "fp16"))
    assert "got one of fp16" in refused(resolve(half, kind="encoder"), tmp_path / "half.xml", Order("openvino"))
    half.write_bytes(half.read_bytes()[:900])
    assert "not a readable ONNX model" in refused(resolve(half, kind="encoder"), tmp_path / "a.xml", Order("openvino"))
    build(graph, tmp_path / "small.xml", Order("openvino"))
    xml = resolve(tmp_path / "small.xml", kind="encoder")
    message = refused(xml, tmp_path / "other.onnx", Order("onnxruntime"))
    assert "expected .safetensors weights or an .onnx file built from them, got .xml" in message


def test_places_that_cannot_be_written(graph: ResolvedModel, tmp_path: Path) -> None:
    assert "expected a name that ends in .xml for backend openvino" in refused(
        graph, tmp_path / "x.onnx", Order("openvino")
    )
    assert "is what it would be built from" in refused(graph, graph.path, Order("onnxruntime"))
    (tmp_path / "file").touch()
    assert "cannot be written" in refused(graph, tmp_path / "file" / "x.onnx", Order("onnxruntime"))


def test_a_file_that_is_there_is_replaced_whole(graph: ResolvedModel, tmp_path: Path) -> None:
    for _ in range(2):
        build(graph, tmp_path / "small.xml", Order("openvino"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.bin", "small.xml"]
    assert KEY in describe_graph(tmp_path / "small.xml").metadata
