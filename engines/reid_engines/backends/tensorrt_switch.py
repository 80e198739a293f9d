"""A graph that works from the first moment, on another backend, until its engine has been built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from threading import Event, Lock, Thread

import numpy as np

from reid_engines.backends.graph import Outputs
from reid_engines.errors import BackendError, EngineError
from reid_engines.futures import completed, then
from reid_engines.protocol import Graph, Image, Port

Note = Callable[[str], None]


class SwitchingGraph:
    """A `Graph` that starts on `fallback` and goes over to what `make` returns, once, as soon as it does.

    `make` runs in a thread of its own and is handed an event that is set when nobody needs its result any more. When it
    fails, the fallback stays. Both graphs take the same pictures and give the same outputs up to rounding, so this is
    for live runs: the moment of the switch is not reproducible. `batch` is that of the graph to come; what is too much
    at once for the fallback is submitted to it in parts.
    """

    def __init__(self, fallback: Graph, make: Callable[[Event], Graph], *, batch: int, note: Note) -> None:
        self.backend = fallback.backend
        self.input = _for_batch(fallback.input, fallback.batch, batch)
        self.outputs = tuple(_for_batch(port, fallback.batch, batch) for port in fallback.outputs)
        self.metadata = fallback.metadata
        self.batch = batch
        self.parallel = fallback.parallel
        self._current: Graph | None = fallback
        self._make, self._note = make, note
        self._lock = Lock()
        self._closed = Event()
        # A daemon: not every build can be stopped, and none may keep the process from ending.
        self._thread = Thread(target=self._switch, name="engine-build", daemon=True)
        self._thread.start()

    def submit(self, images: Image) -> Future[Outputs]:
        """See `Graph.submit`."""
        with self._lock:
            if self._current is None:
                raise BackendError("the graph is closed")
            if len(images) > self.batch:
                raise ValueError(f"expected 1 to {self.batch} uint8 pictures, got {len(images)}")
            size = self._current.batch
            if len(images) <= size:
                return self._current.submit(images)
            parts = [self._current.submit(images[start : start + size]) for start in range(0, len(images), size)]
        return then(parts[-1], lambda last: _joined([*parts[:-1], completed(last)]))

    def close(self) -> None:
        """Free the graph that works now; one that is still being built is freed when it is there."""
        self._closed.set()
        with self._lock:
            current, self._current = self._current, None
        if current is not None:
            current.close()

    def _switch(self) -> None:
        try:
            made = self._make(self._closed)
        except EngineError as error:
            if not self._closed.is_set():
                self._note(f"{error}; the run stays on {self.backend}")
            return
        with self._lock:
            if self._current is None:
                left: Graph = made
            else:
                left, self._current, self.backend = self._current, made, made.backend
        if left is not made:
            self._note(f"the run goes on with {made.backend} instead of {left.backend}")
        # Waits for what is under way on it.
        left.close()


def _for_batch(port: Port, was: int, batch: int) -> Port:
    return replace(port, shape=(batch, *port.shape[1:])) if port.shape[:1] in ((was,), (None,)) else port


def _joined(parts: Sequence[Future[Outputs]]) -> Outputs:
    outputs = zip(*(part.result() for part in parts), strict=True)
    return tuple(np.concatenate(pieces) for pieces in outputs)
