"""The gallery as one run sees it: on the run's clock, and without those who should be forgotten by now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reid_pipeline.gallery.protocol import Gallery
from reid_pipeline.types import GalleryChange, GallerySnapshot, Identity, Prototype


class Memory:
    """A gallery outlives many runs, so it keeps Unix times; a run counts from its own zero.

    `zero_unix_ns` is the Unix time of that zero: the recording's start where it is known, else when the run began.
    """

    def __init__(self, gallery: Gallery, *, zero_unix_ns: int) -> None:
        self._gallery = gallery
        self._zero_ns = zero_unix_ns

    def forget_before(self, unix_ns: int) -> None:
        """Remove everybody last seen before the moment. Raises `GalleryError`."""
        snapshot = self._gallery.snapshot()
        expired = tuple(one.id for one in snapshot.identities if one.last_seen_ns < unix_ns)
        if expired:
            self._gallery.commit(GalleryChange((), (), expired, snapshot.next_number))

    def snapshot(self) -> GallerySnapshot:
        """What the gallery knows, on the run's clock."""
        known = self._gallery.snapshot()
        return GallerySnapshot(
            tuple(_shifted(known.identities, -self._zero_ns)),
            tuple(replace(one, timestamp_ns=one.timestamp_ns - self._zero_ns) for one in known.prototypes),
            known.next_number,
        )

    def commit(self, change: GalleryChange) -> None:
        """Let the gallery know what is new. Raises `GalleryError`."""
        prototypes: Iterable[Prototype] = (
            replace(one, timestamp_ns=one.timestamp_ns + self._zero_ns) for one in change.prototypes
        )
        self._gallery.commit(
            replace(change, identities=tuple(_shifted(change.identities, self._zero_ns)), prototypes=tuple(prototypes))
        )


def _shifted(identities: Iterable[Identity], by_ns: int) -> Iterable[Identity]:
    for one in identities:
        yield replace(one, first_seen_ns=one.first_seen_ns + by_ns, last_seen_ns=one.last_seen_ns + by_ns)
