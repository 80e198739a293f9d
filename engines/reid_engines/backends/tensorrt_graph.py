"""An engine at work: pictures go from page-locked memory to the GPU, and what it makes of them back, as one CUDA graph.

Everything happens on one stream with one execution context (TensorRT 8.5 allows no more for one profile). What is
submitted meanwhile is copied to page-locked memory of its own and launched behind, so the GPU does not wait for it.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from reid_engines.backends.graph import Outputs
from reid_engines.backends.tensorrt_api import Engine
from reid_engines.backends.tensorrt_file import EngineFile
from reid_engines.backends.tensorrt_gpu import CudaGraph
from reid_engines.backends.tensorrt_memory import Device
from reid_engines.protocol import Image

PARALLEL = 2


def batch_sizes(batch: int, *, open_batch: bool) -> tuple[int, ...]:
    """The batches that are executed: powers of two and the largest, or only the one that a graph has."""
    if not open_batch:
        return (batch,)
    return (*(1 << power for power in range(batch.bit_length()) if 1 << power < batch), batch)


class EngineRunner:
    """A `Runner` for the batches of the file's `sizes`, in memory of its own."""

    def __init__(self, engine: Engine, device: Device, file: EngineFile) -> None:
        """Execute every size once, because TensorRT prepares itself then, and record it. The device must be active."""
        self._engine, self._device = engine, device
        shape = file.shape
        self._picture = (shape.height, shape.width, 3)
        self._pictures = device.buffer((shape.batch, *self._picture), np.uint8)
        self._outputs = {
            port.name: device.buffer(tuple(length or 1 for length in port.shape), engine.outputs[port.name])
            for port in file.info.outputs
        }
        self._graphs = {}
        for size in file.sizes:
            self._enqueue(size)
            device.mark()()
            self._graphs[size] = CudaGraph(device.stream, partial(self._enqueue, size))

    def __call__(self, images: Image) -> Outputs:
        size = len(images)
        self._pictures.host[:size] = images
        with self._device.active():
            self._graphs[size].launch()
            wait = self._device.mark()
            wait()
        return tuple(np.array(buffer.host[:size], np.float32) for buffer in self._outputs.values())

    def _enqueue(self, size: int) -> None:
        addresses = {name: buffer.address for name, buffer in self._outputs.items()}
        addresses[self._engine.input] = self._pictures.address
        self._pictures.upload(size)
        self._engine.enqueue((size, *self._picture), addresses, self._device.stream)
        for buffer in self._outputs.values():
            buffer.download(size)
