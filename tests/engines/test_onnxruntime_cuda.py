"""ONNX Runtime's CUDA provider: when it is chosen, what is asked of it, and what is said when it does not start.

The GPU is not there: the session executes on the CPU and says that it does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from reid_engines import backends
from reid_engines.backends import AT_ONCE, FirstBuild, choose_backend, open_graph, tensorrt_gpu
from reid_engines.backends.graph import Opening
from reid_engines.backends.tensorrt_gpu import Gpu
from reid_engines.errors import BackendError, ModelFileError
from reid_engines.protocol import Graph
from reid_engines.spec import InputSpec
from small_nets import DIM, HEIGHT, WIDTH, means_net

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
OF_THE_GPU_PACKAGE = ["TensorrtExecutionProvider", CUDA, CPU]
L4 = Gpu("NVIDIA L4", "8.9", "550.54.15")
Session = ort.InferenceSession


def has(monkeypatch: pytest.MonkeyPatch, providers: Sequence[str], gpu: Gpu | None) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: list(providers))
    monkeypatch.setattr(tensorrt_gpu, "find_gpu", lambda: gpu)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The GPU package on a machine with a GPU; returns what sessions were asked for and which sizes they executed."""
    made: list[dict[str, Any]] = []

    class OnGpu(Session):  # type: ignore[misc, valid-type]
        def __init__(self, model: bytes, options: ort.SessionOptions, *, providers: list[Any], **named: Any) -> None:
            super().__init__(model, options, providers=[CPU])
            self.asked = {"providers": providers, "deterministic": options.use_deterministic_compute, **named}
            self.asked["sizes"] = []
            made.append(self.asked)

        def get_providers(self) -> list[str]:
            return [each if isinstance(each, str) else each[0] for each in self.asked["providers"]]

        def run(self, names: None, feeds: dict[str, NDArray[Any]]) -> Any:
            self.asked["sizes"].append(len(next(iter(feeds.values()))))
            return super().run(names, feeds)

    monkeypatch.setattr(ort, "InferenceSession", OnGpu)
    has(monkeypatch, OF_THE_GPU_PACKAGE, L4)
    return made


def opened(path: Path, opening: Opening, first_build: FirstBuild = AT_ONCE) -> Graph:
    return open_graph(path, opening, backend="onnxruntime", first_build=first_build)


def pictures(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("providers", "gpu", "chosen"),
    [
        ([CPU], None, CPU),
        ([CPU], L4, CPU),
        (OF_THE_GPU_PACKAGE, None, CPU),
        (OF_THE_GPU_PACKAGE, L4, CUDA),
    ],
)
def test_auto_says_which_provider_executes(
    monkeypatch: pytest.MonkeyPatch, providers: list[str], gpu: Gpu | None, chosen: str
) -> None:
    has(monkeypatch, providers, gpu)
    absent = backends._BACKENDS["openvino"]._replace(runtime="openvino_is_not_here")
    monkeypatch.setitem(backends._BACKENDS, "openvino", absent)
    choice = choose_backend(Path("net.onnx"))
    assert choice.backend == "onnxruntime"
    assert choice.reason.endswith(f"openvino is not installed; the first of the installed backends, on {chosen}")
    assert choose_backend(Path("net.onnx"), "onnxruntime").reason == f"asked for, on {chosen}"


def test_on_the_gpu_it_takes_batches_and_nothing_is_chosen_by_timing(
    tmp_path: Path, sessions: list[dict[str, Any]]
) -> None:
    path, told = means_net(tmp_path / "net.onnx"), list[str]()
    graph = opened(path, Opening(InputSpec()), FirstBuild(told.append))
    assert told == [f"net.onnx: backend onnxruntime (asked for, on {CUDA})"]
    assert (graph.backend, graph.batch, graph.input.shape) == ("onnxruntime", 32, (32, HEIGHT, WIDTH, 3))
    for count in (1, 3, 32):
        assert graph.submit(pictures(count)).result()[0].shape == (count, DIM)
    graph.close()
    (asked,) = sessions
    assert asked["providers"] == [(CUDA, {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "1"}), CPU]
    assert (asked["deterministic"], asked["enable_fallback"]) == (True, 0)
    assert asked["sizes"] == [1, 4, 32]


def test_on_the_gpu_float32_is_float32(tmp_path: Path, sessions: list[dict[str, Any]]) -> None:
    opened(means_net(tmp_path / "net.onnx"), Opening(InputSpec(), coarsest="float32")).close()
    assert sessions[0]["providers"][0][1]["use_tf32"] == "0"


def test_a_graph_that_fixes_its_batch_executes_nothing_else(tmp_path: Path, sessions: list[dict[str, Any]]) -> None:
    graph = opened(means_net(tmp_path / "net.onnx", batch=3), Opening(InputSpec()))
    assert graph.submit(pictures(2)).result()[0].shape == (2, DIM)
    assert (graph.batch, sessions[0]["sizes"]) == (3, [3])
    graph.close()


def test_cuda_that_does_not_start_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """With or without an exception: where libraries are missing, ONNX Runtime goes on without the GPU."""
    path = means_net(tmp_path / "net.onnx")
    has(monkeypatch, OF_THE_GPU_PACKAGE, L4)

    def without_libraries(model: bytes, options: ort.SessionOptions, **named: Any) -> ort.InferenceSession:
        return Session(model, options, providers=[CPU])

    def refusing(model: bytes, options: ort.SessionOptions, *, providers: list[Any], **named: Any) -> Any:
        if CUDA in dict(each for each in providers if isinstance(each, tuple)):
            raise RuntimeError("CUDA failure 35: driver version is insufficient")
        return Session(model, options, providers=providers)

    what_to_do = "install the CUDA and cuDNN that this onnxruntime-gpu was built for, or set CUDA_VISIBLE_DEVICES="
    for session, cause in (
        (without_libraries, "its CUDA libraries cannot be loaded"),
        (refusing, "CUDA failure 35: driver version is insufficient"),
    ):
        monkeypatch.setattr(ort, "InferenceSession", session)
        with pytest.raises(BackendError) as caught:
            opened(path, Opening(InputSpec()))
        line = f"{path}: backend onnxruntime does not start on the GPU: {cause}; {what_to_do} to stay on the CPU"
        assert str(caught.value) == line
    path.write_bytes(b"not a model " * 20)
    with pytest.raises(ModelFileError, match=r"net\.onnx: not a readable ONNX model"):
        opened(path, Opening(InputSpec()))
    assert capfd.readouterr() == ("", "")
