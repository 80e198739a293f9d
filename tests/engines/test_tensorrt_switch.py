"""A run that starts on one backend while the engine of another is being built."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fake_tensorrt import PATIENCE_S, Lines, held, install
from reid_engines.backends import FirstBuild, open_graph
from reid_engines.backends.graph import Opening
from reid_engines.backends.tensorrt_switch import SwitchingGraph
from reid_engines.errors import BackendError
from reid_engines.protocol import Graph
from reid_engines.spec import InputSpec
from reid_engines.store import MODELS_VARIABLE
from small_nets import DIM, HEIGHT, WIDTH, means_net

CONTRACT = InputSpec(std=(255.0,) * 3)


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))


def pictures(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, HEIGHT, WIDTH, 3), dtype=np.uint8)


def test_the_fallback_works_until_the_engine_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, lines = install(monkeypatch), Lines()
    go, path = held(fake), means_net(tmp_path / "net.onnx")
    graph = open_graph(path, Opening(CONTRACT), first_build=FirstBuild(lines.note, in_background=True))
    assert (graph.backend, graph.batch, graph.outputs[0].shape) == ("openvino", 32, (32, DIM))
    before = {count: graph.submit(pictures(count)).result()[0] for count in (1, 5, 32)}
    assert fake.gpu.log == []
    go.set()
    lines.wait_for("the run goes on with tensorrt instead of openvino")
    assert graph.backend == "tensorrt"
    for count, vectors in before.items():
        assert vectors.shape == (count, DIM)
        assert graph.submit(pictures(count)).result()[0] == pytest.approx(vectors, rel=0.02, abs=0.02)
    assert "execute 8" in fake.gpu.log
    graph.close()
    with pytest.raises(BackendError, match="closed"):
        graph.submit(pictures(1))


def test_submissions_go_on_through_the_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, lines = install(monkeypatch), Lines()
    go, path = held(fake), means_net(tmp_path / "net.onnx")
    graph = open_graph(path, Opening(CONTRACT), first_build=FirstBuild(lines.note, in_background=True))
    futures = []
    for seed in range(300):
        if seed == 20:
            go.set()
        futures.append(graph.submit(pictures(1 + seed % 5, seed)))
        if seed == 200:
            lines.wait_for("instead of openvino")
    shapes = [future.result()[0].shape for future in futures]
    assert shapes == [(1 + seed % 5, DIM) for seed in range(300)]
    graph.close()


def test_a_build_that_fails_leaves_the_run_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, lines = install(monkeypatch), Lines()
    fake.refuses = "no implementation"
    path = means_net(tmp_path / "net.onnx")
    graph = open_graph(path, Opening(CONTRACT), first_build=FirstBuild(lines.note, in_background=True))
    line = lines.wait_for("the run stays on openvino")
    assert line.startswith(f"{path}: TensorRT 10.13.0.35 cannot build an engine: no implementation;")
    assert graph.submit(pictures(3)).result()[0].shape == (3, DIM)
    graph.close()


def test_closing_stops_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, lines = install(monkeypatch), Lines()
    go, path = held(fake), means_net(tmp_path / "net.onnx")
    graph = open_graph(path, Opening(CONTRACT), first_build=FirstBuild(lines.note, in_background=True))
    lines.wait_for("building a TensorRT engine")
    graph.close()
    go.set()
    assert isinstance(graph, SwitchingGraph)
    graph._thread.join(PATIENCE_S)
    assert not graph._thread.is_alive()
    assert not any("instead" in line or "stays" in line for line in lines.lines)


def test_a_graph_that_comes_too_late_is_closed(tmp_path: Path) -> None:
    path = means_net(tmp_path / "net.onnx")
    late = open_graph(path, Opening(CONTRACT, batch=4), backend="onnxruntime")
    go = threading.Event()

    def make(stop: threading.Event) -> Graph:
        assert go.wait(PATIENCE_S)
        return late

    graph = SwitchingGraph(open_graph(path, Opening(CONTRACT), backend="openvino"), make, batch=4, note=print)
    graph.close()
    go.set()
    graph._thread.join(PATIENCE_S)
    with pytest.raises(BackendError, match="closed"):
        late.submit(pictures(1))


def test_pictures_that_do_not_fit_are_refused_before_and_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, lines = install(monkeypatch), Lines()
    go, path = held(fake), means_net(tmp_path / "net.onnx")
    graph = open_graph(path, Opening(CONTRACT), first_build=FirstBuild(lines.note, in_background=True))
    wrong = [pictures(0), pictures(33), pictures(2)[:, 1:]]
    for images in wrong:
        with pytest.raises(ValueError, match="uint8 pictures"):
            graph.submit(images)
    go.set()
    lines.wait_for("instead of")
    for images in wrong:
        with pytest.raises(ValueError, match="uint8 pictures"):
            graph.submit(images)
    graph.close()


def test_a_replay_waits_for_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    lines = Lines()
    graph = open_graph(means_net(tmp_path / "net.onnx"), Opening(CONTRACT), first_build=FirstBuild(lines.note))
    assert graph.backend == "tensorrt"
    assert not isinstance(graph, SwitchingGraph)
    assert lines.lines[0] == "net.onnx: backend tensorrt (the first of the installed backends)"
    assert len(lines.lines) == 3
    graph.close()


def test_an_engine_that_is_there_needs_no_fallback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    path = means_net(tmp_path / "net.onnx")
    open_graph(path, Opening(CONTRACT)).close()
    graph = open_graph(path, Opening(CONTRACT), first_build=FirstBuild(in_background=True))
    assert not isinstance(graph, SwitchingGraph)
    graph.close()
