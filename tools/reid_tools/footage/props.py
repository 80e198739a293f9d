"""Meshes of the things that furnish a scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from reid_tools.footage.finishes import FINISHES, Rgb
from reid_tools.footage.geometry import Mesh, Shape, box, cylinder, ellipsoid, join, revolve, rotation_z
from reid_tools.footage.scene import Prop

WOOD: Rgb = (0.30, 0.17, 0.08)
STEEL: Rgb = (0.10, 0.10, 0.11)
STONE: Rgb = (0.45, 0.43, 0.40)
LEAF: Rgb = (0.10, 0.20, 0.045)

Part = tuple[Shape, str, Rgb]


def build(props: Sequence[Prop]) -> list[Mesh]:
    """The meshes of all props."""
    meshes = []
    for prop in props:
        for shape, finish, colour in _BUILDERS[prop.kind](prop):
            placed = shape.moved(prop.at, heading_rad=prop.heading_rad)
            surface = FINISHES[finish](colour)
            meshes.append(Mesh(placed.vertices, placed.faces, placed.vertices, surface, smooth=finish == "leaves"))
    return meshes


def blocked(props: Sequence[Prop], xy: NDArray[np.float64], *, margin_m: float = 0.2) -> NDArray[np.bool_]:
    """Which of the floor positions (N, 2) lie inside a prop or closer to it than `margin_m`."""
    inside = np.zeros(len(xy), bool)
    for prop in props:
        if prop.kind == "ground" or prop.at[2] > 1.0 or prop.size[2] < 0.2:
            continue
        half = np.array(_FOOT_M.get(prop.kind, prop.size[:2])) / 2
        local = (xy - np.array(prop.at[:2])) @ rotation_z(prop.heading_rad)[:2, :2]
        inside |= np.linalg.norm(np.maximum(np.abs(local) - half, 0), axis=1) < margin_m
    return inside


# what is narrower at its foot than its size says
_FOOT_M: dict[str, tuple[float, float]] = {"tree": (0.3, 0.3), "lamp": (0.25, 0.25), "post": (0.6, 0.6)}


def _block(prop: Prop) -> list[Part]:
    x, y, z = prop.size
    return [(box((x, y, z), centre=(0, 0, z / 2)), prop.finish, prop.colour)]


def _ground(prop: Prop) -> list[Part]:
    x, y, z = prop.size
    return [(box((x, y, z), centre=(0, 0, -z / 2)), prop.finish, prop.colour)]


def _post(prop: Prop) -> list[Part]:
    """A round pillar on a square foot, under a square head."""
    x, _, z = prop.size
    shaft = cylinder(x / 2, z)
    foot, head = (
        box((x * 1.4, x * 1.4, 0.25), centre=(0, 0, 0.125)),
        box((x * 1.4, x * 1.4, 0.2), centre=(0, 0, z - 0.1)),
    )
    return [(join([shaft, foot, head]), prop.finish, prop.colour)]


def _rng(prop: Prop) -> np.random.Generator:
    """Chance that belongs to this prop's place."""
    return np.random.default_rng([round(abs(value) * 1000) for value in prop.at])


def _tree(prop: Prop) -> list[Part]:
    x, y, z = prop.size
    rng = _rng(prop)
    trunk = revolve([(0.16, 0.0), (0.11, 0.5), (0.09, z * 0.6), (0.0, z * 0.75)], sides=12)
    crown = []
    for _ in range(22):
        place = rng.normal(0, 1, 3) * (x * 0.2, y * 0.2, z * 0.1) + (0, 0, z * 0.72)
        puff = ellipsoid(rng.uniform(0.16, 0.26, 3) * (x, y, z * 0.5), sides=16)
        lumps = 1 + 0.12 * np.sin(puff.vertices @ rng.normal(0, 9, (3, 4))).sum(axis=1, keepdims=True)
        crown.append(Shape((puff.vertices * lumps).astype(np.float32), puff.faces).moved(place))
    return [(trunk, "planks", (0.14, 0.10, 0.07)), (join(crown), "leaves", LEAF)]


def _bench(prop: Prop) -> list[Part]:
    """A bench whose back is at +y."""
    x, y, z = prop.size
    slats = [box((x, y / 4 - 0.02, 0.04), centre=(0, -y / 2 + y / 4 * (i + 0.5), 0.45)) for i in range(4)]
    back = [box((x, 0.03, 0.10), centre=(0, y / 2, 0.45 + (z - 0.45) * (i + 0.6) / 3)) for i in range(3)]
    legs = [box((0.07, y, 0.45), centre=(sign * (x / 2 - 0.2), 0, 0.225)) for sign in (-1, 1)]
    posts = [box((0.06, 0.05, z), centre=(sign * (x / 2 - 0.2), y / 2 - 0.03, z / 2)) for sign in (-1, 1)]
    return [(join(slats + back), "planks", WOOD), (join(legs + posts), "plain", STEEL)]


def _planter(prop: Prop) -> list[Part]:
    x, y, z = prop.size
    height = z * 0.5
    rng = _rng(prop)
    bushes = [
        ellipsoid(rng.uniform(0.22, 0.36, 3), sides=12).moved((u, v, height + 0.1 + rng.uniform(0, z * 0.3)))
        for u in np.arange(-x / 2 + 0.3, x / 2 - 0.2, 0.35)
        for v in np.arange(-y / 2 + 0.3, y / 2 - 0.2, 0.35)
    ]
    return [(box((x, y, height), centre=(0, 0, height / 2)), prop.finish, prop.colour), (join(bushes), "leaves", LEAF)]


def _lamp(prop: Prop) -> list[Part]:
    z = prop.size[2]
    pole = revolve([(0.11, 0.0), (0.10, 0.5), (0.05, 0.6), (0.04, z), (0.0, z)], sides=12)
    head = revolve([(0.0, z + 0.05), (0.28, z + 0.1), (0.1, z + 0.35), (0.0, z + 0.4)], sides=14)
    return [(pole, "plain", STEEL), (head, "plain", (0.5, 0.5, 0.48))]


def _bin(prop: Prop) -> list[Part]:
    x, _, z = prop.size
    return [
        (
            revolve([(0.0, 0.0), (x * 0.4, 0.0), (x / 2, z * 0.9), (x * 0.42, z), (0.0, z)], sides=16),
            prop.finish,
            prop.colour,
        )
    ]


def _sign(prop: Prop) -> list[Part]:
    """A board on two legs."""
    x, y, z = prop.size
    board = box((x, y, z * 0.6), centre=(0, 0, z * 0.7))
    legs = [box((0.05, 0.05, z), centre=(sign * x * 0.4, 0, z / 2)) for sign in (-1, 1)]
    return [(board, prop.finish, prop.colour), (join(legs), "plain", STEEL)]


_BUILDERS: dict[str, Callable[[Prop], list[Part]]] = {
    "ground": _ground,
    "block": _block,
    "post": _post,
    "tree": _tree,
    "bench": _bench,
    "planter": _planter,
    "lamp": _lamp,
    "bin": _bin,
    "sign": _sign,
}
