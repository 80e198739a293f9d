"""The pipeline beside ultralytics on the same clips: alternating rounds, each in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reid_pipeline.errors import ConfigError
from reid_tools.bench.workload import Pass, Workload, run_json, run_pipeline

_PEER_SCRIPT = Path(__file__).with_name("peer.py")
OURS, THEIRS = "reid-pipeline", "ultralytics, BoT-SORT with ReID"
# lap is the assignment solver that its trackers import without depending on it
_NEEDED = ("ultralytics", "lap")
INSTALL = "pip install ultralytics lap"


@dataclass(frozen=True, slots=True)
class Peer:
    """How to run ultralytics.

    `model` is the same network as the pipeline's detector, as a file or a name that ultralytics downloads; `reid` a
    model file for ReID, or "auto" for the detector's own features, which needs a `.pt`. `python` is the interpreter
    that has ultralytics, which may be that of another environment.
    """

    model: str = "yolo11n.pt"
    reid: str = "auto"
    python: str = sys.executable

    def installed(self) -> bool:
        """Whether `python` has ultralytics with its trackers. Raises `ConfigError` when it is no interpreter."""
        check = "import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, sys.argv[1:])))"
        try:
            return (
                subprocess.run([self.python, "-c", check, *_NEEDED], capture_output=True, check=False).returncode == 0
            )
        except OSError as error:
            raise ConfigError(f"bench: {self.python}: expected a Python interpreter: {error.strerror}") from error

    def run(self, workload: Workload) -> Pass:
        """One pass over the clips, one after the other. Raises `PipelineError` when it fails."""
        request = {
            "clips": [str(clip) for clip in workload.clips],
            "model": self.model,
            "reid": self.reid,
            "limit_s": workload.limit_s,
        }
        return Pass.parse(run_json([self.python, str(_PEER_SCRIPT), json.dumps(request)], name="ultralytics"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """The passes of both sides, in order; `theirs` is empty where ultralytics is not installed."""

    ours: tuple[Pass, ...]
    theirs: tuple[Pass, ...]
    cores: int

    @property
    def ratio(self) -> float | None:
        """How many times as fast as ultralytics, median against median."""
        return median_fps(self.ours) / median_fps(self.theirs) if self.theirs else None

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values; `ratio` is null without ultralytics."""
        return {
            "cores": self.cores,
            "ratio": self.ratio,
            "ours": _side(self.ours),
            "theirs": _side(self.theirs) if self.theirs else None,
        }

    def table(self) -> str:
        """Frames per second of both, the ratio, and where our time went."""
        rows = [(OURS, self.ours), *([(THEIRS, self.theirs)] if self.theirs else [])]
        width = max(len(name) for name, _ in rows)
        lines = [f"{'':{width}}     fps  frames  people  rounds"]
        for name, passes in rows:
            rounds = " ".join(f"{one.fps:.1f}" for one in passes)
            typical = _typical(passes)
            lines.append(f"{name:{width}}  {median_fps(passes):6.1f}  {typical.frames:6}  {typical.people:6}  {rounds}")
        if self.ratio is None:
            lines += ["", f"ultralytics is not installed, so there is nothing to compare with: {INSTALL}"]
        else:
            lines += ["", f"{self.ratio:.2f} times as fast as ultralytics on {self.cores} cores."]
        return "\n".join([*lines, *_stage_lines(_typical(self.ours))])


def compare(
    workload: Workload, peer: Peer, *, rounds: int = 3, note: Callable[[str], None] = lambda text: None
) -> Comparison:
    """Measure both sides in turn, `rounds` times each; `note` is told about every pass.

    Raises:
        ConfigError: No clips, no rounds, or `peer.python` is no interpreter.
        PipelineError: A pass failed.
    """
    if rounds < 1:
        raise ConfigError(f"bench: rounds: expected at least 1, got {rounds}")
    workload.check()
    runs = {OURS: run_pipeline, THEIRS: peer.run} if peer.installed() else {OURS: run_pipeline}
    passes = alternate(runs, workload, rounds=rounds, note=note)
    return Comparison(passes[OURS], passes.get(THEIRS, ()), _cores())


def alternate(
    runs: Mapping[str, Callable[[Workload], Pass]], workload: Workload, *, rounds: int, note: Callable[[str], None]
) -> dict[str, tuple[Pass, ...]]:
    """Run everybody once, then everybody again, so that what slows the machine for a while slows them all."""
    passes: dict[str, tuple[Pass, ...]] = dict.fromkeys(runs, ())
    for number in range(1, rounds + 1):
        for name, run in runs.items():
            done = run(workload)
            passes[name] += (done,)
            note(f"round {number} of {rounds}: {name}: {done.fps:.1f} frames per second")
    return passes


def median_fps(passes: Sequence[Pass]) -> float:
    """The median over the passes."""
    return statistics.median(one.fps for one in passes)


def _typical(passes: Sequence[Pass]) -> Pass:
    """The pass in the middle by speed (the faster of the two middle ones)."""
    return sorted(passes, key=lambda one: one.fps)[len(passes) // 2]


def _side(passes: Sequence[Pass]) -> dict[str, Any]:
    typical = _typical(passes)
    return {
        "fps": median_fps(passes),
        "rounds_fps": [one.fps for one in passes],
        "frames": typical.frames,
        "people": typical.people,
        "stages": dict(typical.stages),
    }


def _stage_lines(one: Pass) -> list[str]:
    if not one.stages:
        return []
    lines = ["", f"Busy time by stage, of {one.seconds:.1f} s (stages overlap):"]
    for stage, seconds in sorted(one.stages.items(), key=lambda item: -item[1]):
        lines.append(f"  {stage:10}  {seconds:7.2f} s  {100 * seconds / one.seconds:5.1f} %")
    return lines


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
