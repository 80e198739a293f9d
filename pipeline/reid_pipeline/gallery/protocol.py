"""What a run needs of a gallery store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from reid_pipeline.gallery.evidence import Corrections, Evidence
from reid_pipeline.types import GalleryChange, GallerySnapshot


@dataclass(frozen=True, slots=True)
class GalleryStats:
    """How much a gallery holds."""

    identities: int
    prototypes: int
    dim: int | None
    encoder: str | None
    bytes: int
    tracklets: int = 0
    runs: int = 0
    sealed: bool = False


class Gallery(Protocol):
    """Remembers people between runs. A store is stamped with its encoder when the first vectors are committed."""

    def snapshot(self) -> GallerySnapshot:
        """Everything it holds, ordered by identity, then camera, then time; later commits replace what is in it."""
        ...

    def corrections(self) -> Corrections:
        """What was said by hand about who is who."""
        ...

    def commit(self, change: GalleryChange) -> None:
        """Apply the change whole or not at all; it is on disk when this returns. Raises `GalleryError`."""
        ...

    def purge(self, before_ns: int, *, limit: int) -> tuple[str, ...]:
        """Forget at most `limit` people last seen before the Unix time, longest ago first; returns who they were."""
        ...

    def close(self) -> None:
        """Release the store."""
        ...


class Newsletter(Protocol):
    """Where a run hears of what other runs have committed to the gallery that they share."""

    def news(self) -> GalleryChange:
        """What others changed since the snapshot or the last news: people as they are known now, and who is no more.

        Nothing of it counts as known to this run: its commits leave it alone. Raises `GalleryError`.
        """
        ...


class EvidenceBook(Protocol):
    """Where a run writes down what led to its decisions."""

    def record(self, evidence: Evidence) -> None:
        """Keep the evidence; what it says of people whom the gallery does not hold is passed over."""
        ...


class RunStore(Gallery, Newsletter, EvidenceBook, Protocol):
    """All three, as one store gives them to a run."""
