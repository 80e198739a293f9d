"""The tokens of several views of every picture, kept while the visual module learns from them.

They are kept in half precision in a file of the output folder, mapped into memory: quick where there is memory for it,
slower where there is not, and shared by the processes of one machine. The file has no name, so nothing is left of it
however the process ends.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reid_pipeline.errors import RecordError
from reid_tools.train.world import World

_NAME = ".tokens.part"
_BYTES_PER_GB = 1e9


class TokenFile:
    """Room for tokens (pictures, views, N, D) on a disk.

    Raises `RecordError` when there is not enough of it.
    """

    def __init__(self, folder: Path, shape: tuple[int, int, int, int], world: World) -> None:
        path = folder / _NAME
        if world.writer:
            _reserve(path, shape)
        world.wait()
        self._tokens: NDArray[np.float16] = np.memmap(path, np.float16, "r+", shape=shape)
        world.wait()
        if world.writer:
            path.unlink()

    def put(self, pictures: NDArray[np.int64], view: int, tokens: Tensor) -> None:
        """Keep the tokens (B, N, D) of one view of the pictures."""
        self._tokens[pictures, view] = tokens.half().cpu().numpy()

    def get(self, pictures: NDArray[np.int64], views: NDArray[np.int64]) -> Tensor:
        """The tokens float16 (B, N, D) of that view of each of the pictures, on the CPU."""
        return torch.from_numpy(np.asarray(self._tokens[pictures, views]))


def _reserve(path: Path, shape: tuple[int, int, int, int]) -> None:
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(np.float16).itemsize
    try:
        if shutil.disk_usage(path.parent).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with path.open("wb") as file:
            # Now, and not by a signal in the middle of writing to the mapped memory.
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise RecordError(
            f"{path.parent}: no room for {size / _BYTES_PER_GB:.1f} GB of tokens: {error.strerror}; free some space, "
            "give another --output, or lower visual.views (0 keeps none)"
        ) from None
