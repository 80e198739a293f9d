"""The processes that train together, one per GPU, as `torchrun` starts them; without it there is one.

Every process works on its share of a batch and gathers the others' features, so losses and batch norm see the whole
batch: with any number of processes a step is the same but for rounding and dropout.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from reid_pipeline.errors import ConfigError


@dataclass(frozen=True, slots=True)
class World:
    """Process `rank` of `size`, and the device that it computes on."""

    rank: int
    size: int
    device: torch.device

    @property
    def writer(self) -> bool:
        """Whether this is the one process that writes files and talks to people."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """This process's part of `count` things, which `size` divides."""
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module with its gradients averaged over all processes."""
        if self.size == 1:
            return module
        return nn.parallel.DistributedDataParallel(module)

    def gather(self, rows: Tensor) -> Tensor:
        """All processes' rows (n, D), equally many each, in the order of their ranks; gradients flow back to each."""
        return rows if self.size == 1 else _Gather.apply(rows, self.rank, self.size)

    def total(self, tensor: Tensor) -> Tensor:
        """The sum of all processes' tensors of this shape."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def from_writer(self, tensor: Tensor) -> Tensor:
        """The writer's values of a tensor that all processes have."""
        if self.size > 1:
            dist.broadcast(tensor, 0)
        return tensor

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def open_world() -> Iterator[World]:
    """Join the processes that `torchrun` started, on its GPU or with all on the CPU; alone without `torchrun`.

    Raises `ConfigError` for processes on several machines, since they share a file's memory, and for too few GPUs.
    """
    size, rank, local = (int(os.environ.get(name, default)) for name, default in _VARIABLES)
    here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", size)), torch.cuda.device_count()
    if here != size:
        raise ConfigError(f"training: {size} processes, {here} of them here; start all of them on one machine")
    if gpus and here > gpus:
        raise ConfigError(f"training: {here} processes for {gpus} GPUs; start one per GPU")
    device = torch.device("cuda", local) if gpus else torch.device("cpu")
    if gpus:
        _repeatable()
        torch.cuda.set_device(device)
    if size == 1:
        yield World(0, 1, device)
        return
    dist.init_process_group("nccl" if gpus else "gloo")
    try:
        yield World(rank, size, device)
    finally:
        dist.destroy_process_group()


_VARIABLES = (("WORLD_SIZE", "1"), ("RANK", "0"), ("LOCAL_RANK", "0"))


def _repeatable() -> None:
    """Let the GPU add in the same order every time, where torch knows how."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, rank: int, size: int) -> Tensor:
        ctx.rank, ctx.count = rank, len(rows)
        parts = [torch.empty_like(rows) for _ in range(size)]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        # Summed here and averaged over all processes with the parameters' gradients: the gradient of one whole batch.
        whole = gradient.contiguous()
        dist.all_reduce(whole)
        start = ctx.rank * ctx.count
        return whole[start : start + ctx.count], None, None
