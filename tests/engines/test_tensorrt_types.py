"""The TensorRT modules against the types of the real package.

The stubs are not among the project's requirements: they ask for a TensorRT of 500 MB, which is not needed to read them,
and are no valid Python as published. So they are fetched here, and repaired.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

STUBS = "tensorrt-stubs==10.13.0.35.1"
ROOT = Path(__file__).parents[2]
MODULES = sorted(str(path) for path in (ROOT / "engines/reid_engines/backends").glob("tensorrt*.py"))

# What is wrong, what it becomes, and how often that is.
REPAIRS = (
    (r"\bin: list\[", "in_: list[", 4),
    (r"channel_axis: int\) -> IScaleLayer", "channel_axis: int = ...) -> IScaleLayer", 1),
    # Its own data type of that name hides the builtin that its annotations mean.
    (r"(?m)^bool: DataType.*\n", "", 1),
)
WRONG = """
import tensorrt as trt

def build(builder: trt.Builder) -> None:
    builder.create_netwerk(1)
"""


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stubs")
    download = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    done = subprocess.run([*download, STUBS], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{STUBS} cannot be had from the package index: {done.stderr.strip().splitlines()[-1]}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    path = folder / "tensorrt_bindings" / "tensorrt.pyi"
    text = path.read_text(encoding="utf-8")
    for pattern, repaired, times in REPAIRS:
        text, count = re.subn(pattern, repaired, text)
        assert count == times, f"{pattern}: {STUBS} has changed"
    path.write_text(text, encoding="utf-8")
    return folder


def mypy(stubs: Path, *paths: str) -> str:
    """What mypy says of these files under the project's own settings."""
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(stubs / "cache"), "--no-error-summary", *paths]
    environment = {**os.environ, "MYPYPATH": str(stubs)}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment).stdout


@pytest.mark.slow
def test_tensorrt_is_called_as_its_types_say(stubs: Path) -> None:
    assert mypy(stubs, *MODULES) == ""


@pytest.mark.slow
def test_the_stubs_are_what_is_checked_against(stubs: Path) -> None:
    wrong = stubs / "wrong.py"
    wrong.write_text(WRONG, encoding="utf-8")
    assert '"Builder" has no attribute "create_netwerk"' in mypy(stubs, str(wrong))
