"""Chance that follows from the recipe's seed and from what it is for, and from nothing else."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import torch


def derived(seed: int, *purpose: str | int) -> int:
    """A seed of its own for each purpose, such as `("backbone", 12)`; 63 bits, the same on every machine."""
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A generator of its own for each purpose."""
    return np.random.default_rng(derived(seed, *purpose))


def seed_torch(seed: int, *purpose: str | int) -> None:
    """Start torch's own generators (dropout, initial weights) afresh, on all devices."""
    torch.manual_seed(derived(seed, *purpose))
