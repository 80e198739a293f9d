"""Backends: small ONNX graphs whose answers are known, through every runtime."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from reid_engines import backends
from reid_engines.backends import choose_backend, describe_graph, open_graph
from reid_engines.backends.graph import Opening
from reid_engines.errors import BackendError, ModelFileError
from reid_engines.protocol import Graph
from reid_engines.spec import Color, InputSpec

BACKENDS = ("openvino", "onnxruntime")
Length = int | str
Image = NDArray[np.uint8]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def save(
    path: Path, nodes: Sequence[onnx.NodeProto], shape: Sequence[Length], outputs: dict[str, tuple[int, list[Length]]]
) -> Path:
    """Write a graph with the picture input `x`; `outputs` maps a name to (element type, shape)."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(name, kind, lengths) for name, (kind, lengths) in outputs.items()],
        [numpy_helper.from_array(kernel(), "w")] if any("w" in node.input for node in nodes) else [],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    model.metadata_props.append(onnx.StringStringEntryProto(key="names", value="{0: 'person'}"))
    onnx.save(model, path)
    return path


def kernel() -> NDArray[np.float32]:
    return np.random.default_rng(7).normal(size=(16, 3, 3, 3)).astype(np.float32)


def means_graph(path: Path, shape: Sequence[Length] = (1, 3, 6, 4)) -> Path:
    """The mean of each channel, in the order the network sees it: (N, 3)."""
    node = helper.make_node("ReduceMean", ["x"], ["mean"], axes=[2, 3], keepdims=0)
    return save(path, [node], shape, {"mean": (TensorProto.FLOAT, [shape[0], 3])})


