"""Which encoder a gallery's vectors come from, and what a change must hold to be stored under that stamp."""

from __future__ import annotations

from dataclasses import dataclass

from reid_pipeline.types import GalleryChange


@dataclass(frozen=True, slots=True)
class EncoderStamp:
    """The encoder that fills a gallery: vectors are comparable where `sha256` is equal; `name` is for people."""

    name: str
    sha256: str
    dim: int

    def __str__(self) -> str:
        return f"{self.name} ({self.dim} numbers, sha256 {self.sha256[:12]})"


def check_change(change: GalleryChange, encoder: EncoderStamp) -> None:
    """Raise `ValueError` where the change contradicts itself or the encoder, which is its maker's fault."""
    named = {identity.id for identity in change.identities}
    if len(named) < len(change.identities):
        raise ValueError("GalleryChange.identities: an identity is named twice")
    if both := sorted(named.intersection(change.removed)):
        raise ValueError(f"GalleryChange.removed: {both[0]} is in identities too")
    if change.next_number < 1:
        raise ValueError(f"GalleryChange.next_number: expected at least 1, got {change.next_number}")
    for prototype in change.prototypes:
        if prototype.identity not in named:
            raise ValueError(f"GalleryChange.prototypes: {prototype.identity} is not in identities")
        if len(prototype.vector) != encoder.dim:
            raise ValueError(
                f"GalleryChange.prototypes: expected vectors of {encoder.dim} numbers, got {len(prototype.vector)}"
            )
