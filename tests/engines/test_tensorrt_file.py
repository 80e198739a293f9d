"""Engine files that are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reid_engines.backends.graph import GraphInfo, PictureShape
from reid_engines.backends.tensorrt_file import EngineFile, EngineKey, read_engine, write_engine
from reid_engines.errors import BackendError, ModelFileError
from reid_engines.protocol import Port

KEY = EngineKey("ab" * 32, "4x6 rgb pictures", "fp16", "10.13.0.35", "NVIDIA L4", "8.9", "550.54.15")
INFO = GraphInfo((Port("x", (None, 3, 6, 4), "float32"),), (Port("vectors", (8, 5), "float32"),), {"a": "b"})
FILE = EngineFile(KEY, INFO, PictureShape(8, 6, 4), (1, 2, 4, 8), b"engine" * 100)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "new" / "net.engine"
    write_engine(path, FILE)
    assert read_engine(path) == FILE
    assert [entry.name for entry in path.parent.iterdir()] == ["net.engine"]


def with_header(content: bytes, **changes: object) -> bytes:
    length = int.from_bytes(content[8:16], "little")
    header = json.dumps({**json.loads(content[16 : 16 + length]), **changes}).encode()
    return content[:8] + len(header).to_bytes(8, "little") + header + content[16 + length :]


@pytest.mark.parametrize("keep", [0, 5, 12, 16, 60, -1])
def test_a_cut_file(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "net.engine"
    write_engine(path, FILE)
    path.write_bytes(path.read_bytes()[:keep])
    message = "not an engine file of this project|damaged: (its header is cut|expected an engine of 600 bytes, got 599)"
    with pytest.raises(ModelFileError, match=message):
        read_engine(path)


def test_a_changed_engine(tmp_path: Path) -> None:
    path = tmp_path / "net.engine"
    write_engine(path, FILE)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ModelFileError, match=r"damaged: its engine has another sha256 .*; build it again"):
        read_engine(path)


@pytest.mark.parametrize("changes", [{"key": {"model": "x"}}, {"sizes": 3}, {"info": {}}, {"engine": []}])
def test_a_foreign_header(tmp_path: Path, changes: dict[str, object]) -> None:
    path = tmp_path / "net.engine"
    write_engine(path, FILE)
    path.write_bytes(with_header(path.read_bytes(), **changes))
    with pytest.raises(ModelFileError, match="damaged: its header is not one of format 1; build it again"):
        read_engine(path)


def test_a_plain_serialized_engine_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.engine"
    path.write_bytes(b"ftrt" + bytes(4000))
    with pytest.raises(ModelFileError, match=r"net\.engine: not an engine file of this project; build one from the"):
        read_engine(path)
    with pytest.raises(ModelFileError, match="cannot be read: Is a directory"):
        read_engine(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackendError, match=r"cannot be written: (Not a directory|File exists)"):
        write_engine(tmp_path / "file" / "net.engine", FILE)
