# mypy: disable-error-code="no-any-return"
"""torch, for models that are torch modules; reads the .safetensors files of the SAGA family.

On an NVIDIA GPU in half precision, each size of batch as one CUDA graph; elsewhere in float32 on the CPU.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reid_engines.backends.graph import GraphInfo, Opening, Outputs, PictureShape, PooledGraph, Runner
from reid_engines.backends.tensorrt_gpu import recording
from reid_engines.backends.tensorrt_graph import PARALLEL, batch_sizes
from reid_engines.errors import BackendError
from reid_engines.protocol import Image, Port

if TYPE_CHECKING:
    import torch

    from reid_engines.saga.embedder import Embedder
    from reid_engines.saga.features import Features

# Libraries choose their kernels in the first executions, which must not be recorded.
_WARM_UP = 3


def on_gpu() -> bool:
    """Whether models go to an NVIDIA GPU; imports torch."""
    import torch

    return bool(torch.cuda.is_available())


def describe(path: Path) -> GraphInfo:
    """The ports of the model in a weights file. Raises `ModelFileError`."""
    return _info(_embedder(path), batch=None)


def load(path: Path, opening: Opening) -> PooledGraph:
    """Open the model in a weights file. Raises `ModelFileError` when the file does not fit."""
    return graph_of(_embedder(path), opening)


def graph_of(embedder: Embedder, opening: Opening) -> PooledGraph:
    """Put an embedder to work; it belongs to the graph from then on. Colours and scaling are inside the embedder.

    Raises `BackendError` for pictures in another order than RGB.
    """
    import torch

    if opening.feeds != "rgb":
        raise BackendError(f"backend torch: its models take rgb pictures, got {opening.feeds}")
    info = _info(embedder, opening.batch)
    shape = PictureShape(opening.batch, *embedder.size)
    if on_gpu():
        sizes = batch_sizes(opening.batch, open_batch=True)
        if opening.coarsest != "float32":
            _halve(embedder)
        return PooledGraph("torch", shape, info, _gpu_runners(embedder, info, sizes), sizes=sizes)
    if opening.threads:
        # Of the whole process; torch has no other.
        torch.set_num_threads(opening.threads)
    return PooledGraph("torch", shape, info, [_cpu_runner(embedder)], sizes=range(1, opening.batch + 1))


def _embedder(path: Path) -> Embedder:
    # Their modules import torch.
    from reid_engines.saga.embedder import Embedder  # noqa: PLC0415
    from reid_engines.saga.weights import load_weights  # noqa: PLC0415

    return Embedder(load_weights(path))


def _info(embedder: Embedder, batch: int | None) -> GraphInfo:
    import torch

    with torch.inference_mode():
        dim = embedder(torch.zeros((1, *embedder.size, 3), dtype=torch.uint8)).shape[1]
    pictures = Port("pictures", (batch, *embedder.size, 3), "uint8")
    return GraphInfo((pictures,), (Port("vectors", (batch, dim), "float32"),), {})


def _cpu_runner(embedder: Embedder) -> Runner:
    import torch

    def run(images: Image) -> Outputs:
        with torch.inference_mode():
            return (embedder(torch.from_numpy(np.ascontiguousarray(images))).numpy(),)

    return run


def _gpu_runners(embedder: Embedder, info: GraphInfo, sizes: tuple[int, ...]) -> list[Runner]:
    import torch

    embedder.cuda()
    stream = torch.cuda.Stream()
    return [_GpuRunner(embedder, info, sizes, stream) for _ in range(PARALLEL)]


def _halve(embedder: Embedder) -> None:
    """Let the model compute in half precision; what comes before and after it stays in float32."""
    embedder.model.half()
    embedder.model.register_forward_pre_hook(lambda model, given: (given[0].half(),))
    embedder.model.register_forward_hook(lambda model, given, features: _widened(features))


def _widened(features: Features) -> Features:
    """What goes into the final vector in float32: half precision cannot hold the squares of its length."""
    backbone, aggregated = features
    projection = backbone.projection
    backbone = backbone._replace(
        cls=backbone.cls.float(), projection=None if projection is None else projection.float()
    )
    if aggregated is not None:
        aggregated = aggregated._replace(refined=aggregated.refined.float())
    return features._replace(backbone=backbone, aggregated=aggregated)


class _GpuRunner:
    """Executes batches of the sizes given, from page-locked memory of its own to page-locked memory.

    Runners share a stream: their work does not overlap on the GPU, but the copies that the CPU makes go on beside it.
    """

    def __init__(self, embedder: Embedder, info: GraphInfo, sizes: tuple[int, ...], stream: torch.cuda.Stream) -> None:
        import torch

        self._torch, self._stream = torch, stream
        self._pictures = torch.empty(info.inputs[0].shape, dtype=torch.uint8, pin_memory=True)
        self._vectors = torch.empty(info.outputs[0].shape, dtype=torch.float32, pin_memory=True)
        self._graphs = {}
        pool = torch.cuda.graph_pool_handle()
        on_gpu = self._pictures.cuda()
        with torch.inference_mode():
            # The largest first: the others then fit into its memory.
            for size in reversed(sizes):
                self._graphs[size] = self._recorded(embedder, on_gpu[:size], pool)

    def __call__(self, images: Image) -> Outputs:
        size = len(images)
        self._pictures[:size].numpy()[:] = images
        done = self._torch.cuda.Event(blocking=True)
        with self._torch.cuda.stream(self._stream):
            self._graphs[size].replay()
            done.record(self._stream)
        done.synchronize()
        return (self._vectors[:size].numpy().copy(),)

    def _recorded(self, embedder: Embedder, on_gpu: torch.Tensor, pool: tuple[int, int]) -> torch.cuda.CUDAGraph:
        torch, size = self._torch, len(on_gpu)
        with torch.cuda.stream(self._stream):
            for _ in range(_WARM_UP):
                embedder(on_gpu)
        graph = torch.cuda.CUDAGraph()
        mode = "thread_local"
        with recording, torch.cuda.graph(graph, pool=pool, stream=self._stream, capture_error_mode=mode):
            on_gpu.copy_(self._pictures[:size], non_blocking=True)
            self._vectors[:size].copy_(embedder(on_gpu), non_blocking=True)
        return graph
