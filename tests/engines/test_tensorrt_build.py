"""What TensorRT is asked to build, in the API of each version, and what is said when it will not."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from fake_tensorrt import Build, FakeTensorRT, install
from reid_engines.backends import FirstBuild, open_graph, tensorrt, tensorrt_api
from reid_engines.backends.graph import Opening
from reid_engines.contract import Precision
from reid_engines.errors import BackendError, ModelFileError
from reid_engines.spec import InputSpec
from reid_engines.store import MODELS_VARIABLE
from small_nets import HEIGHT, WIDTH, means_net, quantized_net

CONTRACT = InputSpec(color="bgr", mean=(100.0, 110.0, 120.0), std=(50.0, 55.0, 60.0))
OPENING = Opening(CONTRACT, batch=8)


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    return folder


def built(fake: FakeTensorRT, path: Path, precision: Precision | None = None, opening: Opening = OPENING) -> Build:
    output = path.with_suffix(".engine")
    tensorrt.build_engine(path, opening, output, precision=precision, note=lambda line: None)
    return fake.builds[-1]


def constant_types(build: Build) -> set[int]:
    return {weight.data_type for weight in onnx.load_from_string(build.onnx).graph.initializer}


def test_up_to_8_flags_choose_the_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch, version="8.5.3.1")
    path = means_net(tmp_path / "net.onnx")
    build = built(fake, path)
    assert build.network_flags == 1 << 0
    assert build.flags == {"TF32", "FP16", "PREFER_PRECISION_CONSTRAINTS"}
    # What half precision spoils stays in float32.
    assert build.wide == {"ReduceMean"}
    assert TensorProto.FLOAT16 not in constant_types(build)
    assert not build.has_monitor
    build = built(fake, path, "fp32")
    assert build.flags == set()
    assert build.wide == set()


@pytest.mark.parametrize(("version", "flags"), [("10.13.0.35", 1 << 1), ("11.4.0", 0)])
def test_from_10_on_the_graph_says_the_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, flags: int
) -> None:
    fake = install(monkeypatch, version=version)
    path = means_net(tmp_path / "net.onnx")
    build = built(fake, path)
    assert build.network_flags == flags
    assert build.flags == {"TF32"}
    assert build.wide == set()
    assert TensorProto.FLOAT16 in constant_types(build)
    assert build.has_monitor
    build = built(fake, path, "fp32")
    assert build.flags == set()
    assert built(fake, path, opening=replace(OPENING, coarsest="float32")).flags == set()
    assert TensorProto.FLOAT16 not in constant_types(build)


@pytest.mark.parametrize(
    ("version", "network_flags", "flags"),
    [
        ("8.5.3.1", 1 << 0, {"TF32", "FP16", "INT8", "PREFER_PRECISION_CONSTRAINTS"}),
        ("10.13.0.35", 1 << 1, {"TF32"}),
        ("11.4.0", 0, {"TF32"}),
    ],
)
def test_int8_comes_from_a_quantized_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, network_flags: int, flags: set[str]
) -> None:
    """From its nodes alone, in every version: there is no calibrator, which the fake would not know."""
    fake = install(monkeypatch, version=version)
    build = built(fake, quantized_net(tmp_path / "net.onnx"))
    assert (build.network_flags, build.flags) == (network_flags, flags)
    operators = [node.op_type for node in onnx.load_from_string(build.onnx).graph.node]
    assert operators[-3:] == ["QuantizeLinear", "DequantizeLinear", "ReduceMean"]
    assert TensorProto.FLOAT16 not in constant_types(build)
    assert (tmp_path / "net.engine").read_bytes().find(b'"precision": "int8"') > 0
    with pytest.raises(BackendError, match=r"other\.onnx: int8 needs a quantized graph"):
        built(fake, means_net(tmp_path / "other.onnx"), "int8")


@pytest.mark.parametrize(("zero_point", "kind"), [(0, np.uint8), (3, np.int8)])
def test_int8_of_another_kind_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zero_point: int, kind: type[np.integer]
) -> None:
    fake, path = install(monkeypatch), quantized_net(tmp_path / "net.onnx", zero_point=zero_point, kind=kind)
    why = f"expects int8 with a zero point of 0, got {kind.__name__} in small"
    with pytest.raises(BackendError, match=rf"net\.onnx: backend tensorrt {why}; use backend openvino$"):
        built(fake, path)
    lines: list[str] = []
    graph = open_graph(path, OPENING, first_build=FirstBuild(lines.append))
    assert lines == [f"net.onnx: backend openvino (tensorrt {why}; the first of the installed backends)"]
    graph.close()
    assert fake.builds == []


def test_the_profile_goes_from_one_picture_to_the_largest_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = install(monkeypatch)
    one, most = (1, HEIGHT, WIDTH, 3), (8, HEIGHT, WIDTH, 3)
    assert built(fake, means_net(tmp_path / "net.onnx")).profile == (one, most, most)


def test_timings_are_kept_for_the_next_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: Path) -> None:
    fake = install(monkeypatch)
    path = means_net(tmp_path / "net.onnx")
    assert built(fake, path).timings == b""
    (kept,) = models.rglob("*.cache")
    assert kept.name == "timings-10.13.0.35-8.9.cache"
    assert built(fake, path).timings == b"measured"
    kept.write_bytes(b"of something else")
    assert built(fake, path).timings == b""


def test_a_network_that_takes_pictures_gets_them_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    path = tmp_path / "net.onnx"
    # As torch exports `pictures.permute(0, 3, 1, 2).float()`: what comes first is no cast.
    nodes = [
        onnx.helper.make_node("Transpose", ["pictures"], ["channels"], perm=[0, 3, 1, 2]),
        onnx.helper.make_node("Cast", ["channels"], ["vectors"], to=TensorProto.FLOAT),
    ]
    ports = [
        onnx.helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", HEIGHT, WIDTH, 3]),
        onnx.helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", 3, HEIGHT, WIDTH]),
    ]
    graph = onnx.helper.make_graph(nodes, "small", ports[:1], ports[1:])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8), path)
    opened = tensorrt.load(path, Opening(InputSpec(layout="nhwc"), batch=2))
    images = np.random.default_rng(0).integers(0, 256, (2, HEIGHT, WIDTH, 3), dtype=np.uint8)
    (values,) = opened.submit(images).result()
    assert (values == images.transpose(0, 3, 1, 2)).all()
    opened.close()


def test_what_the_parser_cannot_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch, version="8.5.3.1")
    path = tmp_path / "net.onnx"
    nodes = [onnx.helper.make_node("Det", ["x"], ["vectors"])]
    ports = [
        onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", ["n", 3, 4, 4]), ("vectors", ["n", 3]))
    ]
    graph = onnx.helper.make_graph(nodes, "small", ports[:1], ports[1:])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8), path)
    message = r"net\.onnx: TensorRT 8\.5\.3\.1 cannot read the graph: node \d+: No importer registered for op: Det$"
    with pytest.raises(BackendError, match=message):
        built(fake, path)
    assert not path.with_suffix(".engine").exists()


def test_a_build_that_fails_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: Path
) -> None:
    fake = install(monkeypatch)
    fake.refuses = "Could not find any implementation\nfor node Conv_0"
    path = means_net(tmp_path / "net.onnx")
    message = r"cannot build an engine: Could not find any implementation for node Conv_0$"
    with pytest.raises(BackendError, match=message):
        tensorrt.load(path, OPENING)
    assert list(models.rglob("*.*")) == []


def test_a_folder_that_cannot_be_written_is_found_before_minutes_are_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = install(monkeypatch)
    (tmp_path / "file").touch()
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(BackendError, match=r"file/tensorrt: cannot be written: Not a directory"):
        tensorrt.load(means_net(tmp_path / "net.onnx"), OPENING)
    assert fake.builds == []


def test_an_output_that_depends_on_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    path = tmp_path / "net.onnx"
    ports = [
        onnx.helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4]),
        onnx.helper.make_tensor_value_info("where", TensorProto.INT64, [4, "found"]),
    ]
    graph = onnx.helper.make_graph([onnx.helper.make_node("NonZero", ["x"], ["where"])], "small", ports[:1], ports[1:])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8), path)
    with pytest.raises(BackendError, match=r"expects outputs of one length per picture, got where .*; use backend"):
        tensorrt.load(path, OPENING)


def test_a_file_that_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    path = tmp_path / "net.onnx"
    for content in (b"", b"not a model " * 20):
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match=r"net\.onnx: not a readable ONNX model: [^\n]+$"):
            tensorrt.load(path, OPENING)
    with pytest.raises(ModelFileError, match=r"missing\.onnx: cannot be read: No such file"):
        tensorrt.load(tmp_path / "missing.onnx", OPENING)


@pytest.mark.parametrize("version", ["7.2.3", "8.4.1"])
def test_a_tensorrt_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    install(monkeypatch, version=version)
    with pytest.raises(BackendError, match=rf"expected TensorRT 8\.5 or later, got {version}; update it"):
        tensorrt.load(means_net(tmp_path / "net.onnx"), OPENING)


@pytest.mark.parametrize(("version", "steps"), [("8.5.3.1", ""), ("10.13.0.35", ", 30 of 90 Building")])
def test_progress_is_told_while_it_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, steps: str
) -> None:
    fake = install(monkeypatch, version=version)
    monkeypatch.setattr(tensorrt_api, "NEWS_EVERY_S", 0.01)
    told = threading.Event()
    lines: list[str] = []

    def note(line: str) -> None:
        lines.append(line)
        if "still building" in line:
            told.set()

    def building(monitor: Any) -> None:
        if monitor is not None:
            monitor.phase_start("Building", None, 90)
            monitor.phase_start("Layers", "Building", 5)
            monitor.step_complete("Building", 29)
        told.clear()
        assert told.wait(10)
        if monitor is not None:
            monitor.phase_finish("Building")

    fake.while_building = building
    path = means_net(tmp_path / "net.onnx")
    tensorrt.load(path, OPENING, note=note).close()
    still = [line for line in lines if "still building" in line]
    assert still[-1].startswith(f"{path}: still building the TensorRT engine, 0 s{steps}")


def test_a_build_that_nobody_waits_for_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    stop = threading.Event()
    stop.set()
    with pytest.raises(BackendError, match=r"cannot build an engine: stopped$"):
        tensorrt.load(means_net(tmp_path / "net.onnx"), OPENING, stop=stop)


def test_without_a_gpu_the_builder_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch)
    path = means_net(tmp_path / "net.onnx")

    def lost(log: Any) -> None:
        log.log("error", "CUDA initialization failure with error: 35")

    import tensorrt as trt  # type: ignore[import-not-found, unused-ignore]

    monkeypatch.setattr(trt, "Builder", lost)
    message = r"does not start: CUDA initialization failure with error: 35; check that nvidia-smi lists a GPU"
    with pytest.raises(BackendError, match=message):
        built(fake, path)
