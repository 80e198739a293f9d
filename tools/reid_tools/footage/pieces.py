"""What hangs off a body: skirts, coat tails, long hair, hats, bags; each piece of mesh follows some of the joints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reid_tools.footage.body import JOINTS, REFERENCE_HIP, REFERENCE_KNEE, REFERENCE_WAIST, Body
from reid_tools.footage.cloth import BAG, BODY, DRAPE, HAIR, HAT
from reid_tools.footage.geometry import Array, Faces, Shape, box, ellipsoid, grid_faces, join, smoothstep
from reid_tools.footage.wardrobe import Look

HEAD_CENTRE = np.array([0.0, -0.035, 1.535], np.float32)  # on the reference body


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a figure at rest: `vertices` (V, 3), `faces` (F, 3), `weights` (V, 18) and surface coordinates (V, 5)."""

    vertices: Array
    faces: Faces
    weights: Array
    coords: Array


def pieces_of(body: Body, padded: Array, look: Look) -> Iterator[Piece]:
    """The pieces of `look` on a body whose clothed surface is `padded` (V, 3)."""
    if look.bottom.skirt:
        yield _drape(
            body, padded, top_z=look.waist_z, hem_z=look.bottom.hem_z, flare_m=look.bottom.loose_m, open_rad=0.0
        )
    if look.top.tail_z is not None:
        open_rad = 0.0 if look.top.open_m == 0 else 0.35
        yield _drape(
            body, padded, top_z=look.waist_z, hem_z=look.top.tail_z, flare_m=look.top.flare_m, open_rad=open_rad
        )
    if look.top.hood:
        yield _hood(body, padded)
    yield from _hair_pieces(body, look)
    if look.hat is not None and look.hat.kind in {"cap", "brim"}:
        yield _brim(body, wide=look.hat.kind == "brim")
    if look.bag is not None:
        yield _bag(body, padded, look)


def _follow(count: int, **share: float) -> Array:
    """Weights (count, 18) that follow the named joints."""
    weights = np.zeros((count, len(JOINTS)), np.float32)
    for name, value in share.items():
        weights[:, JOINTS.index(name.replace("_", "."))] = value
    return weights


def _piece(shape: Shape, weights: Array, part: int, reference: Array | None = None) -> Piece:
    """A piece whose reference coordinates are its own vertices unless given."""
    place = shape.vertices if reference is None else reference
    tail = np.tile(np.array([[-0.4, part]], np.float32), (len(place), 1))
    return Piece(shape.vertices, shape.faces, weights, np.concatenate([place, tail], axis=1).astype(np.float32))


def _drape(body: Body, padded: Array, *, top_z: float, hem_z: float, flare_m: float, open_rad: float) -> Piece:
    """Cloth around hips and legs from `top_z` to `hem_z` (reference heights); `open_rad` is half its gap in front."""
    rows, columns = 16, 48
    # angle 0 is the front (-y)
    angle = np.linspace(open_rad, 2 * np.pi - open_rad, columns, endpoint=open_rad > 0)
    direction = np.stack([np.sin(angle), -np.cos(angle)], axis=-1)
    heights = np.linspace(top_z, hem_z, rows)
    scale = float(body.joints[JOINTS.index("thigh.L"), 2]) / REFERENCE_HIP
    trunk = body.reference[:, 3] < 0
    centre = np.array([0.0, float(body.joints[0, 1])])
    radius = np.zeros(columns)
    rings = []
    for height in heights:
        near = trunk & (np.abs(body.reference[:, 2] - max(height, REFERENCE_HIP - 0.12)) < 0.03)
        reach = ((padded[near, :2] - centre) @ direction.T).max(axis=0)
        # cloth hangs from where the body is widest
        radius = np.maximum(radius, reach + 0.006)
        share = max(0.0, (top_z - height) / max(top_z - hem_z, 1e-6))
        fold = 1 + 0.05 * share * np.sin(9 * angle)
        rings.append((radius + flare_m * share) * fold)
    xy = centre + np.stack(rings)[:, :, None] * direction
    z = np.broadcast_to(heights[:, None, None] * scale, (rows, columns, 1))
    vertices = np.concatenate([xy, z], axis=-1).reshape(-1, 3).astype(np.float32)
    reference = np.concatenate([xy, np.broadcast_to(heights[:, None, None], z.shape)], axis=-1).reshape(-1, 3)
    weights = _drape_weights(np.repeat(heights, columns), np.tile(np.sin(angle), rows))
    return _piece(Shape(vertices, grid_faces(rows, columns, closed=open_rad == 0)), weights, DRAPE, reference)


