"""What a benchmark works on, and one measured pass of the pipeline over it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from reid_pipeline.errors import ConfigError, PipelineError

# Not the console script: it need not be on the PATH of whoever calls this.
_PIPELINE = (sys.executable, "-c", "import sys; from reid_pipeline.cli import main; sys.exit(main())")


@dataclass(frozen=True, slots=True)
class Workload:
    """Clips, each a camera of its own, and the models to run on them.

    `detector` and `encoder` are names or paths as in cameras.yaml; `limit_s` ends every clip after so many seconds of
    its own time.
    """

    clips: tuple[Path, ...]
    detector: str = "yolo11n"
    encoder: str = "saga-s"
    limit_s: float | None = None

    def check(self) -> None:
        """Raises `ConfigError` when there is no clip or one of them does not exist."""
        if not self.clips:
            raise ConfigError("bench: expected at least one clip, got none; name some, such as samples/plaza/*.mp4")
        for clip in self.clips:
            if not clip.is_file():
                raise ConfigError(f"bench: {clip}: expected a video file, found none there")


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over all clips: frames of all of them, wall time, people told apart, and busy seconds by stage."""

    frames: int
    seconds: float
    people: int
    stages: Mapping[str, float] = field(default_factory=dict)

    @property
    def fps(self) -> float:
        """Frames of all clips per second of wall time."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Pass:
        """From the JSON summary of a run."""
        return cls(int(values["frames"]), float(values["seconds"]), int(values["people"]), dict(values["stages"]))


def write_config(workload: Workload, folder: Path) -> Path:
    """Write the workload as a cameras.yaml into `folder`, where its output goes too."""
    config = {
        "cameras": {
            f"camera{number}": {"source": _literal(clip)} for number, clip in enumerate(workload.clips, start=1)
        },
        "detector": {"model": _model(workload.detector)},
        "encoder": {"model": _model(workload.encoder)},
        "output": {"directory": _literal(folder / "out")},
    }
    path = folder / "cameras.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def run_pipeline(workload: Workload) -> Pass:
    """Run `reid-pipeline run` on the workload in a process of its own, with a fresh gallery.

    Raises:
        PipelineError: The run failed; the message is its own last line.
    """
    with tempfile.TemporaryDirectory(prefix="reid-bench-") as folder:
        command = [*_PIPELINE, "run", str(write_config(workload, Path(folder))), "--json"]
        if workload.limit_s is not None:
            command += ["--limit", f"{workload.limit_s:g}"]
        return Pass.parse(run_json(command, name="reid-pipeline run"))


def run_json(command: Sequence[str], *, name: str) -> dict[str, Any]:
    """Run a command and return the JSON object that it prints.

    Raises:
        PipelineError: It failed; the message is `name` and the last line that it wrote to stderr.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}, no message"]
        raise PipelineError(f"bench: {name} failed: {lines[-1].removeprefix('error: ')}")
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def _model(name: str) -> str:
    """A path is made absolute, because cameras.yaml takes it as relative to itself; a name stays."""
    path = Path(name)
    return _literal(path) if path.is_file() else name


def _literal(path: Path) -> str:
    """The absolute path with `${` escaped, so that cameras.yaml does not look for a variable in it."""
    return str(path.absolute()).replace("${", "$${")
