"""What ships of trained weights: two files that are one model, the same bytes every time."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from reid_engines.encoders import open_encoder
from reid_engines.spec import EncoderSpec, FileSpec, ModelSpec
from reid_tools.train import ship as module
from reid_tools.train.ship import main, ship
from small_weights import crops, small_weights

SPEC = ModelSpec(name="tiny", kind="encoder", licence="MIT", ships=True, encoder=EncoderSpec(match=0.61))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_weights(tmp_path_factory.mktemp("trained") / "tiny.safetensors")


@pytest.fixture(scope="module")
def shipped(trained: Path) -> tuple[FileSpec, FileSpec]:
    return ship(trained, SPEC, trained.parent / "weights")


def test_graph_and_weights_say_what_was_trained(trained: Path, shipped: tuple[FileSpec, FileSpec]) -> None:
    graph, weights = shipped
    folder = trained.parent / "weights"
    assert (graph.name, weights.name) == ("tiny.onnx", "tiny.safetensors")
    assert max(graph.size, weights.size) < 0.7 * trained.stat().st_size
    (folder / "tiny.yaml").write_text("{kind: encoder, encoder: {match: 0.1}}")
    pictures = crops(5)
    with (
        closing(open_encoder(trained)) as first,
        closing(open_encoder(folder / graph.name)) as second,
        closing(open_encoder(folder / weights.name)) as third,
    ):
        assert second.match == 0.61, "the graph carries its own contract"
        assert second.sha256 == third.sha256 != first.sha256
        expected = first.submit(pictures).result()
        built = np.concatenate([second.submit([picture]).result() for picture in pictures])
        stored = third.submit(pictures).result()
    assert min((expected * found).sum(axis=1).min() for found in (built, stored)) > 0.9999


def test_the_command_prints_what_belongs_into_the_spec_the_same_every_time(
    trained: Path,
    shipped: tuple[FileSpec, FileSpec],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(module, "shipped_specs", lambda: {"tiny": SPEC})
    assert main([str(trained), "--output", str(tmp_path)]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert list(printed) == ["file", "weights"]
    assert tuple(FileSpec.model_validate(entry) for entry in printed.values()) == shipped
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.onnx", "tiny.safetensors"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("other.safetensors", "expected the name of a model that ships (tiny.safetensors)"),
        ("tiny.safetensors", "tiny.safetensors: not a readable safetensors file"),
    ],
)
def test_what_cannot_ship_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    message: str,
) -> None:
    monkeypatch.setattr(module, "shipped_specs", lambda: {"tiny": SPEC})
    (tmp_path / name).write_bytes(b"nothing")
    assert main([str(tmp_path / name), "--output", str(tmp_path / "weights")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not list((tmp_path / "weights").glob("*"))