def _drape_weights(height: Array, side: Array) -> Array:
    """Weights (V, 18) of cloth at reference `height` (V,) and `side` (V,), 1 left to -1 right: more leg low down."""
    legs = 0.95 * smoothstep(height, REFERENCE_HIP + 0.02, REFERENCE_KNEE + 0.05)
    left = smoothstep(side, -0.5, 0.5)
    weights = np.zeros((len(height), len(JOINTS)), np.float32)
    weights[:, JOINTS.index("thigh.L")] = legs * left
    weights[:, JOINTS.index("thigh.R")] = legs * (1 - left)
    up = smoothstep(height, REFERENCE_WAIST - 0.05, REFERENCE_WAIST + 0.05) * 0.5
    weights[:, JOINTS.index("spine")] = up * (1 - legs)
    weights[:, 0] = 1 - weights.sum(axis=1)
    return weights


def _hood(body: Body, padded: Array) -> Piece:
    """A hood that lies on the nape, of the cloth between the shoulder blades."""
    nape = (body.reference[:, 3] < 0) & (np.abs(body.reference[:, 2] - 1.33) < 0.03)
    place = np.array([0.0, float(padded[nape, 1].max()), body.joints[JOINTS.index("neck"), 2] - 0.03], np.float32)
    shape = ellipsoid((0.115, 0.05, 0.085), squareness=0.8)
    reference = shape.vertices + np.array([0.0, 0.1, 1.2], np.float32)
    return _piece(shape.moved(place), _follow(len(shape.vertices), chest=1.0), BODY, reference)


def _head_offset(body: Body) -> Array:
    """What to add (3,) to a place near the reference head to be at the same place of this body's head."""
    reference_head = np.array([0.0, -0.042, 1.476], np.float32)
    return np.asarray(body.joints[JOINTS.index("head")] - reference_head, np.float32)


def _hair_pieces(body: Body, look: Look) -> Iterator[Piece]:
    offset = _head_offset(body)
    if look.hat is not None and (look.hat.kind == "scarf" or look.hair_style == "bun"):
        return
    if look.hair_style in {"long", "bob"}:
        length = 0.40 if look.hair_style == "long" else 0.17
        yield _curtain(offset, length)
    elif look.hair_style == "ponytail":
        path = np.array(
            [[0, 0.085, 1.57], [0, 0.125, 1.54], [0, 0.13, 1.46], [0, 0.115, 1.38], [0, 0.11, 1.33]], np.float32
        )
        width = (0.018, 0.03, 0.032, 0.025, 0.006)
        beads = [ellipsoid((r, r, 0.05), sides=10).moved(p) for p, r in zip(path + offset, width, strict=True)]
        shape = join(beads)
        yield _piece(shape, _follow(len(shape.vertices), head=0.8, chest=0.2), HAIR, shape.vertices - offset)
    elif look.hair_style == "bun":
        shape = ellipsoid((0.042, 0.042, 0.042), sides=14).moved(np.array([0, 0.07, 1.615], np.float32) + offset)
        yield _piece(shape, _follow(len(shape.vertices), head=1.0), HAIR, shape.vertices - offset)


