"""What is measured on a GPU, and how that is told."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

MEAN_COSINE, LEAST_COSINE = 0.999, 0.995


@dataclass(frozen=True, slots=True)
class Timing:
    """`crops_per_s` with as many submissions under way as the graph takes, `latency_ms` of one alone (median).

    Both are from pictures in memory to vectors in memory, the copies to the GPU and back included.
    """

    batch: int
    crops_per_s: float
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One backend: how alike its vectors are to float32 (cosine), and how fast it is; or why it was not measured."""

    backend: str
    precision: str
    mean_cosine: float | None = None
    least_cosine: float | None = None
    timings: tuple[Timing, ...] = ()
    missing: str = ""

    @property
    def passed(self) -> bool:
        """Whether it was measured and gives the vectors of float32."""
        if self.mean_cosine is None or self.least_cosine is None:
            return False
        return self.mean_cosine >= MEAN_COSINE and self.least_cosine >= LEAST_COSINE


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and with what it was measured."""

    gpu: str
    capability: str
    driver: str
    system: str
    date: str
    commit: str
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """All results of one run of this script."""

    model: str
    weights: str
    machine: Machine
    results: tuple[Measured, ...]

    def to_json(self) -> str:
        """The report as JSON, keys sorted."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    def to_markdown(self) -> str:
        """The report for people."""
        where = self.machine
        versions = ", ".join(f"{name} {version}" for name, version in where.versions.items())
        lines = [
            f"# {self.model} on {where.gpu}",
            "",
            f"Measured {where.date} at commit {where.commit} with {self.weights} weights on {where.gpu} (compute "
            f"capability {where.capability}, driver {where.driver}), {where.system}; {versions}.",
            "",
            "From pictures in memory to vectors in memory, copies included. Cosines are against float32 in torch; "
            f"expected are a mean of at least {MEAN_COSINE} and none below {LEAST_COSINE}.",
            "",
            "| backend | precision | batch | crops/s | ms, one batch alone | mean cosine | least cosine |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        for result in self.results:
            if result.missing:
                lines.append(f"| {result.backend} | {result.precision} | | not measured: {result.missing} | | | |")
            lines += [
                f"| {result.backend} | {result.precision} | {timing.batch} | {timing.crops_per_s:.0f} "
                f"| {timing.latency_ms:.2f} | {result.mean_cosine:.6f} | {result.least_cosine:.6f} |"
                for timing in result.timings
            ]
        return "\n".join(lines) + "\n"
