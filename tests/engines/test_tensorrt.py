"""The TensorRT backend on a GPU that is not there: what it computes, in which order, and what it keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from fake_cuda import FakeGpu
from fake_tensorrt import FakeTensorRT, install
from reid_engines.backends import FirstBuild, choose_backend, describe_graph, open_graph, tensorrt
from reid_engines.backends.graph import Opening
from reid_engines.backends.tensorrt_file import read_engine
from reid_engines.encoders.graph_encoder import GraphEncoder
from reid_engines.errors import BackendError, ModelFileError
from reid_engines.protocol import Graph
from reid_engines.spec import EncoderSpec, InputSpec, ModelSpec
from reid_engines.store import MODELS_VARIABLE, ResolvedModel
from small_nets import DIM, HEIGHT, WIDTH, means_net

CONTRACT = InputSpec(color="bgr", mean=(100.0, 110.0, 120.0), std=(50.0, 55.0, 60.0))


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    return folder


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTensorRT:
    return install(monkeypatch)


def pictures(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, HEIGHT, WIDTH, 3), dtype=np.uint8)


def opened(path: Path, batch: int = 6, note: Callable[[str], None] = lambda line: None) -> Graph:
    return tensorrt.load(path, Opening(CONTRACT, batch=batch), note=note)


@pytest.mark.parametrize("memory", ["pycuda", "torch"])
@pytest.mark.parametrize("version", ["8.5.3.1", "8.6.1", "10.13.0.35", "11.4.0"])
def test_it_computes_what_other_backends_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, memory: str
) -> None:
    install(monkeypatch, version=version, memory=memory)
    path = means_net(tmp_path / "net.onnx")
    graph = opened(path)
    reference = open_graph(path, Opening(CONTRACT, batch=6), backend="onnxruntime")
    for count in (1, 2, 3, 5, 6):
        (vectors,) = graph.submit(pictures(count)).result()
        (expected,) = reference.submit(pictures(count)).result()
        assert vectors.shape == (count, DIM)
        assert vectors.dtype == np.float32
        # Half precision from version 10 on, where the graph itself says so.
        assert vectors == pytest.approx(expected, rel=0.01, abs=0.01)
    reference.close()
    graph.close()


def test_it_keeps_the_contract_of_a_graph(tmp_path: Path, fake: FakeTensorRT) -> None:
    graph = opened(means_net(tmp_path / "net.onnx"))
    assert (graph.backend, graph.batch, graph.parallel) == ("tensorrt", 6, 2)
    assert (graph.input.shape, graph.input.dtype) == ((6, HEIGHT, WIDTH, 3), "uint8")
    assert [(port.name, port.shape) for port in graph.outputs] == [("vectors", (6, DIM))]
    assert graph.metadata["trained on"] == "noise"
    (first,) = graph.submit(pictures(6)).result()
    kept = first.copy()
    graph.submit(pictures(6, seed=1)).result()
    assert first.tobytes() == kept.tobytes()
    wrong: list[Any] = [pictures(6)[:, 1:], pictures(6).astype(np.float32), pictures(0), pictures(7)]
    for images in wrong:
        with pytest.raises(ValueError, match="uint8 pictures"):
            graph.submit(images)
    graph.close()
    with pytest.raises(BackendError, match="closed"):
        graph.submit(pictures(1))


def test_many_submissions_at_once_do_not_mix(tmp_path: Path, fake: FakeTensorRT) -> None:
    graph = opened(means_net(tmp_path / "net.onnx"))
    batches = [pictures(1 + seed % 6, seed) for seed in range(40)]
    one_by_one = [graph.submit(images).result()[0].tobytes() for images in batches]
    under_way = [graph.submit(images) for images in batches]
    assert [future.result()[0].tobytes() for future in under_way] == one_by_one
    graph.close()


def test_every_size_is_one_cuda_graph_that_is_used_again(tmp_path: Path, fake: FakeTensorRT) -> None:
    graph = opened(means_net(tmp_path / "net.onnx"))
    sizes, runners = (1, 2, 4, 6), 2
    assert fake.gpu.graphs == len(sizes) * runners
    warm_up = [f"{what} {size}" for size in sizes for what in ("upload", "execute", "download")]
    assert fake.gpu.log == warm_up * runners
    fake.gpu.log.clear()
    for count, size in ((3, 4), (4, 4), (5, 6)):
        graph.submit(pictures(count)).result()
        launch, *work = fake.gpu.log
        assert launch.startswith("launch")
        assert work == [f"upload {size}", f"execute {size}", f"download {size}"]
        fake.gpu.log.clear()
    assert fake.gpu.graphs == len(sizes) * runners
    graph.close()


def test_a_graph_that_fixes_its_batch_executes_nothing_else(tmp_path: Path, fake: FakeTensorRT) -> None:
    graph = opened(means_net(tmp_path / "net.onnx", batch=3))
    assert graph.batch == 3
    fake.gpu.log.clear()
    (vectors,) = graph.submit(pictures(2)).result()
    assert vectors.shape == (2, DIM)
    assert "execute 3" in fake.gpu.log
    assert fake.builds[0].profile == ((3, HEIGHT, WIDTH, 3),) * 3
    graph.close()


def test_an_encoder_of_no_crops_gives_no_vectors(tmp_path: Path, fake: FakeTensorRT) -> None:
    path = means_net(tmp_path / "net.onnx")
    spec = ModelSpec(name="net", kind="encoder", input=CONTRACT, encoder=EncoderSpec(match=0.5))
    encoder = GraphEncoder(ResolvedModel("net", path, spec, "0" * 64), opened(path))
    assert encoder.submit([]).result().shape == (0, DIM)
    assert encoder.submit(list(pictures(2))).result().shape == (2, DIM)
    encoder.close()


def test_an_engine_is_built_once(tmp_path: Path, fake: FakeTensorRT, models: Path) -> None:
    path = means_net(tmp_path / "net.onnx")
    lines: list[str] = []
    assert not tensorrt.is_built(path, Opening(CONTRACT, batch=6))
    opened(path, note=lines.append).close()
    assert [line.startswith(f"{path}: ") for line in lines] == [True, True]
    assert "NVIDIA L4" in lines[0]
    assert "there is none yet" in lines[0]
    assert tensorrt.is_built(path, Opening(CONTRACT, batch=6))
    lines.clear()
    opened(path, note=lines.append).close()
    assert len(fake.builds) == 1
    assert lines == []
    assert not list(models.rglob(".*"))


def other_model(path: Path, fake: FakeTensorRT) -> None:
    means_net(path, operator="Sigmoid")


def other_gpu(path: Path, fake: FakeTensorRT) -> None:
    fake.gpu.name = "NVIDIA H200"


def other_capability(path: Path, fake: FakeTensorRT) -> None:
    fake.gpu.capability = (9, 0)


def other_driver(path: Path, fake: FakeTensorRT) -> None:
    fake.gpu.driver = "580.159.03"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (other_model, "model "),
        (other_gpu, "gpu NVIDIA L4 is now NVIDIA H200"),
        (other_capability, "capability 8.9 is now 9.0"),
        (other_driver, "driver 550.54.15 is now 580.159.03"),
    ],
)
def test_it_is_built_again_when_what_it_depends_on_changes(
    tmp_path: Path, fake: FakeTensorRT, change: Callable[[Path, FakeTensorRT], None], why: str
) -> None:
    path = means_net(tmp_path / "net.onnx")
    opened(path).close()
    change(path, fake)
    lines: list[str] = []
    opened(path, note=lines.append).close()
    assert len(fake.builds) == 2
    assert f"({why}" in lines[0]
    opened(path).close()
    assert len(fake.builds) == 2


def test_it_is_built_again_for_another_tensorrt_or_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = means_net(tmp_path / "net.onnx")
    install(monkeypatch, version="10.13.0.35")
    opened(path).close()
    lines: list[str] = []
    fake = install(monkeypatch, version="11.4.0")
    opened(path, note=lines.append).close()
    assert "tensorrt 10.13.0.35 is now 11.4.0" in lines[0]
    tensorrt.load(path, Opening(CONTRACT, "bgr", 6), note=lines.append).close()
    assert "contract 4x6 rgb pictures" in lines[2]
    assert len(fake.builds) == 2


@pytest.mark.parametrize("spoil", [lambda content: content[:-1], lambda content: content[:40], lambda content: b"no"])
def test_a_spoiled_engine_is_built_again(
    tmp_path: Path, fake: FakeTensorRT, models: Path, spoil: Callable[[bytes], bytes]
) -> None:
    path = means_net(tmp_path / "net.onnx")
    opened(path).close()
    (kept,) = models.rglob("*.engine")
    kept.write_bytes(spoil(kept.read_bytes()))
    lines: list[str] = []
    opened(path, note=lines.append).close()
    assert str(kept) in lines[0]
    assert len(fake.builds) == 2


def test_models_of_one_name_do_not_push_each_other_out(tmp_path: Path, fake: FakeTensorRT) -> None:
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths.append(means_net(tmp_path / name / "net.onnx", operator="Relu" if name == "a" else "Sigmoid"))
    for path in paths * 2:
        opened(path).close()
    assert len(fake.builds) == 2


def test_an_engine_may_be_a_model_file(tmp_path: Path, fake: FakeTensorRT) -> None:
    path, made = means_net(tmp_path / "net.onnx"), tmp_path / "out" / "net.engine"
    opening = Opening(CONTRACT, batch=4)
    tensorrt.build_engine(path, opening, made, precision="fp32", note=lambda line: None)
    assert read_engine(made).key.precision == "fp32"
    expected = opened(path).submit(pictures(4)).result()[0]
    path.unlink()
    assert describe_graph(made).metadata["trained on"] == "noise"
    graph = open_graph(made, Opening(CONTRACT))
    assert graph.batch == 4
    assert graph.submit(pictures(4)).result()[0] == pytest.approx(expected, rel=0.01, abs=0.01)
    graph.close()
    assert len(fake.builds) == 2
    with pytest.raises(ModelFileError, match=r"built for something else: contract 4x6 rgb .* is now 4x6 bgr"):
        open_graph(made, Opening(CONTRACT, "bgr"))
    fake.gpu.name = "NVIDIA H200"
    message = "built for something else: gpu NVIDIA L4 is now NVIDIA H200; build it again from its .onnx file"
    with pytest.raises(ModelFileError, match=f"^{made}: {message}$"):
        open_graph(made, Opening(CONTRACT))


def test_the_header_of_an_engine_file_can_be_read_without_any_runtime(tmp_path: Path, fake: FakeTensorRT) -> None:
    made = tmp_path / "net.engine"
    opening = Opening(CONTRACT, batch=4)
    tensorrt.build_engine(means_net(tmp_path / "net.onnx"), opening, made, note=lambda line: None)
    content = made.read_bytes()
    length = int.from_bytes(content[8:16], "little")
    header = json.loads(content[16 : 16 + length])
    assert header["key"] == {
        "capability": "8.9",
        "contract": "4x6 rgb pictures, up to 4 at once, as bgr nchw, mean 100/110/120, std 50/55/60",
        "driver": "550.54.15",
        "format": 1,
        "gpu": "NVIDIA L4",
        "model": header["key"]["model"],
        "precision": "fp16",
        "tensorrt": "10.13.0.35",
    }
    assert header["sizes"] == [1, 2, 4]
    assert content[16 + length :].startswith(b"10.13.0.35")


def test_an_engine_that_tensorrt_refuses_is_one_line(tmp_path: Path, fake: FakeTensorRT) -> None:
    from reid_engines.backends.tensorrt_file import write_engine

    made = tmp_path / "net.engine"
    opening = Opening(CONTRACT, batch=4)
    tensorrt.build_engine(means_net(tmp_path / "net.onnx"), opening, made, note=lambda line: None)
    write_engine(made, replace(read_engine(made), engine=b"9.9\0"))
    with pytest.raises(BackendError, match=r"net.engine: TensorRT 10.* refuses the engine: Version tag .*: 9.9$"):
        open_graph(made, Opening(CONTRACT))


def test_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, gpu=FakeGpu(count=0))
    path = means_net(tmp_path / "net.onnx")
    with pytest.raises(BackendError, match="backend tensorrt finds no NVIDIA GPU; check that nvidia-smi lists one"):
        open_graph(path, Opening(CONTRACT), backend="tensorrt")
    with pytest.raises(BackendError, match=r"net\.onnx: backend tensorrt: no NVIDIA GPU answers"):
        opened(path)
    choice = choose_backend(path)
    assert choice.backend == "openvino"
    assert "tensorrt finds no NVIDIA GPU" in choice.reason


def test_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reid_engines.backends import tensorrt_gpu

    def missing(name: str) -> Any:
        raise OSError(f"{name}: cannot open shared object file")

    install(monkeypatch)
    monkeypatch.setattr(tensorrt_gpu, "_library", missing)
    assert choose_backend(means_net(tmp_path / "net.onnx")).backend == "openvino"


def test_nothing_that_gives_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, memory="nothing")
    path = means_net(tmp_path / "net.onnx")
    with pytest.raises(
        BackendError, match=r"tensorrt gets no memory on the GPU; run: pip install pycuda .* or pip install torch"
    ):
        open_graph(path, Opening(CONTRACT), backend="tensorrt")
    assert choose_backend(path).backend == "openvino"


def test_auto_prefers_tensorrt_where_there_is_a_gpu(tmp_path: Path, fake: FakeTensorRT) -> None:
    path = means_net(tmp_path / "net.onnx")
    assert choose_backend(path) == ("tensorrt", "the first of the installed backends")
    graph = open_graph(path, Opening(CONTRACT))
    assert (graph.backend, graph.batch) == ("tensorrt", 32)
    graph.close()


def counted_net(path: Path, operator: str) -> Path:
    """Outputs whose lengths the file leaves open: as wide as the picture, or as many as it has pixels above zero."""
    nodes = [onnx.helper.make_node(operator, ["x"], ["rows"])]
    kind = TensorProto.INT64 if operator == "NonZero" else TensorProto.FLOAT
    ports = [
        onnx.helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "height", "width"]),
        onnx.helper.make_tensor_value_info(
            "rows", kind, ["n", "a", "b", "c"] if kind == TensorProto.FLOAT else [4, "m"]
        ),
    ]
    graph = onnx.helper.make_graph(nodes, "small", ports[:1], ports[1:])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def test_lengths_that_follow_from_the_size_of_a_picture_are_worked_out(tmp_path: Path, fake: FakeTensorRT) -> None:
    path = counted_net(tmp_path / "net.onnx", "Relu")
    graph = open_graph(path, Opening(InputSpec(width=WIDTH, height=HEIGHT), batch=4))
    assert graph.backend == "tensorrt"
    assert graph.outputs[0].shape == (4, 3, HEIGHT, WIDTH)
    (rows,) = graph.submit(pictures(3)).result()
    assert rows == pytest.approx(pictures(3).transpose(0, 3, 1, 2), rel=0.001)
    graph.close()


def test_auto_passes_over_what_tensorrt_cannot_execute_and_says_so(tmp_path: Path, fake: FakeTensorRT) -> None:
    path = counted_net(tmp_path / "net.onnx", "NonZero")
    lines: list[str] = []
    opening = Opening(InputSpec(width=WIDTH, height=HEIGHT))
    open_graph(path, opening, first_build=FirstBuild(lines.append, in_background=True)).close()
    why = "tensorrt expects outputs of one length per picture, got rows (4, None)"
    assert lines == [f"net.onnx: backend openvino ({why}; the first of the installed backends)"]
    with pytest.raises(BackendError, match=r"net\.onnx: backend tensorrt expects outputs .*; use backend openvino$"):
        open_graph(path, opening, backend="tensorrt")


def test_too_little_memory_is_one_line(tmp_path: Path, fake: FakeTensorRT, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(size: int) -> int:
        raise RuntimeError("cuMemAlloc failed: out of memory")

    import pycuda.driver as cuda  # type: ignore[import-not-found, unused-ignore]

    monkeypatch.setattr(cuda, "mem_alloc", full)
    with pytest.raises(BackendError, match="the GPU cannot take the engine: cuMemAlloc failed: out of memory"):
        opened(means_net(tmp_path / "net.onnx"))