def _curtain(offset: Array, length_m: float) -> Piece:
    """Hair that falls from the crown behind the ears, `length_m` below them."""
    rows, columns = 14, 30
    # angle 0 is the back of the head
    angle = np.linspace(-1.95, 1.95, columns)
    fall = np.linspace(0, 1, rows)[:, None]
    drop = 1.575 - fall * (0.075 + length_m)
    bulge = np.sin(np.clip(fall * 3, 0, 1) * np.pi / 2)
    width = 0.070 + 0.028 * bulge + 0.012 * fall
    depth = 0.085 + 0.030 * bulge
    # below the chin the strands in front narrow down to the back
    spread = angle * (1 - 0.42 * smoothstep(1.45 - drop, 0.0, 0.12))
    x = width * np.sin(spread)
    y = -0.03 + depth * np.cos(spread) + 0.03 * smoothstep(1.44 - drop, 0.0, 0.15)
    z = np.broadcast_to(drop, x.shape) + 0.01 * np.cos(7 * angle) * fall
    reference = np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32)
    chest = 0.75 * smoothstep(1.45 - reference[:, 2], 0.0, 0.25)
    weights = np.zeros((len(reference), len(JOINTS)), np.float32)
    weights[:, JOINTS.index("chest")] = chest
    weights[:, JOINTS.index("head")] = 1 - chest
    return _piece(Shape(reference + offset, grid_faces(rows, columns)), weights, HAIR, reference)


def _brim(body: Body, *, wide: bool) -> Piece:
    """The peak of a cap, or a brim all around."""
    columns = 36
    angle = np.linspace(0, 2 * np.pi, columns) if wide else np.linspace(-1.15, 1.15, columns)
    rings = []
    for share in (0.0, 1.0):
        reach = 1 + share * (0.75 if wide else 0.75 * np.cos(angle * 1.2))
        x, y = 0.088 * np.sin(angle) * reach, -0.035 - 0.115 * np.cos(angle) * reach
        rings.append(np.stack([x, y, np.full(columns, 1.562 - share * 0.018)], axis=-1))
    reference = np.concatenate(rings).astype(np.float32)
    shape = Shape(reference + _head_offset(body), grid_faces(2, columns))
    return _piece(shape, _follow(len(reference), head=1.0), HAT, reference)


def _bag(body: Body, padded: Array, look: Look) -> Piece:
    assert look.bag is not None
    size = look.bag.size
    trunk = body.reference[:, 3] < 0
    if look.bag.kind == "backpack":
        chest = body.joints[JOINTS.index("chest")]
        back = trunk & (np.abs(body.reference[:, 2] - 1.2) < 0.1)
        y = float(padded[back, 1].max())
        shape = join(
            [
                ellipsoid((0.155 * size, 0.085 * size, 0.225 * size), squareness=0.55).moved(
                    (0, y + 0.06 * size, chest[2] + 0.06)
                ),
                ellipsoid((0.11 * size, 0.045 * size, 0.10 * size), squareness=0.6).moved(
                    (0, y + 0.15 * size, chest[2] - 0.04)
                ),
            ]
        )
        return _piece(shape, _follow(len(shape.vertices), chest=0.9, spine=0.1), BAG)
    if look.bag.kind == "shoulder":
        hip = trunk & (np.abs(body.reference[:, 2] - 0.92) < 0.06)
        x = float(padded[hip, 0].max())
        shape = ellipsoid((0.055 * size, 0.16 * size, 0.12 * size), squareness=0.5)
        shape = shape.moved((x + 0.05 * size, 0.0, body.joints[0, 2] + 0.0))
        return _piece(shape, _follow(len(shape.vertices), pelvis=1.0), BAG)
    return _hand_bag(body, size)


def _hand_bag(body: Body, size: float) -> Piece:
    """A bag that hangs from the right hand, whose arm points outwards at rest."""
    hand, elbow = body.joints[JOINTS.index("hand.R")], body.joints[JOINTS.index("forearm.R")]
    along = (hand - elbow) / np.linalg.norm(hand - elbow)
    shape = join(
        [
            box((0.30 * size, 0.10 * size, 0.34 * size), centre=(0, 0, -0.30)),
            box((0.16, 0.012, 0.16), centre=(0, 0, -0.06)),
        ]
    )
    # a hanging bag is upright when the forearm points down, so it is built along the forearm
    side = np.cross(along, (0.0, 0.0, 1.0))
    side = side / np.linalg.norm(side)
    frame = np.stack([np.cross(side, along), side, -along])
    grip = hand + along * 0.08
    vertices = (shape.vertices @ frame + grip).astype(np.float32)
    return _piece(Shape(vertices, shape.faces), _follow(len(vertices), hand_R=1.0), BAG, shape.vertices)
