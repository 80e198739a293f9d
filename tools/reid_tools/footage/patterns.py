"""Woven and printed patterns: the colours of cloth as a function of the place on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from reid_tools.footage.geometry import Array
from reid_tools.footage.sensor import decode_srgb
from reid_tools.footage.wardrobe import Fabric


def weave(fabric: Fabric, across: Array, up: Array, *, seed: int) -> Array:
    """The linear colours (N, 3) of a fabric at `across` and `up` (N,), metres on the cloth."""
    palette = decode_srgb(np.asarray(fabric.colours, np.float32))
    return _PATTERNS[fabric.pattern](palette, across / fabric.scale_m, up / fabric.scale_m, seed)


def _pick(palette: Array, share: ArrayLike) -> Array:
    """The ground where `share` (N,) is 0, the second colour where it is 1."""
    other = palette[min(1, len(palette) - 1)]
    return np.asarray(palette[0] + (other - palette[0]) * np.asarray(share, np.float32)[:, None], np.float32)


def _plain(palette: Array, u: Array, v: Array, seed: int) -> Array:
    return np.broadcast_to(palette[0], (len(u), 3)).astype(np.float32)


def _stripes(palette: Array, u: Array, v: Array, seed: int) -> Array:
    return _pick(palette, (v % 1.0) < 0.5)


def _pinstripes(palette: Array, u: Array, v: Array, seed: int) -> Array:
    return _pick(palette, (u % 1.0) < 0.28)


def _checks(palette: Array, u: Array, v: Array, seed: int) -> Array:
    return _pick(palette, (((u % 1.0) < 0.5) * 0.5 + ((v % 1.0) < 0.5) * 0.5))


def _plaid(palette: Array, u: Array, v: Array, seed: int) -> Array:
    base = _pick(palette, ((u % 1.0) < 0.4) * 0.5 + ((v % 1.0) < 0.4) * 0.5)
    line = ((u % 1.0 > 0.66) & (u % 1.0 < 0.74)) | ((v % 1.0 > 0.66) & (v % 1.0 < 0.74))
    return np.where(line[:, None], palette[-1], base)


def _dots(palette: Array, u: Array, v: Array, seed: int) -> Array:
    row = np.floor(v)
    du, dv = (u + 0.5 * (row % 2)) % 1.0 - 0.5, v % 1.0 - 0.5
    return _pick(palette, du**2 + dv**2 < 0.085)


def _logo(palette: Array, u: Array, v: Array, seed: int) -> Array:
    """A print around the origin, about one unit wide; the seed chooses its shape."""
    kind = seed % 4
    if kind == 0:
        share = u**2 + v**2 < 0.25
    elif kind == 1:
        share = (np.abs(u) < 0.55) & (np.abs(v) < 0.28)
    elif kind == 2:
        share = (np.abs(u) < 0.55) & (np.abs(v) < 0.5) & ((v * 4) % 1.0 < 0.6)
    else:
        share = np.abs(u) + np.abs(v) < 0.6
    return _pick(palette, share)


def _block(palette: Array, u: Array, v: Array, seed: int) -> Array:
    lower = _pick(palette, v < 0)
    return np.where(((v > -0.5) & (v < 0))[:, None] & (len(palette) > 2), palette[-1], lower)


def _denim(palette: Array, u: Array, v: Array, seed: int) -> Array:
    worn = 0.5 + 0.5 * np.sin(7 * u + 2 * np.sin(3 * v)) * np.sin(4 * v + 1.3)
    return _pick(palette, 0.6 * worn)


def _print(palette: Array, u: Array, v: Array, seed: int) -> Array:
    first = np.sin(3.1 * u + 2.3 * np.sin(2.2 * v + seed)) + np.sin(4.3 * v + 1.9 * np.sin(2.9 * u))
    second = np.sin(5.3 * u + seed + 1.7 * np.sin(3.7 * v)) + np.sin(4.9 * v - 2.1 * u)
    return np.where((second > 0.9)[:, None], palette[-1], _pick(palette, first > 0.35))


def _quilted(palette: Array, u: Array, v: Array, seed: int) -> Array:
    """The seams of a padded jacket: dark furrows across it, light on the bulges between them."""
    return np.asarray(palette[0] * (0.55 + 0.75 * np.abs(np.sin(np.pi * v)) ** 0.6)[:, None], np.float32)


def _heather(palette: Array, u: Array, v: Array, seed: int) -> Array:
    """Mixed yarn: fine irregular flecks."""
    fleck = np.sin(31 * u + 9 * np.sin(17 * v)) * np.sin(29 * v + 7 * np.sin(13 * u + seed))
    return _pick(palette, 0.22 + 0.22 * fleck)


def _bands(palette: Array, u: Array, v: Array, seed: int) -> Array:
    """Two bands around the trunk, as reflecting vests have."""
    return _pick(palette, (np.abs(v) < 0.11) | (np.abs(v + 0.6) < 0.11))


_PATTERNS: dict[str, Callable[[Array, Array, Array, int], Array]] = {
    "plain": _plain,
    "stripes": _stripes,
    "pinstripes": _pinstripes,
    "checks": _checks,
    "plaid": _plaid,
    "dots": _dots,
    "logo": _logo,
    "block": _block,
    "denim": _denim,
    "print": _print,
    "quilted": _quilted,
    "heather": _heather,
    "bands": _bands,
}
