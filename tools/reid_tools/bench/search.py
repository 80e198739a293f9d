"""How fast the gallery finds people, in how much memory, and how many of them a shortlist finds: made-up galleries.

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

from reid_pipeline.core.search import LookIndex
from reid_pipeline.core.similarity import quantise
from reid_pipeline.errors import ConfigError, PipelineError
from reid_pipeline.runtime.settings import SHORTLIST
from reid_pipeline.types import Float32
from reid_tools.scenarios.appearance import Energies

DIM = 512
"""Of the default encoder, saga-s."""

LOOKS_EACH = 20
QUERIES = 32
RANKS = 10

_SETS = 8
_CAMERAS = 8
_AT_ONCE = 250
_FEWEST = 10 * LOOKS_EACH * RANKS
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

    `insert_us` is what it took to add a look, in the first and the last tenth of them. Half of the rows show people of
    the gallery: `found` is the share of them whose most similar person the shortlist finds too, `found_strangers` that
    of the others.
    """

    looks: int
    people: int
    memory_mb: float
    insert_us: tuple[float, float]
    exact: Timing
    listed: Timing
    found: float
    found_strangers: float

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "looks": self.looks,
            "people": self.people,
            "memory_mb": self.memory_mb,
            "insert_us": {"first_tenth": self.insert_us[0], "last_tenth": self.insert_us[1]},
            "exact": asdict(self.exact),
            "approximate": asdict(self.listed),
            "found": self.found,
            "found_strangers": self.found_strangers,
        }


@dataclass(frozen=True, slots=True)
class SearchReport:
    """All galleries of one run; `threads` is how many the matrix products had."""

    threads: int
    shortlist: int
    galleries: tuple[Searched, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "dim": DIM,
            "queries": QUERIES,
            "threads": self.threads,
            "shortlist": self.shortlist,
            "galleries": [each.to_dict() for each in self.galleries],
        }

    def table(self) -> str:
        """A table for people."""
        header = ("looks", "people", "MB", "us to add", "exact, ms", "CPU", "approximate, ms", "CPU", "finds")
        rows = [header, *(_cells(each) for each in self.galleries)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
        return "\n".join(
            [
                *lines,
                "",
                f"{QUERIES} rows of {DIM} numbers at once, {self.threads} thread{'s' * (self.threads != 1)}: median "
                "(10th to 90th percentile), and CPU time. To add a look: among the first and the last tenth.",
                f"Approximate: {self.shortlist} people are on each row's list. It finds the most similar person of "
                "so many rows that show somebody of the gallery, and of so many others; all are poor looks.",
            ]
        )


def _cells(each: Searched) -> tuple[str, ...]:
    return (
        f"{each.looks:,}",
        f"{each.people:,}",
        f"{each.memory_mb:.0f}",
        "{:.1f} / {:.1f}".format(*each.insert_us),
        str(each.exact.wall),
        f"{each.exact.cpu.median_ms:.1f}",
        str(each.listed.wall),
        f"{each.listed.cpu.median_ms:.1f}",
        f"{100 * each.found:.1f} % / {100 * each.found_strangers:.1f} %",
    )


def measure(sizes: Sequence[int], *, rounds: int, note: Callable[[str], None] = lambda text: None) -> SearchReport:
    """Fill a gallery with each of so many looks, and search it `rounds` times exactly and with a shortlist.

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
    return SearchReport(threads, SHORTLIST, tuple(galleries))


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
    index = LookIndex(shortlist=SHORTLIST)
    before = _resident_bytes()
    insert_s, queries = _fill(index, crowd, people)
    index.shortlist = 0
    exact, wanted = _search(index, queries, rounds)
    index.shortlist = SHORTLIST
    listed, _ = _search(index, queries, rounds)
    # row by row: rows that are searched together are compared with each other's shortlists too
    found = [index.nearest(row[None], 1)[0][0, 0] for rows in queries for row in rows]
    same = (np.array(found) == wanted).reshape(len(queries), 2, -1).mean(axis=(0, 2))
    tenth = max(1, people // 10)
    return Searched(
        looks=people * LOOKS_EACH,
        people=people,
        memory_mb=(_resident_bytes() - before) / _BYTES_PER_MB,
        insert_us=(
            1e6 * float(insert_s[:tenth].mean()) / LOOKS_EACH,
            1e6 * float(insert_s[-tenth:].mean()) / LOOKS_EACH,
        ),
        exact=exact,
        listed=listed,
        found=float(same[0]),
        found_strangers=float(same[1]),
    )


def _fill(index: LookIndex, crowd: _Crowd, people: int) -> tuple[NDArray[np.float64], list[Float32]]:
    """Fill the index; returns the seconds that each person took, and rows to search with.

    Half of the rows are new looks of people who are in it, the others of strangers; all are poor.
    """
    insert_s, fresh = np.empty(people), []
    wanted = _SETS * QUERIES // 2
    for first in range(0, people, _AT_ONCE):
        some = crowd.people(min(_AT_ONCE, people - first))
        for number, vectors in enumerate(crowd.looks(some, LOOKS_EACH), start=first):
            began = time.process_time()
            index.put(f"P{number:07d}", vectors)
            insert_s[number] = time.process_time() - began
        share = -(-wanted * len(some) // people)
        fresh.append(crowd.looks(some[:share], 1, noise=_NOISE)[:, 0])
    known = np.concatenate(fresh)
    chosen = known[np.linspace(0, len(known) - 1, wanted).round().astype(int)]
    strangers = crowd.looks(crowd.people(wanted), 1, noise=_NOISE)[:, 0]
    half = QUERIES // 2
    return insert_s, [
        np.concatenate([chosen[first : first + half], strangers[first : first + half]])
        for first in range(0, wanted, half)
    ]


def _search(index: LookIndex, queries: Sequence[Float32], rounds: int) -> tuple[Timing, NDArray[np.intp]]:
    """How long it takes to find ten people for each row, and the slots of the most similar ones."""
    found = [index.nearest(rows, RANKS)[0] for rows in queries]
    wall, cpu = [], []
    for turn in range(rounds):
        rows = queries[turn % len(queries)]
        began, busy = time.perf_counter(), time.process_time()
        index.nearest(rows, RANKS)
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - busy)
    return Timing(Spread.of(wall), Spread.of(cpu)), np.concatenate(found)[:, 0]


def _resident_bytes() -> int:
    return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
