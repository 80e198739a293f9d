from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from reid_pipeline.detect.export import export_checkpoint
from reid_pipeline.errors import ConfigError, MissingExtra


class FakeYOLO:
    """What is used of `ultralytics.YOLO`: the checkpoint's text is its task."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.task = self.path.read_text()
        if self.task == "broken":
            raise RuntimeError("PytorchStreamReader failed\nreading zip archive")

    def export(self, **options: object) -> str:
        assert options == {"format": "onnx", "dynamic": True, "nms": False, "simplify": False}
        written = self.path.with_suffix(".onnx")
        written.write_text("exported")
        return str(written)


@pytest.fixture
def ultralytics(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("ultralytics")
    module.YOLO = FakeYOLO  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ultralytics", module)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLO_AUTOINSTALL", "")
    monkeypatch.setenv("YOLO_VERBOSE", "")


def checkpoint(folder: Path, task: str) -> Path:
    path = folder / "best.pt"
    path.write_text(task)
    return path


@pytest.mark.usefixtures("ultralytics")
def test_export_writes_the_named_file_and_nothing_else(tmp_path: Path) -> None:
    output = tmp_path / "models" / "people.onnx"
    assert export_checkpoint(checkpoint(tmp_path, "detect"), output) == output
    assert output.read_text() == "exported"
    assert [path.name for path in output.parent.iterdir()] == ["people.onnx"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "models"]


@pytest.mark.usefixtures("ultralytics")
@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("broken", "PytorchStreamReader failed reading zip archive"),
        ("segment", "got a checkpoint for the task segment"),
    ],
)
def test_unusable_checkpoint_leaves_nothing_behind(tmp_path: Path, task: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        export_checkpoint(checkpoint(tmp_path, task), tmp_path / "people.onnx")
    assert str(caught.value).startswith(str(tmp_path / "best.pt"))
    assert [path.name for path in tmp_path.iterdir()] == ["best.pt"]


@pytest.mark.usefixtures("ultralytics")
def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = checkpoint(tmp_path, "detect")
    with pytest.raises(ConfigError, match=r"best\.pt/people\.onnx: cannot be written"):
        export_checkpoint(file, file / "people.onnx")


def test_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.pt: no such checkpoint"):
        export_checkpoint(tmp_path / "none.pt", tmp_path / "people.onnx")


def test_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    with pytest.raises(MissingExtra, match=r"run: pip install 'reid-pipeline\[ultralytics\]'"):
        export_checkpoint(checkpoint(tmp_path, "detect"), tmp_path / "people.onnx")
