"""What the rest of the pipeline needs of a detector."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from reid_pipeline.types import Boxes, Frame


class Detector(Protocol):
    """Finds people in frames.

    `name` and `sha256` identify the model in records. `batch` is how many frames of any cameras it likes to get at
    once; `parallel` how many submissions it can work on at the same time.
    """

    name: str
    sha256: str
    batch: int
    parallel: int

    def submit(self, frames: Sequence[Frame]) -> Future[list[Boxes]]:
        """Start on the frames and return at once; the result has one `Boxes` per frame, in their order."""
        ...

    def close(self) -> None:
        """Free the model; nothing may be submitted afterwards."""
        ...
