"""What the rest of the project needs of a model: a compiled graph, and on top of it an encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a graph; `None` in `shape` is any length."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


class Graph(Protocol):
    """A compiled network with one picture input.

    It takes uint8 pictures (N, H, W, 3) at the size of its input, in the colour order it was opened for; scaling, the
    network's own colour order and its layout are inside. `parallel` is how many submissions it works on at once,
    `batch` the largest N (1 for a graph with a fixed batch of one).
    """

    backend: str
    input: Port
    outputs: tuple[Port, ...]
    metadata: Mapping[str, str]
    batch: int
    parallel: int

    def submit(self, images: Image) -> Future[tuple[NDArray[np.float32], ...]]:
        """Start on the pictures and return at once; the result holds the outputs in the order of `outputs`.

        May block while `parallel` submissions are already under way. The arrays belong to the caller.
        """
        ...

    def close(self) -> None:
        """Free the graph."""
        ...


class Encoder(Protocol):
    """Turns crops into vectors whose inner product says how alike two people look.

    `sha256` identifies the weights together with everything else that changes the vectors; galleries are stamped with
    it. `match` is the mean cosine between the looks of a track and a person's most similar ones from which the track is
    taken for that person, as measured for this encoder.
    """

    name: str
    sha256: str
    dim: int
    match: float
    batch: int
    parallel: int

    def submit(self, crops: Sequence[Image]) -> Future[NDArray[np.float32]]:
        """Start on crops (each uint8 (H, W, 3) RGB of its own size, at most `batch`) and return at once.

        The result is float32 (N, dim) with rows of length 1; (0, dim) for no crops.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...
