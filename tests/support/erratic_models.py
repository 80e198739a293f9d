"""Models whose answers come in any order, or not at all: real ones, with delays of their own around them."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from reid_engines.protocol import Encoder, Image
from reid_pipeline.detect.protocol import Detector
from reid_pipeline.types import Boxes, Frame


class ErraticDetector:
    """Keeps each answer back for a random time; from the frame `broken_from` on (counted over all) it only raises."""

    def __init__(
        self,
        inner: Detector,
        *,
        batch: int = 1,
        parallel: int = 4,
        longest_s: float = 0.01,
        broken_from: int | None = None,
        error: Exception | None = None,
    ) -> None:
        self.name, self.sha256 = inner.name, inner.sha256
        self.batch, self.parallel = batch, parallel
        self.batches: list[list[tuple[str, int]]] = []
        self.closed = False
        self._inner = inner
        self._longest_s = longest_s
        self._broken_from = broken_from
        self._error = error or RuntimeError("the detector has broken down")
        self._delays = random.Random(0)
        self._workers = ThreadPoolExecutor(parallel, thread_name_prefix="erratic detector")
        self._seen = 0

    def submit(self, frames: Sequence[Frame]) -> Future[list[Boxes]]:
        assert 0 < len(frames) <= self.batch
        self.batches.append([(frame.camera, frame.index) for frame in frames])
        self._seen += len(frames)
        broken = self._broken_from is not None and self._seen > self._broken_from
        return self._workers.submit(self._answer, frames, self._delays.uniform(0, self._longest_s), broken)

    def close(self) -> None:
        self.closed = True
        self._workers.shutdown()
        self._inner.close()

    def _answer(self, frames: Sequence[Frame], delay_s: float, broken: bool) -> list[Boxes]:
        time.sleep(delay_s)
        if broken:
            raise self._error
        return self._inner.submit(frames).result()


class ErraticEncoder:
    """Keeps each answer back for a random time; from the crop `broken_from` on it only raises."""

    def __init__(
        self,
        inner: Encoder,
        *,
        batch: int = 4,
        parallel: int = 4,
        longest_s: float = 0.01,
        broken_from: int | None = None,
    ) -> None:
        self.name, self.sha256, self.dim, self.match = inner.name, inner.sha256, inner.dim, inner.match
        self.batch, self.parallel = batch, parallel
        self.batches: list[int] = []
        self.closed = False
        self._inner = inner
        self._longest_s = longest_s
        self._broken_from = broken_from
        self._delays = random.Random(1)
        self._workers = ThreadPoolExecutor(parallel, thread_name_prefix="erratic encoder")

    def submit(self, crops: Sequence[Image]) -> Future[NDArray[np.float32]]:
        assert 0 < len(crops) <= self.batch
        self.batches.append(len(crops))
        broken = self._broken_from is not None and sum(self.batches) > self._broken_from
        return self._workers.submit(self._answer, crops, self._delays.uniform(0, self._longest_s), broken)

    def close(self) -> None:
        self.closed = True
        self._workers.shutdown()
        self._inner.close()

    def _answer(self, crops: Sequence[Image], delay_s: float, broken: bool) -> NDArray[np.float32]:
        time.sleep(delay_s)
        if broken:
            raise RuntimeError("the encoder has broken down")
        return self._inner.submit(crops).result()
