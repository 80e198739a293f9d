"""Triangle meshes and the few shapes that props, hair and bags are made of. Metres, z up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]
Faces = NDArray[np.int32]

# Albedo (N, 3), linear RGB 0..1, of points with surface coordinates (N, K) and unit normals (N, 3).
Surface = Callable[[Array, Array], Array]


@dataclass(frozen=True, slots=True)
class Shape:
    """Bare triangles: `vertices` float32 (V, 3) and `faces` int32 (F, 3)."""

    vertices: Array
    faces: Faces

    def moved(self, offset: ArrayLike, *, heading_rad: float = 0.0) -> Shape:
        """Turned about the vertical axis, then shifted by `offset` (3,)."""
        turn = rotation_z(heading_rad)
        return Shape((self.vertices @ turn.T + np.asarray(offset, np.float32)).astype(np.float32), self.faces)


@dataclass(frozen=True, slots=True)
class Mesh:
    """What the renderer draws: triangles, the coordinates (V, K) its surface is looked up with, and that surface.

    `smooth` shades with normals interpolated between vertices, otherwise each triangle is flat.
    """

    vertices: Array
    faces: Faces
    coords: Array
    surface: Surface
    smooth: bool = False


def rotation_z(angle_rad: float) -> Array:
    """The (3, 3) rotation about the vertical axis, counter-clockwise seen from above."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], np.float32)


def rotation_between(source: Array, target: Array) -> Array:
    """The smallest rotation (3, 3) that turns direction `source` (3,) into direction `target` (3,)."""
    a = source / np.linalg.norm(source)
    b = target / np.linalg.norm(target)
    axis, cosine = np.cross(a, b), float(a @ b)
    skew = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    # 1 + cosine vanishes only for opposite directions, which no joint reaches
    return np.asarray(np.eye(3) + skew + skew @ skew / max(1.0 + cosine, 1e-6), np.float32)


def rotation_about(axis: Sequence[float], angle_rad: float) -> Array:
    """The rotation (3, 3) by `angle_rad` about the unit vector `axis` (3,)."""
    x, y, z = axis
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle_rad) * skew + (1 - np.cos(angle_rad)) * skew @ skew, np.float32)


def join(shapes: Sequence[Shape]) -> Shape:
    """All the shapes as one."""
    offsets = np.cumsum([0, *(len(shape.vertices) for shape in shapes[:-1])])
    return Shape(
        np.concatenate([shape.vertices for shape in shapes]),
        np.concatenate([shape.faces + offset for shape, offset in zip(shapes, offsets, strict=True)]).astype(np.int32),
    )


def grid_faces(rows: int, columns: int, *, closed: bool = False) -> Faces:
    """Triangles (F, 3) over a grid of `rows` x `columns` vertices; `closed` also joins the last column to the first."""
    index = np.arange(rows * columns).reshape(rows, columns)
    if closed:
        index = np.concatenate([index, index[:, :1]], axis=1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    quads = np.stack([a, b, c, d], axis=-1).reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)


def box(size: ArrayLike, *, centre: ArrayLike = (0.0, 0.0, 0.0)) -> Shape:
    """A box of `size` (x, y, z) around `centre`."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    faces = np.array([[q[i] for i in t] for q in quads for t in ((0, 1, 2), (0, 2, 3))], np.int32)
    return Shape((signs * np.asarray(size, np.float32) / 2 + np.asarray(centre, np.float32)).astype(np.float32), faces)


def revolve(profile: Sequence[tuple[float, float]], *, sides: int = 20) -> Shape:
    """The surface swept by `profile`, points (radius, height), around the vertical axis."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    radius, height = np.asarray(profile, np.float32).T
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    rows = np.concatenate(
        [radius[:, None, None] * ring, np.broadcast_to(height[:, None, None], (len(radius), sides, 1))], axis=-1
    )
    return Shape(rows.reshape(-1, 3).astype(np.float32), grid_faces(len(radius), sides, closed=True))


def cylinder(radius: float, height: float, *, sides: int = 20) -> Shape:
    """A closed cylinder standing on z = 0."""
    return revolve([(0.0, 0.0), (radius, 0.0), (radius, height), (0.0, height)], sides=sides)


def ellipsoid(radii: ArrayLike, *, squareness: float = 1.0, sides: int = 20) -> Shape:
    """An ellipsoid around the origin; `squareness` below 1 makes it a box with rounded edges."""
    polar = np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)

    def power(value: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.sign(value) * np.abs(value) ** squareness)

    across, up = power(np.cos(polar)), power(np.sin(polar))
    rx, ry, rz = np.asarray(radii, float)
    x = across[:, None] * power(np.cos(angle)) * rx
    y = across[:, None] * power(np.sin(angle)) * ry
    z = np.broadcast_to(up[:, None] * rz, x.shape)
    vertices = np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32)
    return Shape(vertices, grid_faces(len(polar), sides, closed=True))


def vertex_normals(vertices: Array, faces: Faces) -> Array:
    """Unit normals (V, 3), the area-weighted mean of the triangles around each vertex."""
    corner = vertices[faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    count = len(vertices)
    flat = faces.ravel()
    total = np.stack([np.bincount(flat, np.repeat(normal[:, axis], 3), count) for axis in range(3)], axis=-1)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12), np.float32)


def smoothstep(value: ArrayLike, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high` and a smooth ramp between; `low` above `high` ramps down."""
    t = np.clip((np.asarray(value) - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
