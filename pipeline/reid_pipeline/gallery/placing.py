"""Whose rows are: what was merged, split and erased by hand or by retention, applied to what a writer says."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass

from reid_pipeline.gallery.database import Rows
from reid_pipeline.gallery.evidence import Corrections
from reid_pipeline.types import TrackletKey

FOREVER_NS = (1 << 63) - 1
"""Until when somebody is gone who was erased."""


def digest(identity: str) -> str:
    """How somebody who is gone is remembered: enough to recognise the id, without the id."""
    return hashlib.sha256(identity.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Span:
    start_ns: int
    end_ns: int
    identity: str


class Placing:
    """The corrections as of one transaction."""

    def __init__(self, rows: Rows) -> None:
        self._aliases: dict[str, str] = {str(a): str(i) for a, i in rows.query("SELECT alias, identity FROM aliases")}
        self._rows = rows
        self._moved: dict[tuple[str, str], list[_Span]] = defaultdict(list)
        for source, camera, start_ns, end_ns, identity in rows.query(
            "SELECT source, camera, start_ns, end_ns, identity FROM placements ORDER BY run, camera, track_id"
        ):
            self._moved[source, camera].append(_Span(start_ns, end_ns, identity))

    def person(self, identity: str) -> str:
        """Who that is by now."""
        return self._aliases.get(identity, identity)

    def owner(self, identity: str, camera: str, timestamp_ns: int) -> str:
        """Whose a look is that a writer takes for one of `identity`'s."""
        name = self.person(identity)
        for span in self._moved.get((name, camera), ()):
            if span.start_ns <= timestamp_ns <= span.end_ns:
                return span.identity
        return name

    def gone_until_ns(self, identity: str) -> int | None:
        """Up to when nothing of the person may come back; None if they are not gone."""
        # asked for each person and not read whole: a run over months forgets very many
        found = self._rows.query("SELECT until_ns FROM gone WHERE digest = ?", digest(identity))
        return int(found[0][0]) if found else None


def read_corrections(rows: Rows) -> Corrections:
    """All that was said by hand."""
    return Corrections(
        merged={str(a): str(i) for a, i in rows.query("SELECT alias, identity FROM aliases ORDER BY alias")},
        never_same=frozenset((a, b) for a, b in rows.query("SELECT identity, other FROM strangers")),
        placed={
            (run, TrackletKey(camera, track_id)): identity
            for run, camera, track_id, identity in rows.query(
                "SELECT run, camera, track_id, identity FROM placements ORDER BY run, camera, track_id"
            )
        },
    )
