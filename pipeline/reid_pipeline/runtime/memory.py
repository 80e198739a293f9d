"""The gallery as one run sees it: on the run's clock, and without those who should be forgotten by now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reid_pipeline.gallery.evidence import Corrections, Evidence, RunEntry
from reid_pipeline.gallery.protocol import RunStore
from reid_pipeline.runtime.evidence import EvidenceNotes
from reid_pipeline.types import (
    NS_PER_S,
    Assignment,
    EncodedStep,
    GalleryChange,
    GallerySnapshot,
    Identity,
    Link,
    Prototype,
)

PURGE_EVERY_S = 10.0
PURGE_AT_ONCE = 64
"""So many people at most are forgotten each time, so that a run never waits for long: 23,000 an hour."""

TRACK_PAUSE_S = 60.0
"""A track without a box for so long is over."""


@dataclass(frozen=True, slots=True)
class MemoryRules:
    """How the run's clock and the gallery's go together.

    `zero_unix_ns` is the Unix time of zero on the run's clock: the recording's start where it is known, else when the
    run began. `retention_s` None is for ever. `window_s` is how far back decisions may be revised.
    """

    zero_unix_ns: int
    retention_s: int | None
    window_s: float


class Memory:
    """A gallery outlives many runs, so it keeps Unix times; a run counts from its own zero."""

    def __init__(self, store: RunStore, run: RunEntry, rules: MemoryRules) -> None:
        """Register the run with the gallery, and forget whom the gallery should have forgotten by the run's start.

        Retention is counted from the recording's own time: yesterday's recording must not forget the day before
        yesterday's. Raises `GalleryError`.
        """
        self._store = store
        self._run = run
        self._zero_ns = rules.zero_unix_ns
        self._retention_ns = None if rules.retention_s is None else rules.retention_s * NS_PER_S
        self._purged_ns = 0
        self._known: set[str] = set()
        self._notes = EvidenceNotes(run.run, rules.zero_unix_ns, rules.window_s + TRACK_PAUSE_S)
        store.record(Evidence(run))
        while self._purge(0):
            pass

    def snapshot(self) -> GallerySnapshot:
        """What the gallery knows, on the run's clock."""
        known = self._store.snapshot()
        self._known.update(identity.id for identity in known.identities)
        return GallerySnapshot(
            tuple(_shifted(known.identities, -self._zero_ns)),
            tuple(replace(one, timestamp_ns=one.timestamp_ns - self._zero_ns) for one in known.prototypes),
            known.next_number,
        )

    def corrections(self) -> Corrections:
        """What was said by hand about who is who."""
        return self._store.corrections()

    def keep_journal(self, path: Path) -> None:
        """Tell the gallery where the run's journal is."""
        self._run = replace(self._run, journal=str(path.absolute()))
        self._store.record(Evidence(self._run))

    def witness(self, steps: Iterable[EncodedStep]) -> None:
        """Note when tracks were seen."""
        self._notes.witness(steps)

    def learn(self, assignments: Sequence[Assignment]) -> None:
        """Note what was decided about tracks."""
        self._notes.learn(assignments)

    def tick(self, now_ns: int) -> tuple[str, ...]:
        """Time has passed: forget whom retention says, a bounded number at once; returns who they were.

        Raises `GalleryError`.
        """
        if now_ns - self._purged_ns < PURGE_EVERY_S * NS_PER_S:
            return ()
        self._purged_ns = now_ns
        return self._purge(now_ns)

    def commit(self, change: GalleryChange) -> None:
        """Let the gallery know what is new, and what led to it. Raises `GalleryError`."""
        prototypes: Iterable[Prototype] = (
            replace(one, timestamp_ns=one.timestamp_ns + self._zero_ns) for one in change.prototypes
        )
        self._store.commit(
            replace(change, identities=tuple(_shifted(change.identities, self._zero_ns)), prototypes=tuple(prototypes))
        )
        self._known.update(identity.id for identity in change.identities)
        self._known.difference_update(change.removed)
        sightings = self._notes.take(self._known)
        if sightings:
            self._store.record(Evidence(self._run, sightings))

    def finish(self, links: Iterable[Link]) -> None:
        """Let the gallery keep the last evidence. Raises `GalleryError`."""
        self._store.record(Evidence(self._run, self._notes.take_all(self._known), tuple(links)))

    def _purge(self, now_ns: int) -> tuple[str, ...]:
        # without retention nobody is old enough; a shared gallery still learns that the run is there
        before_ns = 0 if self._retention_ns is None else self._zero_ns + now_ns - self._retention_ns
        forgotten = self._store.purge(before_ns, limit=PURGE_AT_ONCE)
        self._known.difference_update(forgotten)
        return forgotten


def _shifted(identities: Iterable[Identity], by_ns: int) -> Iterable[Identity]:
    for one in identities:
        yield replace(one, first_seen_ns=one.first_seen_ns + by_ns, last_seen_ns=one.last_seen_ns + by_ns)
