"""The gallery that is gone when the process is."""

from __future__ import annotations

from dataclasses import replace

from reid_pipeline.gallery.protocol import GalleryStats
from reid_pipeline.gallery.stamp import EncoderStamp, check_change
from reid_pipeline.types import GalleryChange, GallerySnapshot, Identity, Prototype


class MemoryGallery:
    """Keeps everything in two dictionaries; starts empty."""

    def __init__(self, encoder: EncoderStamp) -> None:
        self._encoder = encoder
        self._stamped = False
        self._identities: dict[str, Identity] = {}
        self._prototypes: dict[str, tuple[Prototype, ...]] = {}
        self._next_number = 1

    def snapshot(self) -> GallerySnapshot:
        ids = sorted(self._identities)
        return GallerySnapshot(
            identities=tuple(self._identities[id_] for id_ in ids),
            prototypes=tuple(prototype for id_ in ids for prototype in self._prototypes[id_]),
            next_number=self._next_number,
        )

    def commit(self, change: GalleryChange) -> None:
        check_change(change, self._encoder)
        looks: dict[str, list[Prototype]] = {identity.id: [] for identity in change.identities}
        for prototype in change.prototypes:
            # a copy: the vector is often one row of a batch, which would stay alive with it
            looks[prototype.identity].append(replace(prototype, vector=prototype.vector.copy()))
        for id_ in change.removed:
            self._identities.pop(id_, None)
            self._prototypes.pop(id_, None)
        for identity in change.identities:
            self._identities[identity.id] = identity
            self._prototypes[identity.id] = tuple(sorted(looks[identity.id], key=_camera_then_time))
        self._next_number = change.next_number
        self._stamped = self._stamped or bool(change.prototypes)

    def stats(self) -> GalleryStats:
        prototypes = [prototype for looks in self._prototypes.values() for prototype in looks]
        return GalleryStats(
            identities=len(self._identities),
            prototypes=len(prototypes),
            dim=self._encoder.dim if self._stamped else None,
            encoder=self._encoder.name if self._stamped else None,
            bytes=sum(prototype.vector.nbytes for prototype in prototypes),
        )

    def close(self) -> None:
        self._identities.clear()
        self._prototypes.clear()


def _camera_then_time(prototype: Prototype) -> tuple[str, int]:
    return prototype.camera, prototype.timestamp_ns
