"""What every backend shares: what a graph file says of itself, and a pool of workers that executes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import BoundedSemaphore
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reid_engines.errors import BackendError, ModelFileError
from reid_engines.protocol import Image, Port
from reid_engines.spec import Color, InputSpec

Arithmetic = Literal["bfloat16", "float16", "float32"]
Outputs = tuple[NDArray[np.float32], ...]
Runner = Callable[[Image], Outputs]
"""One execution context: takes exactly the batch of the graph, or one of its sizes; used by one thread at a time."""


@dataclass(frozen=True, slots=True)
class GraphInfo:
    """The ports of a graph as its file has them, and what its exporter wrote beside them."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Opening:
    """How a graph is to be opened: what the network wants to see, what the caller feeds, and what it may cost.

    `input` is what the network's spec says, `feeds` the colour order of the caller's pictures, `batch` the pictures per
    submission where the graph leaves that open (0: what suits the backend; settled before a backend sees it), `threads`
    the most CPU threads to use (0: all), `coarsest` the arithmetic that the runtime may go down to where that is
    quicker.
    """

    input: InputSpec
    feeds: Color = "rgb"
    batch: int = 0
    threads: int = 0
    coarsest: Arithmetic = "bfloat16"


@dataclass(frozen=True, slots=True)
class PictureShape:
    """The picture input of a graph, every length decided."""

    batch: int
    height: int
    width: int

    def port(self, name: str) -> Port:
        return Port(name, (self.batch, self.height, self.width, 3), "uint8")


def picture_shape(path: Path, info: GraphInfo, opening: Opening) -> PictureShape:
    """Bring together the lengths that the graph fixes and those that the spec gives.

    Raises `ModelFileError` when the graph has no single picture input, when they disagree or when one is missing.
    """
    if len(info.inputs) != 1:
        names = ", ".join(port.name for port in info.inputs)
        raise ModelFileError(f"{path}: expected one picture input, got {len(info.inputs)} ({names})")
    port, spec = info.inputs[0], opening.input
    axes = "NCHW" if spec.layout == "nchw" else "NHWC"
    if len(port.shape) != 4 or dict(zip(axes, port.shape, strict=True))["C"] not in (3, None):
        raise ModelFileError(f"{path}: expected an {axes} input of 3 channels, got shape {_text(port.shape)}")
    if port.dtype == "uint8" and (any(spec.mean) or any(value != 1 for value in spec.std)):
        raise ModelFileError(f"{path}: takes uint8 pictures as they are; take input.mean and input.std out of its spec")
    length = dict(zip(axes, port.shape, strict=True))
    for axis, name, given in (("H", "height", spec.height), ("W", "width", spec.width)):
        if length[axis] is None and given is None:
            raise ModelFileError(f"{path}: the graph leaves its input {name} open; give input.{name} in a spec")
        if None not in (length[axis], given) and length[axis] != given:
            raise ModelFileError(f"{path}: the spec gives an input {name} of {given}, the graph has {length[axis]}")
    return PictureShape(
        batch=length["N"] or opening.batch,
        height=length["H"] or spec.height or 0,
        width=length["W"] or spec.width or 0,
    )


def _text(shape: tuple[int | None, ...]) -> str:
    return "x".join("?" if length is None else str(length) for length in shape)


class PooledGraph:
    """A `Graph` over a few execution contexts, one worker thread for each.

    A result depends on the submitted pictures alone: every execution has the same batch, or the smallest of `sizes`
    that holds them (the rest is padded with zeros), and contexts share nothing but the weights.
    """

    def __init__(
        self,
        backend: str,
        shape: PictureShape,
        info: GraphInfo,
        runners: Sequence[Runner],
        *,
        sizes: Sequence[int] = (),
    ) -> None:
        self.backend = backend
        self.input = shape.port(info.inputs[0].name)
        self.outputs = info.outputs
        self.metadata = info.metadata
        self.batch = shape.batch
        self.parallel = len(runners)
        self._sizes = sorted({*sizes, shape.batch})
        self._idle: SimpleQueue[Runner] = SimpleQueue()
        for runner in runners:
            self._idle.put(runner)
        self._slots = BoundedSemaphore(self.parallel)
        self._workers = ThreadPoolExecutor(self.parallel, thread_name_prefix=backend)

    def submit(self, images: Image) -> Future[Outputs]:
        """Start on uint8 pictures (N, H, W, 3), 1 <= N <= `batch`; see `Graph.submit`.

        Raises `ValueError` for pictures of another shape or type. The result raises `BackendError` when the runtime
        fails.
        """
        batch, *picture = self.input.shape
        if images.dtype != np.uint8 or list(images.shape[1:]) != picture or not 1 <= len(images) <= self.batch:
            wanted = _text((None, *self.input.shape[1:]))
            raise ValueError(f"expected 1 to {batch} uint8 pictures ({wanted}), got {images.dtype} {images.shape}")
        self._slots.acquire()
        try:
            return self._workers.submit(self._execute, images)
        except RuntimeError:
            self._slots.release()
            raise BackendError(f"{self.backend}: the graph is closed") from None

    def close(self) -> None:
        """Wait for what is under way and free the contexts."""
        self._workers.shutdown()
        while not self._idle.empty():
            self._idle.get()

    def _execute(self, images: Image) -> Outputs:
        size = next(size for size in self._sizes if size >= len(images))
        run = self._idle.get()
        try:
            outputs = run(_padded(images, size))
        except Exception as error:
            raise BackendError(f"{self.backend}: cannot execute the graph: {reason(error)}") from error
        finally:
            self._idle.put(run)
            self._slots.release()
        if len(images) == size:
            return outputs
        return tuple(out[: len(images)] if out.shape[:1] == (size,) else out for out in outputs)


def _padded(images: Image, batch: int) -> Image:
    if len(images) == batch:
        return images
    padded = np.zeros((batch, *images.shape[1:]), np.uint8)
    padded[: len(images)] = images
    return padded


def reason(error: Exception) -> str:
    """The line of a runtime's message that says something: the last one that is not empty."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
