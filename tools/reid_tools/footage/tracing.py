"""Rays against triangles, cast by Embree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reid_tools.footage.extras import footage_module
from reid_tools.footage.geometry import Array, Shape

_POOL = 4096


@dataclass(frozen=True, slots=True)
class Hits:
    """`triangle` (N,), -1 for a miss; `distance` (N,) m; barycentric weights (N, 3); normals (N, 3) of any length."""

    triangle: NDArray[np.int32]
    distance: Array
    bary: Array
    normal: Array


class Tracer:
    """Triangles that rays can be cast at.

    Raises:
        MissingExtra: embreex is not installed.
    """

    def __init__(self, shape: Shape) -> None:
        self._scene: Any = footage_module("embreex.rtcore_scene").EmbreeScene()
        footage_module("embreex.mesh_construction").TriangleMesh(self._scene, shape.vertices, shape.faces)

    def cast(self, origins: Array, directions: Array) -> Hits:
        """The first hit of each ray, from `origins` (N, 3) along the unit vectors `directions` (N, 3)."""
        found = self._scene.run(_ready(origins), _ready(directions), output=True)
        bary = np.stack([1 - found["u"] - found["v"], found["u"], found["v"]], axis=-1)
        return Hits(found["primID"], found["tfar"], bary, found["Ng"])

    def blocked(self, origins: Array, directions: Array, *, reach_m: float = 1e6) -> NDArray[np.bool_]:
        """Whether each ray (N, 3), (N, 3) meets something within `reach_m`."""
        if not len(origins):
            return np.zeros(0, bool)
        reach = np.full(len(origins), reach_m, np.float32)
        return np.asarray(self._scene.run(_ready(origins), _ready(directions), reach, query="OCCLUDED") == 0)

    def openness(self, points: Array, normals: Array, *, keys: NDArray[np.int64], rays: int, reach_m: float) -> Array:
        """The share (N,) of the half-space above each point that is free within `reach_m`, cosine-weighted.

        `keys` (N,) choose the directions; the same key always looks the same way, so what stands still does not
        flicker.
        """
        free = np.zeros(len(points), np.float32)
        for ray in range(rays):
            directions = normals + scattered(keys * rays + ray)
            directions /= np.linalg.norm(directions, axis=1, keepdims=True)
            free += ~self.blocked(points, directions, reach_m=reach_m)
        return np.asarray(free / rays, np.float32)


def _ready(rays: Array) -> Array:
    return np.ascontiguousarray(rays, np.float32)


def _pool() -> Array:
    vectors = np.random.default_rng(20).normal(size=(_POOL, 3))
    # just inside the sphere, so that normal + vector never vanishes
    return np.asarray(0.999 * vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


_VECTORS = _pool()


def scattered(keys: NDArray[np.int64]) -> Array:
    """Vectors (N, 3) spread over the unit sphere, each a fixed function of its key (N,)."""
    # an odd multiplier shuffles neighbours apart
    return np.asarray(_VECTORS[(keys * 2654435761 >> 7) % _POOL])
