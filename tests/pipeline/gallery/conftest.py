from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.types import GalleryChange, Identity, Prototype, State

DIM = 8


@pytest.fixture
def encoder() -> EncoderStamp:
    return EncoderStamp("color-stripes", "a" * 64, DIM)


@pytest.fixture
def remember() -> Callable[..., GalleryChange]:
    """Builds changes: `remember("P0001", "P0002", looks=3, seed=1, removed=("P0009",), next_number=4)`."""

    def build(
        *ids: str, looks: int = 2, seed: int = 0, dim: int = DIM, removed: tuple[str, ...] = (), next_number: int = 10
    ) -> GalleryChange:
        rng = np.random.default_rng(seed)
        identities, prototypes = [], []
        for id_ in ids:
            for _ in range(looks):
                vector = rng.standard_normal(dim).astype(np.float32)
                prototypes.append(
                    Prototype(
                        identity=id_,
                        camera=str(rng.choice(["lobby", "entrance", "Süd"])),
                        timestamp_ns=int(rng.integers(0, 3)),
                        quality=float(rng.random()),
                        vector=vector / np.linalg.norm(vector),
                    )
                )
            seen = (1_700_000_000_000_000_000 + seed, 1_700_000_000_000_000_001 + seed)
            identities.append(Identity(id_, State.CONFIRMED, ("lobby", "entrance"), *seen))
        return GalleryChange(tuple(identities), tuple(prototypes), removed, next_number)

    return build
