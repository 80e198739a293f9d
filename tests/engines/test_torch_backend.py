"""The torch backend: on the CPU, and the course of events on a GPU that is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from reid_engines.backends import choose_backend, describe_graph, open_graph  # noqa: E402
from reid_engines.backends.graph import Opening  # noqa: E402
from reid_engines.backends.torch import graph_of  # noqa: E402
from reid_engines.errors import BackendError, ModelFileError  # noqa: E402
from reid_engines.saga.config import HALF, AggregationConfig, Fusion, SagaConfig, VitConfig  # noqa: E402
from reid_engines.saga.embedder import Embedder  # noqa: E402
from reid_engines.saga.model import Saga  # noqa: E402
from reid_engines.saga.weights import save_weights  # noqa: E402
from reid_engines.spec import InputSpec  # noqa: E402

PICTURES = InputSpec(layout="nhwc")
SIZE = (64, 32)


def small_embedder() -> Embedder:
    torch.manual_seed(0)
    backbone = VitConfig(width=32, layers=2, heads=2, stride=16, projection=16, token_layer=1)
    aggregation = AggregationConfig(anchors=4, source="free", domain_anchors=2, heads=2)
    return Embedder(Saga(SagaConfig(backbone, aggregation, Fusion(), HALF, HALF, *SIZE)))


def pictures(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *SIZE, 3), dtype=np.uint8)


def in_float32(embedder: Embedder, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.inference_mode():
        return np.asarray(embedder(torch.from_numpy(images)).numpy())


def test_a_weights_file_is_opened_by_its_name_alone(tmp_path: Path) -> None:
    embedder, path = small_embedder(), tmp_path / "net.safetensors"
    save_weights(embedder.model, path)
    assert choose_backend(path).backend == "torch"
    assert describe_graph(path).outputs[0].shape == (None, 80)
    graph = open_graph(path, Opening(PICTURES))
    assert (graph.backend, graph.batch, graph.input.shape) == ("torch", 32, (32, *SIZE, 3))
    assert graph.outputs[0].shape == (32, 80)
    for count in (1, 5, 32):
        (vectors,) = graph.submit(pictures(count)).result()
        assert vectors.dtype == np.float32
        assert vectors == pytest.approx(in_float32(embedder, pictures(count)), abs=1e-5)
    wrong: list[Any] = [pictures(0), pictures(33), pictures(2)[:, 1:], pictures(2).astype(np.float32)]
    for images in wrong:
        with pytest.raises(ValueError, match="uint8 pictures"):
            graph.submit(images)
    graph.close()
    with pytest.raises(BackendError, match="closed"):
        graph.submit(pictures(1))


def test_files_that_are_none_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelFileError, match=r"net\.safetensors: not a readable safetensors file"):
        open_graph(path, Opening(PICTURES))
    with pytest.raises(BackendError, match=r"backend torch: reads \.safetensors files, got net\.onnx"):
        open_graph(tmp_path / "net.onnx", Opening(PICTURES), backend="torch")


def test_pictures_in_another_order() -> None:
    with pytest.raises(BackendError, match="its models take rgb pictures, got bgr"):
        graph_of(small_embedder(), Opening(PICTURES, "bgr", 1))


class Recorder(torch.utils._python_dispatch.TorchDispatchMode):  # type: ignore[misc, name-defined]
    """Keeps every operation and does it again on the same tensors, as a CUDA graph does."""

    def __init__(self) -> None:
        super().__init__()
        self._done: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], Any]] = []
        self.replays = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self._done.append((func, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        self.replays += 1
        with torch.inference_mode():
            for func, args, kwargs, kept in self._done:
                again = func(*args, **kwargs)
                if isinstance(kept, torch.Tensor) and kept.data_ptr() != again.data_ptr():
                    kept.copy_(again)


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> list[Recorder]:
    """A GPU that is this CPU; returns the CUDA graphs that are made on it."""
    made: list[Recorder] = []

    class Event:
        def __init__(self, *, blocking: bool) -> None:
            assert blocking

        def record(self, stream: object) -> None:
            self.recorded = True

        def synchronize(self) -> None:
            assert self.recorded

    def new_graph() -> Recorder:
        made.append(Recorder())
        return made[-1]

    @contextmanager
    def nothing(*given: object, **named: object) -> Iterator[None]:
        yield

    @contextmanager
    def recording(graph: Recorder, *, capture_error_mode: str, **named: object) -> Iterator[None]:
        assert capture_error_mode == "thread_local"
        with graph:
            yield

    empty = torch.empty

    def empty_here(*shape: Any, pin_memory: bool = False, **named: Any) -> Any:
        return empty(*shape, **named)

    changes: dict[str, object] = {
        "is_available": lambda: True,
        "Stream": object,
        "Event": Event,
        "stream": nothing,
        "graph": recording,
        "CUDAGraph": new_graph,
        "graph_pool_handle": lambda: (0, 1),
    }
    for name, change in changes.items():
        monkeypatch.setattr(torch.cuda, name, change)
    monkeypatch.setattr(torch, "empty", empty_here)
    monkeypatch.setattr(torch.Tensor, "cuda", torch.Tensor.clone)
    monkeypatch.setattr(torch.nn.Module, "cuda", lambda module: module)
    return made


def test_on_a_gpu_every_size_is_one_cuda_graph_in_half_precision(recorders: list[Recorder]) -> None:
    embedder = small_embedder()
    expected = {count: in_float32(embedder, pictures(count, seed=count)) for count in (1, 3, 4, 5)}
    graph = graph_of(embedder, Opening(PICTURES, batch=5))
    assert graph.parallel == 2
    assert {parameter.dtype for parameter in embedder.model.parameters()} == {torch.float16}
    # Sizes 1, 2, 4 and 5 for each of the two that work at once.
    assert len(recorders) == 8
    for count, wanted in expected.items():
        (vectors,) = graph.submit(pictures(count, seed=count)).result()
        assert vectors.shape == wanted.shape
        assert vectors.dtype == np.float32
        cosines = (vectors * wanted).sum(axis=1)
        assert cosines.min() > 0.995
        assert cosines.mean() > 0.999
    assert len(recorders) == 8
    assert sum(recorder.replays for recorder in recorders) == len(expected)
    graph.close()


def test_on_a_gpu_half_precision_can_be_ruled_out(recorders: list[Recorder]) -> None:
    embedder = small_embedder()
    graph = graph_of(embedder, Opening(PICTURES, batch=2, coarsest="float32"))
    (vectors,) = graph.submit(pictures(2)).result()
    assert {parameter.dtype for parameter in embedder.model.parameters()} == {torch.float32}
    assert vectors == pytest.approx(in_float32(embedder, pictures(2)), abs=1e-5)
    graph.close()


def test_on_a_gpu_submissions_do_not_mix(recorders: list[Recorder]) -> None:
    graph = graph_of(small_embedder(), Opening(PICTURES, batch=4))
    batches = [pictures(1 + seed % 4, seed) for seed in range(12)]
    one_by_one = [graph.submit(images).result()[0].tobytes() for images in batches]
    under_way = [graph.submit(images) for images in batches]
    assert [future.result()[0].tobytes() for future in under_way] == one_by_one
    graph.close()
