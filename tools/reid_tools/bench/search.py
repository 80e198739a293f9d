"""How fast a gallery finds people, in how much memory, and how often the right one comes first: made-up galleries.

Looks are drawn as hard to tell apart as real ones (`reid_tools.scenarios.appearance`), of the default encoder's size.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from reid_pipeline.core.looks import Look
from reid_pipeline.core.portrait import Portrait, portrait
from reid_pipeline.core.search import PeopleIndex
from reid_pipeline.core.similarity import quantise
from reid_pipeline.errors import ConfigError, PipelineError
from reid_pipeline.types import Float32
from reid_tools.scenarios.appearance import Energies

DIM = 512
"""Of the default encoder, saga-s."""

LOOKS_EACH = 20
QUERIES = 32

_SETS = 8
_CAMERAS = 8
_AT_ONCE = 250
_FEWEST = 2000
_BYTES_PER_MB = 1_000_000
_NOISE = 1.0
"""Energy of the noise in rows that are searched with: as much as all else. On average their person's best look has a
cosine of 0.52 with them, while a row of a good crop reaches 0.71."""

_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Spread:
    """What something took each time: the median, and the 10th and 90th percentiles."""

    p10_ms: float
    median_ms: float
    p90_ms: float

    @classmethod
    def of(cls, times_s: Sequence[float]) -> Spread:
        return cls(*(1000 * float(each) for each in np.percentile(times_s, (10, 50, 90))))

    def __str__(self) -> str:
        return f"{self.median_ms:.1f} ({self.p10_ms:.1f} to {self.p90_ms:.1f})"


@dataclass(frozen=True, slots=True)
class Timing:
    """A search with 32 rows: time that passed, and time that the processors were busy."""

    wall: Spread
    cpu: Spread


@dataclass(frozen=True, slots=True)
class Searched:
    """One gallery of so many looks.

    `insert_us` is what it took to take in a look, in the first and the last tenth of them. Half of the rows that are
    searched with show people of the gallery: `right` is the share of them whose own person comes first.
    """

    looks: int
    people: int
    memory_mb: float
    insert_us: tuple[float, float]
    search: Timing
    right: float

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "looks": self.looks,
            "people": self.people,
            "memory_mb": self.memory_mb,
            "insert_us": {"first_tenth": self.insert_us[0], "last_tenth": self.insert_us[1]},
            "search": asdict(self.search),
            "right": self.right,
        }


@dataclass(frozen=True, slots=True)
class SearchReport:
    """All galleries of one run; `threads` is how many the matrix products had."""

    threads: int
    galleries: tuple[Searched, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "dim": DIM,
            "queries": QUERIES,
            "threads": self.threads,
            "galleries": [each.to_dict() for each in self.galleries],
        }

    def table(self) -> str:
        """A table for people."""
        header = ("looks", "people", "MB", "us to add", "search, ms", "CPU", "right")
        rows = [header, *(_cells(each) for each in self.galleries)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
        return "\n".join(
            [
                *lines,
                "",
                f"{QUERIES} rows of {DIM} numbers at once, {self.threads} thread{'s' * (self.threads != 1)}: median "
                "(10th to 90th percentile), and CPU time. To add a look: among the first and the last tenth.",
                "Right: of rows that show somebody of the gallery, poor looks all, so many find that person first.",
            ]
        )


def _cells(each: Searched) -> tuple[str, ...]:
    return (
        f"{each.looks:,}",
        f"{each.people:,}",
        f"{each.memory_mb:.0f}",
        "{:.1f} / {:.1f}".format(*each.insert_us),
        str(each.search.wall),
        f"{each.search.cpu.median_ms:.1f}",
        f"{100 * each.right:.1f} %",
    )


def measure(sizes: Sequence[int], *, rounds: int, note: Callable[[str], None] = lambda text: None) -> SearchReport:
    """Fill a gallery with each of so many looks, and search it `rounds` times.

    Raises:
        ConfigError: A gallery is too small to say anything, or there are no rounds.
        PipelineError: This system does not tell memory by /proc.
    """
    if rounds < 1:
        raise ConfigError(f"bench: rounds: expected 1 or more, got {rounds}")
    for size in sizes:
        if size < _FEWEST:
            raise ConfigError(f"bench: search: expected {_FEWEST} looks or more, got {size}")
    if not _STATM.is_file():
        raise PipelineError(f"bench: search reads memory from {_STATM}, which this system does not have; use Linux")
    galleries = []
    for size in sizes:
        note(f"{size:,} looks")
        galleries.append(_measure(size // LOOKS_EACH, rounds))
    threads = max((each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"), default=1)
    return SearchReport(threads, tuple(galleries))


@dataclass(slots=True)
class _Crowd:
    """People of one population, and looks of them in several cameras and from all sides."""

    rng: np.random.Generator
    energies: Energies = field(default_factory=Energies)
    site: Float32 = field(init=False)
    cameras: Float32 = field(init=False)

    def __post_init__(self) -> None:
        self.site = self._units(1)[0]
        self.cameras = self._units(_CAMERAS)

    def people(self, count: int) -> Float32:
        """What is their own, and the two parts between which their sides turn: float32 (count, 3, D)."""
        return self._units(count, 3)

    def looks(self, people: Float32, each: int, *, noise: float = 0.0) -> Float32:
        """Quantised looks of the people, float32 (count, each, D), from good crops or with more `noise` than those."""
        energies, shape = self.energies, (len(people), each)
        side = self.rng.uniform(0, 2 * np.pi, (*shape, 1)).astype(np.float32)
        own, front, flank = (people[:, None, part] for part in range(3))
        passing = energies.place + energies.pose + energies.noise + noise
        vectors = (
            np.sqrt(np.float32(energies.site)) * self.site
            + np.sqrt(np.float32(energies.camera)) * self.cameras[self.rng.integers(0, _CAMERAS, shape)]
            + np.sqrt(np.float32(energies.person)) * own
            + np.sqrt(np.float32(energies.side)) * (np.cos(side) * front + np.sin(side) * flank)
            + np.sqrt(np.float32(passing)) * self._units(*shape)
        )
        return quantise(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))

    def _units(self, *shape: int) -> Float32:
        variance = np.arange(1, DIM + 1) ** -self.energies.spectrum
        drawn = self.rng.standard_normal((*shape, DIM), np.float32) * np.sqrt(variance).astype(np.float32)
        return np.asarray(drawn / np.linalg.norm(drawn, axis=-1, keepdims=True), np.float32)


def _measure(people: int, rounds: int) -> Searched:
    crowd = _Crowd(np.random.default_rng(people))
    before = _resident_bytes()
    gallery = _Gallery()
    insert_s, queries, wanted = _fill(gallery, crowd, people)
    timing, found = _search(gallery.index, queries, rounds)
    tenth = max(1, people // 10)
    return Searched(
        looks=people * LOOKS_EACH,
        people=people,
        memory_mb=(_resident_bytes() - before) / _BYTES_PER_MB,
        insert_us=(
            1e6 * float(insert_s[:tenth].mean()) / LOOKS_EACH,
            1e6 * float(insert_s[-tenth:].mean()) / LOOKS_EACH,
        ),
        search=timing,
        right=float((found[:, : QUERIES // 2] == wanted).mean()),
    )


@dataclass(slots=True)
class _Gallery:
    """What a run holds of people: their portraits, and the index of their means."""

    index: PeopleIndex = field(default_factory=PeopleIndex)
    portraits: list[Portrait] = field(default_factory=list)

    def meet(self, vectors: Float32) -> None:
        """Somebody new, with these looks."""
        number = len(self.portraits)
        self.portraits.append(portrait(Look("a", moment, 0.5, vector) for moment, vector in enumerate(vectors)))
        self.index.put(f"P{number:07d}", self.portraits[-1])


def _fill(gallery: _Gallery, crowd: _Crowd, people: int) -> tuple[NDArray[np.float64], list[Float32], NDArray[np.intp]]:
    """Fill the gallery; returns the seconds that each person took, rows to search with, and whom they show.

    The first half of each set of rows are new looks of people who are in it, (sets, QUERIES / 2), the others of
    strangers; all are poor.
    """
    insert_s, fresh, shown = np.empty(people), [], []
    wanted = _SETS * QUERIES // 2
    for first in range(0, people, _AT_ONCE):
        some = crowd.people(min(_AT_ONCE, people - first))
        for number, vectors in enumerate(crowd.looks(some, LOOKS_EACH), start=first):
            began = time.process_time()
            gallery.meet(vectors)
            insert_s[number] = time.process_time() - began
        share = -(-wanted * len(some) // people)
        fresh.append(crowd.looks(some[:share], 1, noise=_NOISE)[:, 0])
        shown.append(first + np.arange(share))
    chosen = np.linspace(0, sum(map(len, fresh)) - 1, wanted).round().astype(int)
    known, whose = np.concatenate(fresh)[chosen], np.concatenate(shown)[chosen].reshape(_SETS, -1)
    strangers = crowd.looks(crowd.people(wanted), 1, noise=_NOISE)[:, 0]
    half = QUERIES // 2
    rows = [np.concatenate([known[n : n + half], strangers[n : n + half]]) for n in range(0, wanted, half)]
    return insert_s, rows, whose


def _search(index: PeopleIndex, queries: Sequence[Float32], rounds: int) -> tuple[Timing, NDArray[np.intp]]:
    """How long it takes to compare rows with everybody, and the slots of the most similar ones, (sets, QUERIES)."""
    found = [index.likeness(rows).argmax(axis=1) for rows in queries]
    wall, cpu = [], []
    for turn in range(rounds):
        rows = queries[turn % len(queries)]
        began, busy = time.perf_counter(), time.process_time()
        index.likeness(rows)
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - busy)
    return Timing(Spread.of(wall), Spread.of(cpu)), np.stack(found)


def _resident_bytes() -> int:
    return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
