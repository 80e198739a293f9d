"""A simulated day through the associator: does it get slower or larger the longer it runs?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reid_pipeline.config.loader import load_config
from reid_pipeline.core.timeline import in_time_steps
from reid_pipeline.errors import PipelineError
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.runtime.ledger import Models, open_ledger
from reid_pipeline.runtime.report import RunOptions
from reid_pipeline.runtime.stopwatch import Stopwatch
from reid_pipeline.types import NS_PER_S
from reid_tools.scenarios.catalogue import HOUR_S, day
from reid_tools.scenarios.world import World, make_world
from reid_tools.scenarios.writing import cameras_yaml, header

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the run: memory at its end, CPU time per time step without the simulation, what was met so far.

    `in_view` is how many tracks there were at a time, over all cameras.
    """

    number: int
    memory_mb: float
    ms_per_step: float
    in_view: float
    people: int
    tracklets: int


@dataclass(frozen=True, slots=True)
class Soaked:
    """The hours of a run. Drift compares the last hour with the second; it is a share, None below three hours."""

    hours: tuple[Hour, ...]

    @property
    def memory_drift(self) -> float | None:
        return self._drift([hour.memory_mb for hour in self.hours])

    @property
    def time_drift(self) -> float | None:
        return self._drift([hour.ms_per_step for hour in self.hours])

    def to_dict(self) -> dict[str, Any]:
        """The hours and both drifts as plain values."""
        hours = [{name: getattr(hour, name) for name in Hour.__slots__} for hour in self.hours]
        return {"hours": hours, "memory_drift": self.memory_drift, "time_drift": self.time_drift}

    def table(self) -> str:
        """A line for every hour, and the drift."""
        lines = ["hour  memory MB  ms a step  in view  people  tracklets"]
        lines += [
            f"{hour.number:>4}{hour.memory_mb:>11.1f}{hour.ms_per_step:>11.3f}{hour.in_view:>9.1f}{hour.people:>8}{hour.tracklets:>11}"
            for hour in self.hours
        ]
        if self.memory_drift is not None and self.time_drift is not None:
            lines.append(f"from the second hour on: memory {self.memory_drift:+.1%}, time {self.time_drift:+.1%}")
        return "\n".join(lines)

    @staticmethod
    def _drift(values: list[float]) -> float | None:
        return values[-1] / values[1] - 1.0 if len(values) > 2 else None


def soak(
    hours: float, *, seed: int, tuning: bool, told: Callable[[Hour], None], retention: str | None = None
) -> Soaked:
    """Run the `day` through the association of a live run, simulating as it goes; `told` hears every hour.

    Memory is that of the whole process: the simulation keeps a fixed number of people, and its share stays the same.

    `retention` is that of the gallery, as in its configuration.

    Raises:
        PipelineError: the system does not say how much memory a process has (Linux does).
    """
    if not _STATUS.exists():
        raise PipelineError(f"soak: expected {_STATUS}, which tells the memory of a process; run it on Linux")
    scene = replace(day(), length_s=min(24.0, hours) * HOUR_S)
    world = make_world(scene, seed=seed, tuning=tuning)
    measured: list[Hour] = []
    with TemporaryDirectory(prefix="reid-soak-") as folder:
        for hour in _hours(world, Path(folder), retention):
            measured.append(hour)
            told(hour)
    return Soaked(tuple(measured))


def _hours(world: World, folder: Path, retention: str | None) -> Iterator[Hour]:
    start = header(world.scene, 0.0)
    stamp = EncoderStamp(start.encoder.name, start.encoder.sha256, start.dim)
    gallery = "" if retention is None else f"gallery:\n  retention: {retention}\n"
    (folder / "cameras.yaml").write_text(cameras_yaml(world.scene) + gallery, encoding="utf-8")
    (folder / "out").mkdir()
    loaded, options = load_config(folder / "cameras.yaml"), RunOptions(output=folder / "out")
    models = Models(start.detector, stamp, start.match)
    with open_ledger(loaded, options, mode="live", models=models, header=start, watch=Stopwatch()) as ledger:
        number, steps, spent_s, boxes = 1, 0, 0.0, 0
        for step in in_time_steps(filmed.step for filmed in world.film(0.0, world.scene.length_s)):
            begin_s = time.process_time()
            ledger.identify.decide([step])
            spent_s, steps = spent_s + time.process_time() - begin_s, steps + 1
            boxes += sum(len(camera_step.tracked) for camera_step in step.steps)
            if step.start_ns >= number * HOUR_S * NS_PER_S - NS_PER_S:
                associator = ledger.identify.associator
                tracklets = ledger.outputs.recorder.count_tracklets() + len(associator.assignments())
                people, in_view = len(associator.identities()), boxes / (HOUR_S * world.scene.fps)
                yield Hour(number, _memory_mb(), 1e3 * spent_s / steps, in_view, people, tracklets)
                number, steps, spent_s, boxes = number + 1, 0, 0.0, 0


def _memory_mb() -> float:
    """The memory that the process holds now, MB."""
    line = next(line for line in _STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6
