"""What the rest of the pipeline needs of a gallery store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from reid_pipeline.types import GalleryChange, GallerySnapshot


@dataclass(frozen=True, slots=True)
class GalleryStats:
    """How much a gallery holds."""

    identities: int
    prototypes: int
    dim: int | None
    encoder: str | None
    bytes: int


class Gallery(Protocol):
    """Remembers people between runs. A store is stamped with its encoder when the first vectors are committed."""

    def snapshot(self) -> GallerySnapshot:
        """Everything it holds, ordered by identity, then camera, then time."""
        ...

    def commit(self, change: GalleryChange) -> None:
        """Apply the change whole or not at all; it is on disk when this returns. Raises `GalleryError`."""
        ...

    def stats(self) -> GalleryStats:
        """Sizes, for people."""
        ...

    def close(self) -> None:
        """Release the store."""
        ...
