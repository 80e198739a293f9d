"""Whether memory and speed stay as they are: a long run over the looped clips, sampled once a second."""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reid_pipeline.config.loader import load_config
from reid_pipeline.errors import ConfigError, PipelineError
from reid_pipeline.runtime.live import run
from reid_pipeline.runtime.report import RunOptions, RunReport
from reid_tools.bench.loop import loop_clip
from reid_tools.bench.workload import Workload, run_pipeline, write_config

_STATM = Path("/proc/self/statm")
_BYTES_PER_MB = 1_000_000
_S_PER_MIN = 60.0
_EVERY_S = 1.0
# The start is left out of the drift: models, caches and the allocator's pools fill up in it.
_WARM_UP = 0.2
_WINDOW = 0.25
_SPARE = 1.5


@dataclass(frozen=True, slots=True)
class Sample:
    """The state of the process after so many seconds: resident memory, and frames done so far."""

    elapsed_s: float
    rss_bytes: int
    frames: int


@dataclass(frozen=True, slots=True)
class Drift:
    """A quantity early and late in the run, each the median over a quarter of it."""

    early: float
    late: float

    @property
    def percent(self) -> float:
        """By how much late is above early."""
        return 100 * (self.late / self.early - 1) if self.early else 0.0

    def to_dict(self) -> dict[str, float]:
        return {"early": self.early, "late": self.late, "drift_percent": self.percent}


@dataclass(frozen=True, slots=True)
class Soak:
    """What a long run showed."""

    samples: tuple[Sample, ...]
    people: int

    @property
    def rss_mb(self) -> Drift:
        """Resident memory in MB."""
        return _drift([sample.rss_bytes / _BYTES_PER_MB for sample in self.samples])

    @property
    def step_ms(self) -> Drift:
        """Milliseconds of wall time per frame of any camera."""
        pairs = zip(self.samples, self.samples[1:], strict=False)
        return _drift([1000 * (b.elapsed_s - a.elapsed_s) / (b.frames - a.frames) for a, b in pairs])

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        last = self.samples[-1]
        return {
            "minutes": last.elapsed_s / _S_PER_MIN,
            "frames": last.frames,
            "fps": last.frames / last.elapsed_s,
            "people": self.people,
            "rss_mb": self.rss_mb.to_dict(),
            "rss_peak_mb": max(sample.rss_bytes for sample in self.samples) / _BYTES_PER_MB,
            "step_ms": self.step_ms.to_dict(),
        }

    def table(self) -> str:
        """A table for people."""
        last = self.samples[-1]
        rows = [("memory, MB", self.rss_mb), ("time per frame, ms", self.step_ms)]
        lines = [f"{'':18}   early    late   drift"]
        lines += [f"{name:18}  {d.early:6.1f}  {d.late:6.1f}  {d.percent:+5.1f} %" for name, d in rows]
        return "\n".join(
            [
                *lines,
                "",
                f"{last.elapsed_s / _S_PER_MIN:.1f} minutes, {last.frames} frames, "
                f"{last.frames / last.elapsed_s:.1f} frames per second, {self.people} people. "
                f"Early and late are medians over a quarter of the run each, its first fifth left out.",
            ]
        )


def soak(workload: Workload, *, minutes: float, note: Callable[[str], None] = lambda text: None) -> Soak:
    """Run the pipeline in this process over the looped clips for `minutes`, at full speed.

    Raises:
        ConfigError: No clips, or `minutes` is not above 0.
        PipelineError: The run failed, was too short to say anything, or this system does not tell memory by /proc.
    """
    if not minutes > 0:
        raise ConfigError(f"bench: soak: expected minutes above 0, got {minutes:g}")
    workload.check()
    if not _STATM.is_file():
        raise PipelineError(f"bench: soak reads memory from {_STATM}, which this system does not have; use Linux")
    first = run_pipeline(workload)
    times = math.ceil(_SPARE * minutes * _S_PER_MIN / first.seconds)
    note(f"one pass takes {first.seconds:.1f} s; looping the clips {times} times")
    with tempfile.TemporaryDirectory(prefix="reid-soak-") as name:
        folder = Path(name)
        looped = []
        for number, clip in enumerate(workload.clips, start=1):
            looped.append(folder / f"loop{number}.mp4")
            loop_clip(clip, looped[-1], times=times)
        return _watch(replace(workload, clips=tuple(looped)), folder, minutes)


@dataclass(slots=True)
class _Sampler:
    """Progress that looks at the clock and the memory, and ends the run when its time is over."""

    limit_s: float
    stop: threading.Event
    samples: list[Sample] = field(default_factory=list)
    began: float | None = None

    def begin(self, task: str, total: int | None) -> None: ...

    def advance(self, task: str, done: int) -> None:
        if task != "frames":
            return
        now = time.perf_counter()
        self.began = self.began or now
        elapsed = now - self.began
        latest = self.samples[-1] if self.samples else None
        if latest is None or (elapsed >= latest.elapsed_s + _EVERY_S and done > latest.frames):
            self.samples.append(Sample(elapsed, _resident_bytes(), done))
        if elapsed >= self.limit_s:
            self.stop.set()

    def end(self, task: str) -> None: ...

    def note(self, text: str) -> None: ...


def _watch(workload: Workload, folder: Path, minutes: float) -> Soak:
    options = RunOptions()
    sampler = _Sampler(minutes * _S_PER_MIN, options.stop)
    report: RunReport = run(load_config(write_config(workload, folder)), options, sampler)
    if report.failures:
        raise PipelineError(f"bench: soak: {report.failures[0]}")
    if len(sampler.samples) < 10:
        raise PipelineError(
            f"bench: soak: only {len(sampler.samples)} samples in {minutes:g} minutes, expected 10 or more; run longer"
        )
    return Soak(tuple(sampler.samples), report.people)


def _resident_bytes() -> int:
    return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _drift(values: Sequence[float]) -> Drift:
    warm = values[int(len(values) * _WARM_UP) :]
    window = max(1, int(len(warm) * _WINDOW))
    return Drift(statistics.median(warm[:window]), statistics.median(warm[-window:]))
