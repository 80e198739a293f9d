"""The encoder that is learned from."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reid_engines.backends import open_graph
from reid_engines.backends.graph import Opening
from reid_engines.encoders.graph_encoder import GraphEncoder, encoder_spec
from reid_engines.store import resolve


class Teacher:
    """Vectors of length 1 for whole batches. It may compute in bfloat16: 0.9996 of cosine, at a third of the time.

    Raises what `resolve`, `open_graph` and `GraphEncoder` raise, `SpecError` when nothing is known of the model.
    """

    def __init__(self, model: Path) -> None:
        resolved = resolve(model, kind="encoder")
        encoder_spec(resolved)
        assert resolved.spec is not None
        self._encoder = GraphEncoder(resolved, open_graph(resolved.path, Opening(resolved.spec.input, threads=1)))
        self.dim = self._encoder.dim
        self.sha256 = resolved.sha256

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Pictures uint8 (B, H, W, 3) RGB -> float32 (B, dim)."""
        step = self._encoder.batch
        waiting: deque[Future[NDArray[np.float32]]] = deque()
        for start in range(0, len(pictures), step):
            waiting.append(self._encoder.submit(list(pictures[start : start + step])))
        return np.concatenate([future.result() for future in waiting])

    def close(self) -> None:
        """Free the model."""
        self._encoder.close()
