"""How soon a live run says who a track is, and how long afterwards it still changes its mind."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from reid_pipeline.types import TrackletKey

SHORTEST_S = 1.0
"""Tracks that are over sooner are not waited for."""


@dataclass(frozen=True, slots=True)
class Life:
    """When a track was seen first and last, in seconds of the run's clock."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Promptness:
    """`first_s` (N,) is how long each track waited for its first answer; `final_s` (N,) how long after its last box
    the last change of its identity came, 0 where there was none.
    """

    first_s: tuple[float, ...] = ()
    final_s: tuple[float, ...] = ()

    @classmethod
    def of(cls, events: Iterable[str], lives: Mapping[TrackletKey, Life]) -> Promptness:
        """From the lines of an events.jsonl. A track that never got an answer waited for as long as it lived.

        Raises `ValueError` where a track that was settled is said to be somebody else.
        """
        told = _Told()
        for line in events:
            told.hear(json.loads(line))
        first, final = [], []
        for key, life in lives.items():
            if life.end_s - life.start_s >= SHORTEST_S:
                first.append(told.first_s.get(str(key), life.end_s) - life.start_s)
                final.append(max(0.0, told.changed_s.get(str(key), 0.0) - life.end_s))
        return cls(tuple(first), tuple(final))

    def __add__(self, other: Promptness) -> Promptness:
        return Promptness(self.first_s + other.first_s, self.final_s + other.final_s)

    @property
    def first_p95_s(self) -> float:
        """The wait that 95 % of the tracks do not exceed."""
        return float(np.percentile(self.first_s or (0.0,), 95))

    @property
    def final_p95_s(self) -> float:
        """The time after their end from which the identity of 95 % of the tracks is final."""
        return float(np.percentile(self.final_s or (0.0,), 95))


@dataclass(slots=True)
class _Told:
    """By track: when its first answer came, when its identity changed last, what that is, and who is settled."""

    first_s: dict[str, float] = field(default_factory=dict)
    changed_s: dict[str, float] = field(default_factory=dict)
    identity: dict[str, str] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)

    def hear(self, event: Mapping[str, object]) -> None:
        if event["type"] not in ("assignment", "settled"):
            return
        tracklet, identity, time_s = str(event["tracklet"]), str(event["identity"]), float(str(event["time"]))
        before = self.identity.get(tracklet)
        if event["type"] == "settled":
            if before != identity:
                raise ValueError(f"{tracklet}: said to be {before}, settled as {identity}")
            self.settled.add(tracklet)
        elif before != identity:
            if tracklet in self.settled:
                raise ValueError(f"{tracklet}: settled as {before}, then {identity} at {time_s} s")
            self.first_s.setdefault(tracklet, time_s)
            self.identity[tracklet], self.changed_s[tracklet] = identity, time_s
