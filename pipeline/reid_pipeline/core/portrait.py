"""What somebody looks like: a fair sample of all the looks they ever showed, and what those have in common.

A track is a few moments, so of its looks the most different are kept (`LookSet`). A memory grows over hours and days.
Were it to keep the most different looks too, it would be left with those that somebody else walked into, and the best
of many such is like anybody: on a simulated hour with twelve people who stay and forty who pass, tracks were most like
the right memory in 58 % of cases by their best looks, and in 89 % by the mean of a fair sample. Where nothing disturbs
the looks (made-up galleries, rendered people), both are as good.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.looks import Look
from reid_pipeline.core.similarity import Float64, direction, on_grid, weight
from reid_pipeline.types import Float32

PORTRAIT_LOOKS = 24


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """At most `PORTRAIT_LOOKS` looks, by camera, then time, packed: vectors float16 (N, D), which holds them exactly.

    Which looks are kept follows from each look alone, so it does not matter in which order they came, or by which way.
    """

    cameras: tuple[str, ...] = ()
    timestamps_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    qualities: Float64 = field(default_factory=lambda: np.zeros(0))
    packed: NDArray[np.float16] = field(default_factory=lambda: np.zeros((0, 0), np.float16))

    def __len__(self) -> int:
        return len(self.cameras)

    @property
    def vectors(self) -> Float32:
        """Float32 (N, D), quantised."""
        return self.packed.astype(np.float32)

    @property
    def mean(self) -> Float32:
        """The direction of the looks' mean, weighted by quality, float32 (D,), quantised; there is a look at least."""
        return direction(np.array([weight(quality) for quality in self.qualities.tolist()]) @ self.vectors)

    def likeness(self, means: Float32) -> Float64:
        """How like each mean look, float32 (N, D), the quarter of the looks is that is most like it, float64 (N,).

        People have sides, and who has turned round is like some of their looks only. The single best look would be one
        by chance, or one that somebody else walked into.
        """
        count = max(1, len(self) // 4)
        best = np.sort(means @ self.vectors.T, axis=1)[:, -count:]
        return on_grid(best.sum(axis=1, dtype=np.float64) / count)

    def looks(self) -> list[Look]:
        """The looks that were kept."""
        notes = zip(self.cameras, self.timestamps_ns.tolist(), self.qualities.tolist(), self.vectors, strict=True)
        return [Look(*note) for note in notes]

    def joined(self, looks: Iterable[Look]) -> Portrait:
        """The portrait of somebody who showed these looks too."""
        return portrait([*self.looks(), *looks])


def portrait(looks: Iterable[Look]) -> Portrait:
    """The portrait of somebody who showed these looks; a look that is there twice counts once."""
    once = {(look.camera, look.timestamp_ns, look.quality): look for look in looks}
    kept = sorted(once.values(), key=_rank)[:PORTRAIT_LOOKS]
    if not kept:
        return Portrait()
    kept.sort(key=lambda look: (look.camera, look.timestamp_ns, look.quality))
    return Portrait(
        tuple(look.camera for look in kept),
        np.array([look.timestamp_ns for look in kept], np.int64),
        np.array([look.quality for look in kept], np.float64),
        np.stack([look.vector for look in kept]).astype(np.float16),
    )


def _rank(look: Look) -> float:
    """A number by chance, lower for good looks. The lowest of all are a fair sample by weight (bottom-k sampling)."""
    chance = crc32(struct.pack("<q", look.timestamp_ns) + look.camera.encode())
    return (chance + 1) / weight(look.quality)
