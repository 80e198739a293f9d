"""The gallery as one run sees it: on the run's clock, and without those who should be forgotten by now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from reid_pipeline.errors import GalleryError
from reid_pipeline.gallery.database import DatabaseAway
from reid_pipeline.gallery.evidence import Evidence, RunEntry
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

TICK_EVERY_S = 10.0
PURGE_AT_ONCE = 64
"""So many people at most are forgotten each time, so that a run never waits for long: 23,000 an hour."""

LINKS_AT_ONCE = 10_000
"""So many at most are in memory when a run that has gone on for days hands them over."""

PATIENCE_S = 30.0
RETRY_S = 1.0

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
        self._now_ns = self._ticked_ns = 0
        self._waiting: GalleryChange | None = None
        self._links: tuple[Link, ...] = ()
        self._away = ""
        self._tell: Callable[[str, str], None] = lambda kind, line: None
        self._known: set[str] = set()
        self._notes = EvidenceNotes(run.run, rules.zero_unix_ns, rules.window_s + TRACK_PAUSE_S)
        store.record(Evidence(run))
        while self._purge(0):
            pass

    def snapshot(self) -> GallerySnapshot:
        """What the gallery knows, on the run's clock."""
        known = self._store.snapshot()
        self._known.update(identity.id for identity in known.identities)
        return replace(
            known,
            identities=tuple(_shifted(known.identities, -self._zero_ns)),
            prototypes=tuple(replace(one, timestamp_ns=one.timestamp_ns - self._zero_ns) for one in known.prototypes),
        )

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

    def report_to(self, tell: Callable[[str, str], None]) -> None:
        """Have the kind of an event and a line told when the gallery goes away and when it is back."""
        self._tell = tell

    def tick(self, now_ns: int) -> tuple[str, ...]:
        """Time has passed: forget whom retention says, a bounded number at once; returns who they were.

        Raises `GalleryError`.
        """
        self._now_ns = max(self._now_ns, now_ns)
        if self._now_ns - self._ticked_ns < TICK_EVERY_S * NS_PER_S:
            return ()
        self._ticked_ns = self._now_ns
        if self._away and not self._sent():
            return ()
        try:
            return self._purge(self._now_ns)
        except DatabaseAway as away:
            self._note_away(away)
            return ()

    def commit(self, change: GalleryChange) -> None:
        """Let the gallery know what is new, and what led to it.

        While the database cannot be reached, what is new waits, and goes with what comes later. Raises `GalleryError`.
        """
        prototypes: Iterable[Prototype] = (
            replace(one, timestamp_ns=one.timestamp_ns + self._zero_ns) for one in change.prototypes
        )
        unix = replace(
            change, identities=tuple(_shifted(change.identities, self._zero_ns)), prototypes=tuple(prototypes)
        )
        self._waiting = unix if self._waiting is None else followed_by(self._waiting, unix)
        self._known.update(identity.id for identity in change.identities)
        self._known.difference_update(change.removed)
        if not self._away:
            self._sent()

    def news(self) -> GalleryChange:
        """What other runs have committed since the last time, on this run's clock. Raises `GalleryError`."""
        news = GalleryChange((), (), (), 0)
        if not self._away:
            try:
                news = self._store.news()
            except DatabaseAway as away:
                self._note_away(away)
        self._known.update(identity.id for identity in news.identities)
        self._known.difference_update(news.removed)
        return replace(
            news,
            identities=tuple(_shifted(news.identities, -self._zero_ns)),
            prototypes=tuple(replace(one, timestamp_ns=one.timestamp_ns - self._zero_ns) for one in news.prototypes),
        )

    def finish(self, links: Iterable[Link]) -> None:
        """Let the gallery keep the last evidence; waits for a database that is away for half a minute at most.

        Raises `GalleryError`.
        """
        self._notes.end()
        rest, deadline_s = iter(links), time.monotonic() + PATIENCE_S
        self._wait_until_sent(deadline_s)
        while some := tuple(islice(rest, LINKS_AT_ONCE)):
            self._links = some
            self._wait_until_sent(deadline_s)

    def _wait_until_sent(self, deadline_s: float) -> None:
        while not self._sent():
            if time.monotonic() > deadline_s:
                people = 0 if self._waiting is None else len(self._waiting.identities)
                raise GalleryError(
                    f"{self._away}; {people} people of this run are in tracks.json only: "
                    "when the gallery is back, replay the run's journal, or run again"
                )
            time.sleep(RETRY_S)

    def _sent(self) -> bool:
        """Send what waits; whether the gallery has everything now."""
        try:
            if self._waiting is not None:
                self._store.commit(self._waiting)
                self._waiting = None
            sightings = self._notes.ready(self._known)
            if sightings or self._links:
                self._store.record(Evidence(self._run, sightings, self._links))
            self._notes.kept(sightings)
            self._links = ()
        except DatabaseAway as away:
            self._note_away(away)
            return False
        if self._away:
            self._away = ""
            self._tell("gallery_back", "")
        return True

    def _note_away(self, away: DatabaseAway) -> None:
        if not self._away:
            self._tell("gallery_away", str(away))
        self._away = str(away)

    def _purge(self, now_ns: int) -> tuple[str, ...]:
        # without retention nobody is old enough; a shared gallery still learns that the run is there
        before_ns = 0 if self._retention_ns is None else self._zero_ns + now_ns - self._retention_ns
        forgotten = self._store.purge(before_ns, limit=PURGE_AT_ONCE)
        self._known.difference_update(forgotten)
        return forgotten


def followed_by(first: GalleryChange, then: GalleryChange) -> GalleryChange:
    """Both changes as one."""
    later = {identity.id for identity in then.identities}
    over = later.union(then.removed)
    return GalleryChange(
        identities=(*(one for one in first.identities if one.id not in over), *then.identities),
        prototypes=(*(one for one in first.prototypes if one.identity not in over), *then.prototypes),
        removed=(*(id_ for id_ in first.removed if id_ not in over), *then.removed),
        next_number=then.next_number,
        merged=(*first.merged, *then.merged),
        likeness=tuple({(one.cameras, one.same): one for one in (*first.likeness, *then.likeness)}.values()),
    )


def _shifted(identities: Iterable[Identity], by_ns: int) -> Iterable[Identity]:
    for one in identities:
        yield replace(one, first_seen_ns=one.first_seen_ns + by_ns, last_seen_ns=one.last_seen_ns + by_ns)