def features_graph(path: Path, shape: Sequence[Length] = ("n", 3, 64, 32)) -> Path:
    """A convolution and a mean, enough work to overlap: (N, 16)."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["conv"]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("ReduceMean", ["relu"], ["features"], axes=[2, 3], keepdims=0),
    ]
    return save(path, nodes, shape, {"features": (TensorProto.FLOAT, [shape[0], 16])})


def picture(graph: Graph, seed: int = 0, count: int = 1) -> Image:
    shape = [length or 0 for length in graph.input.shape[1:]]
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def check_graph(graph: Graph) -> None:
    """What every `Graph` promises."""
    batch, _, _, channels = graph.input.shape
    assert (batch, channels, graph.input.dtype) == (graph.batch, 3, "uint8")
    assert graph.batch >= 1
    assert graph.parallel >= 1
    images = picture(graph, count=graph.batch)
    outputs = graph.submit(images).result()
    assert len(outputs) == len(graph.outputs)
    assert all(output.dtype == np.float32 for output in outputs)
    kept = [output.copy() for output in outputs]
    again = graph.submit(images).result()
    graph.submit(picture(graph, seed=1, count=graph.batch)).result()
    for first, second, copy in zip(outputs, again, kept, strict=True):
        assert first.tobytes() == second.tobytes() == copy.tobytes()
        first[...] = 0
    wrong: list[Any] = [images[:, :-1], images.astype(np.float32), images[:0], np.repeat(images, 2, axis=0)]
    for pictures in wrong:
        with pytest.raises(ValueError, match="uint8 pictures"):
            graph.submit(pictures)
    graph.close()
    with pytest.raises(BackendError, match="closed"):
        graph.submit(images)


@pytest.mark.parametrize("batch", [1, 4])
def test_every_backend_keeps_the_contract(tmp_path: Path, backend: str, batch: int) -> None:
    path = features_graph(tmp_path / "net.onnx")
    check_graph(open_graph(path, Opening(InputSpec(), batch=batch), backend=backend))


@pytest.mark.parametrize("feeds", ["rgb", "bgr"])
@pytest.mark.parametrize("color", ["rgb", "bgr"])
def test_the_network_sees_its_own_colours_and_scale(tmp_path: Path, backend: str, color: Color, feeds: Color) -> None:
    contract = InputSpec(color=color, mean=(10.0, 20.0, 30.0), std=(2.0, 4.0, 8.0))
    graph = open_graph(means_graph(tmp_path / "net.onnx"), Opening(contract, feeds), backend=backend)
    of_color = {"r": 100, "g": 150, "b": 200}
    image = np.broadcast_to(np.array([of_color[letter] for letter in feeds], np.uint8), (1, 6, 4, 3))
    (means,) = graph.submit(image).result()
    values = np.array([of_color[letter] for letter in color], np.float32)
    assert means[0] == pytest.approx((values - contract.mean) / contract.std)
    graph.close()


def test_a_network_may_want_channels_last(tmp_path: Path, backend: str) -> None:
    node = helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1, 2], keepdims=0)
    path = save(tmp_path / "net.onnx", [node], (1, 6, 4, 3), {"mean": (TensorProto.FLOAT, [1, 3])})
    graph = open_graph(path, Opening(InputSpec(layout="nhwc")), backend=backend)
    image = picture(graph)
    (means,) = graph.submit(image).result()
    assert means[0] == pytest.approx(image.mean(axis=(0, 1, 2)), rel=1e-5)
    graph.close()


def test_pictures_fewer_than_the_batch_are_padded_and_cut(tmp_path: Path, backend: str) -> None:
    graph = open_graph(features_graph(tmp_path / "net.onnx"), Opening(InputSpec(), batch=4), backend=backend)
    images = picture(graph, count=4)
    (whole,) = graph.submit(images).result()
    (part,) = graph.submit(images[:3]).result()
    assert part.shape == (3, 16)
    assert part.tobytes() == whole[:3].tobytes()
    graph.close()


def test_a_fixed_batch_is_the_graphs_own(tmp_path: Path, backend: str) -> None:
    graph = open_graph(
        features_graph(tmp_path / "net.onnx", (2, 3, 64, 32)), Opening(InputSpec(), batch=8), backend=backend
    )
    assert graph.batch == 2
    graph.close()


def test_an_open_size_comes_from_the_spec(tmp_path: Path, backend: str) -> None:
    path = features_graph(tmp_path / "net.onnx", ("n", 3, "h", "w"))
    with pytest.raises(ModelFileError, match=r"leaves its input height open; give input\.height in a spec"):
        open_graph(path, Opening(InputSpec()), backend=backend)
    graph = open_graph(path, Opening(InputSpec(width=40, height=50)), backend=backend)
    assert graph.input.shape == (1, 50, 40, 3)
    check_graph(graph)


def test_results_do_not_depend_on_timing(tmp_path: Path, backend: str) -> None:
    graph = open_graph(features_graph(tmp_path / "net.onnx"), Opening(InputSpec()), backend=backend)
    images = [picture(graph, seed) for seed in range(64)]
    one_by_one = [graph.submit(image).result()[0].tobytes() for image in images]
    under_way = [graph.submit(image) for image in images]
    assert [future.result()[0].tobytes() for future in under_way] == one_by_one
    graph.close()


def test_backends_agree(tmp_path: Path) -> None:
    path = features_graph(tmp_path / "net.onnx")
    answers = []
    for name in BACKENDS:
        graph = open_graph(path, Opening(InputSpec(color="bgr", mean=(100.0,) * 3, std=(60.0,) * 3)), backend=name)
        answers.append(graph.submit(picture(graph)).result()[0])
        graph.close()
    # OpenVINO computes in bfloat16 where the CPU has it.
    assert answers[0] == pytest.approx(answers[1], rel=0.02, abs=0.02)


def test_whole_numbers_come_out_as_float32(tmp_path: Path, backend: str) -> None:
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Cast", ["mean"], ["labels"], to=TensorProto.INT64),
    ]
    outputs: dict[str, tuple[int, list[Length]]] = {
        "mean": (TensorProto.FLOAT, [1, 3]),
        "labels": (TensorProto.INT64, [1, 3]),
    }
    graph = open_graph(save(tmp_path / "net.onnx", nodes, (1, 3, 6, 4), outputs), Opening(InputSpec()), backend=backend)
    mean, labels = graph.submit(picture(graph)).result()
    assert [port.name for port in graph.outputs] == ["mean", "labels"]
    assert labels.dtype == np.float32
    assert labels == pytest.approx(np.trunc(mean))
    graph.close()


def test_a_file_tells_its_ports_and_metadata(tmp_path: Path, backend: str) -> None:
    info = describe_graph(features_graph(tmp_path / "net.onnx"), backend=backend)
    assert [(port.name, port.shape, port.dtype) for port in info.inputs] == [("x", (None, 3, 64, 32), "float32")]
    assert [(port.name, port.shape) for port in info.outputs] == [("features", (None, 16))]
    assert info.metadata["names"] == "{0: 'person'}"


def write_rubbish(path: Path) -> None:
    path.write_bytes(b"not a model " * 20)


def write_half(path: Path) -> None:
    path.write_bytes(features_graph(path).read_bytes()[:200])


@pytest.mark.parametrize("write", [write_rubbish, write_half, Path.touch, Path.mkdir])
def test_an_unreadable_file_is_one_line(
    tmp_path: Path, backend: str, write: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.onnx"
    write(path)
    with pytest.raises(ModelFileError) as caught:
        open_graph(path, Opening(InputSpec()), backend=backend)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_broken_openvino_model_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.xml"
    for text in ("<net>", "<net/>", "\x00\x01"):
        path.write_text(text)
        with pytest.raises(ModelFileError, match=r"not a readable OpenVINO model: [^\n]+$"):
            open_graph(path, Opening(InputSpec()))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        (InputSpec(width=128), "the spec gives an input width of 128, the graph has 32"),
        (InputSpec(layout="nhwc"), "expected an NHWC input of 3 channels, got shape ?x3x64x32"),
    ],
)
def test_a_contract_that_does_not_fit(tmp_path: Path, backend: str, contract: InputSpec, message: str) -> None:
    path = features_graph(tmp_path / "net.onnx")
    with pytest.raises(ModelFileError, match=re.escape(f"{path}: {message}")):
        open_graph(path, Opening(contract), backend=backend)


def test_a_graph_with_two_inputs(tmp_path: Path, backend: str) -> None:
    shape = [1, 3, 6, 4]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("a", "b")]
    output = helper.make_tensor_value_info("c", TensorProto.FLOAT, shape)
    graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["c"])], "two", inputs, [output])
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    with pytest.raises(ModelFileError, match=r"expected one picture input, got 2 \(a, b\)"):
        open_graph(path, Opening(InputSpec()), backend=backend)


def test_auto_takes_the_first_that_is_installed_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_backend(Path("net.onnx")).backend == "openvino"
    without("openvino", monkeypatch)
    choice = choose_backend(Path("net.onnx"))
    assert choice.backend == "onnxruntime"
    assert "openvino is not installed" in choice.reason


def test_a_missing_runtime_names_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without("onnxruntime", monkeypatch)
    with pytest.raises(BackendError, match=r"run: pip install 'reid-pipeline\[onnx\]'"):
        open_graph(Path("net.onnx"), Opening(InputSpec()), backend="onnxruntime")
    without("openvino", monkeypatch)
    with pytest.raises(BackendError, match=r"no backend can execute it .*run: pip install openvino"):
        open_graph(Path("net.onnx"), Opening(InputSpec()))


def without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = backends._BACKENDS[name]._replace(runtime=f"{name}_is_not_here")
    monkeypatch.setitem(backends._BACKENDS, name, entry)


def test_a_backend_that_is_unknown_or_does_not_read_the_format() -> None:
    with pytest.raises(
        BackendError, match="backend cuda: unknown; expected auto or one of tensorrt, openvino, onnxruntime"
    ):
        open_graph(Path("net.onnx"), Opening(InputSpec()), backend="cuda")
    with pytest.raises(BackendError, match=r"backend onnxruntime: reads \.onnx files, got net\.xml"):
        open_graph(Path("net.xml"), Opening(InputSpec()), backend="onnxruntime")


def test_threads_can_be_limited(tmp_path: Path, backend: str) -> None:
    graph = open_graph(features_graph(tmp_path / "net.onnx"), Opening(InputSpec(), threads=1), backend=backend)
    assert graph.parallel == 1
    check_graph(graph)
