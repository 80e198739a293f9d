"""The colours of a dressed person, computed for each visible point.

Every point arrives with the coordinates of the *reference* body: x, y, z in metres, its place along the arm, and the
part of the figure it belongs to. Garments are cut there, so their edges and patterns are sharp at any distance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid_tools.footage.geometry import Array, smoothstep
from reid_tools.footage.patterns import weave
from reid_tools.footage.sensor import decode_srgb
from reid_tools.footage.wardrobe import Colour, Fabric, Look, Top

Mask = NDArray[np.bool_]

# Values of the fifth coordinate.
BODY, DRAPE, HAIR, HAT, BAG = range(5)


@dataclass(frozen=True, slots=True)
class Zones:
    """Which points (N,) of the body are covered by what; what is in none of them is skin."""

    hair: Mask
    top: Mask
    inner: Mask
    bottom: Mask
    tights: Mask
    shoes: Mask
    headscarf: Mask


def hairline(reference: Array) -> Array:
    """How far (N,), in metres, points of the reference body lie inside the hairline; negative outside."""
    y, z = reference[:, 1], reference[:, 2]
    # from the forehead over the temples, in front of the ears, down to the nape
    edge = 1.468 + 0.028 * smoothstep(y, 0.02, -0.03) + 0.088 * smoothstep(y, -0.055, -0.105)
    return np.asarray(z - edge, np.float32)


def zones(reference: Array, look: Look) -> Zones:
    """Where the garments of `look` lie on points (N, 4 or more) of the reference body."""
    x, y, z, arm = reference[:, :4].T
    front = y < -0.03
    top = look.top
    on_arm = arm > 0.0
    # the collar dips in front
    neck = top.neck_z - np.where(front, 0.035 * np.clip(1 - np.abs(x) / 0.09, 0, 1), 0.0)
    closed_tail = top.tail_z + 0.07 if top.tail_z is not None and top.open_m == 0 else top.hem_z
    trunk = (z > min(closed_tail, top.hem_z, look.waist_z) - 0.004 * np.sin(40 * x)) & (z < neck) & ~on_arm
    sleeve = on_arm & (arm < top.sleeve)
    covered = trunk | sleeve
    opening = top.open_m * (0.7 + 0.6 * smoothstep(z, 1.1, 1.35))
    inner = covered & front & (np.abs(x) < opening) & ~on_arm
    legs = (z < look.waist_z) & ~on_arm & ~covered
    shoes = z < look.shoes.top_z
    # under a skirt the legs wear its cloth, so that a knee which strains it does not shine through
    hem = look.bottom.hem_z + 0.07 if look.bottom.skirt else max(look.bottom.hem_z, look.shoes.top_z * 0.5)
    bottom = legs & (z > hem) & ~(shoes & (look.shoes.top_z > 0.1))
    hair = hairline(reference) > 0
    beard = (z < 1.462) & (z > 1.395) & (y < -0.075) & (np.abs(x) < 0.06) if look.beard else np.zeros_like(hair)
    scarf = np.zeros_like(hair)
    if look.hat is not None and look.hat.kind == "scarf":
        face = ((x / 0.062) ** 2 + ((z - 1.5) / 0.085) ** 2 < 1) & (y < -0.06)
        scarf = (z > 1.33) & ~face & ~on_arm
    return Zones(
        hair=(hair | beard) & ~scarf,
        top=covered & ~inner & ~scarf,
        inner=inner & ~scarf,
        bottom=bottom,
        tights=legs & ~bottom & ~shoes & (look.bottom.tights is not None),
        shoes=shoes & ~bottom,
        headscarf=scarf,
    )


def _cloth_position(coords: Array, fabric: Fabric) -> tuple[Array, Array]:
    """Where points lie on the flat cloth, in metres: along the sleeve on the arms, around and up elsewhere."""
    x, y, z, arm = coords[:, :4].T
    around = 0.14 * np.arctan2(x, -(y + 0.02))
    on_arm = arm > 0.05
    if fabric.pattern in {"logo", "block", "bands"}:
        # a chest print sits in front only, a block is cut at chest height everywhere
        hidden = (y > -0.06) & (fabric.pattern == "logo")
        return np.where(on_arm | hidden, 10.0, x), np.where(on_arm, 10.0, z - 1.2)
    return np.where(on_arm, 0.05 * np.arctan2(y, np.abs(x) - 0.3), around), np.where(on_arm, arm * 0.24, z)


def paint(look: Look) -> Callable[[Array, Array], Array]:
    """The surface of a figure that wears `look`: albedo (N, 3) of points with coordinates (N, 5)."""
    folds = np.random.default_rng(look.seed)
    wave = folds.normal(0, 1, (5, 3)) * np.array([[70, 70, 35]])
    offset = folds.uniform(0, 6.28, 5)

    def albedo(coords: Array, normals: Array) -> Array:
        colour = _body_colour(coords, look)
        part = np.rint(coords[:, 4]).astype(np.int64)
        for piece, paint_piece in ((DRAPE, _drape), (HAIR, _hair), (HAT, _hat), (BAG, _bag)):
            chosen = part == piece
            if chosen.any():
                colour[chosen] = paint_piece(coords[chosen], look)
        crease = np.sin(coords[:, :3] @ wave.T + offset).sum(axis=1)
        return np.asarray(np.clip(colour * (1 + 0.055 * crease[:, None]), 0.004, 0.95), np.float32)

    return albedo


def _solid(colour: Colour) -> Array:
    return decode_srgb(np.asarray(colour, np.float32))


def _woven(fabric: Fabric, coords: Array, look: Look) -> Array:
    across, up = _cloth_position(coords, fabric)
    return weave(fabric, across.astype(np.float32), up.astype(np.float32), seed=look.seed)


def _drape(coords: Array, look: Look) -> Array:
    fabric = look.bottom.fabric if look.bottom.skirt else look.top.fabric
    return _woven(fabric, coords, look)


def _hair(coords: Array, look: Look) -> Array:
    strand = 1 + 0.22 * np.sin(90 * np.arctan2(coords[:, 0], coords[:, 1] + 0.05) / 3 + 14 * coords[:, 2])
    return np.asarray(_solid(look.hair) * strand[:, None], np.float32)


def _hat(coords: Array, look: Look) -> Array:
    return np.broadcast_to(_solid(look.hat.colour if look.hat else look.hair), (len(coords), 3)).astype(np.float32)


def _bag(coords: Array, look: Look) -> Array:
    colour = _solid(look.bag.colour if look.bag else look.hair)
    seam = 1 - 0.45 * (np.abs(coords[:, 2] % 0.16 - 0.08) < 0.008)
    return np.asarray(colour * seam[:, None], np.float32)


def _skin(coords: Array, look: Look) -> Array:
    """Skin with the features of a face: eyes, brows, lips, a flush on the cheeks."""
    x, y, z = coords[:, :3].T
    colour: Array = np.broadcast_to(_solid(look.skin), (len(coords), 3)).astype(np.float32)
    face = y < -0.085
    ax = np.abs(x)
    flush = np.exp(-(((ax - 0.035) / 0.02) ** 2) - ((z - 1.478) / 0.02) ** 2) * face
    colour = colour * (1 + flush[:, None] * np.array([0.12, -0.1, -0.08], np.float32))
    lips = face & ((x / 0.024) ** 2 + ((z - 1.443) / 0.0095) ** 2 < 1)
    colour[lips] = colour[lips] * np.array([0.85, 0.5, 0.52], np.float32)
    brow = face & (np.abs(z - 1.534 + 0.15 * np.abs(ax - 0.03)) < 0.0055) & (ax > 0.012) & (ax < 0.048)
    colour[brow] = 0.3 * colour[brow] + 0.7 * _solid(look.hair)
    eye = face & (((ax - 0.031) / 0.015) ** 2 + ((z - 1.516) / 0.0075) ** 2 < 1)
    colour[eye] = np.where((np.abs(ax[eye] - 0.031) < 0.0065)[:, None], 0.02, 0.45)
    return colour


def _body_colour(coords: Array, look: Look) -> Array:
    """Colours (N, 3) of the body itself with everything that lies close to it."""
    zone = zones(coords, look)
    colour = _skin(coords, look)
    colour[zone.hair] = _hair(coords[zone.hair], look) if look.hair_style != "bald" else colour[zone.hair] * 0.92
    if look.bottom.tights is not None:
        colour[zone.tights] = _solid(look.bottom.tights)
    for mask, fabric in (
        (zone.bottom, look.bottom.fabric),
        (zone.top, look.top.fabric),
        (zone.inner, look.top.inner or look.top.fabric),
    ):
        if mask.any():
            colour[mask] = _woven(fabric, coords[mask], look)
    _add_trim(colour, coords, zone, look.top)
    _add_parts(colour, coords, zone, look)
    sole = coords[:, 2] < 0.022
    colour[zone.shoes] = np.where(sole[zone.shoes, None], _solid(look.shoes.sole), _solid(look.shoes.colour))
    if look.hat is not None:
        colour[zone.headscarf] = _solid(look.hat.colour)
        if look.hat.kind in {"cap", "beanie", "brim"}:
            colour[(hairline(coords) > 0.02) & (coords[:, 2] > 1.52)] = _solid(look.hat.colour)
    if look.bag is not None:
        strap = strap_zone(coords, look)
        colour[strap] = _solid(look.bag.colour) * 0.8
    return colour


def _add_trim(colour: Array, coords: Array, zone: Zones, top: Top) -> None:
    """Darken the edges of an open jacket and the line of a buttoned one."""
    if top.open_m > 0:
        edge = zone.top & (np.abs(np.abs(coords[:, 0]) - top.open_m) < 0.012) & (coords[:, 1] < -0.03)
        colour[edge] *= 0.7
    elif top.thickness_m > 0.018:
        line = zone.top & (np.abs(coords[:, 0]) < 0.006) & (coords[:, 1] < -0.03)
        colour[line] *= 0.45


def _add_parts(colour: Array, coords: Array, zone: Zones, look: Look) -> None:
    """Paint what garments have of another cloth: sleeves, the stripe of trousers; and the scarf."""
    if look.top.sleeves is not None:
        sleeve = zone.top & (coords[:, 3] > 0.05)
        colour[sleeve] = _woven(look.top.sleeves, coords[sleeve], look)
    if look.bottom.stripe is not None and not look.bottom.skirt:
        x, y, z = coords[:, :3].T
        # legs spread on their way down
        outside = np.abs(x) > 0.102 + 0.095 * (0.86 - z)
        colour[zone.bottom & outside & (np.abs(y + 0.03) < 0.018)] = _solid(look.bottom.stripe)
    if look.scarf is not None:
        colour[scarf_zone(coords)] = _solid(look.scarf)


def scarf_zone(reference: Array) -> Mask:
    """Points (N,) of the reference body under a scarf around the neck."""
    x, y, z, arm = reference[:, :4].T
    return np.asarray((z > 1.335) & (z < 1.43 - 0.25 * np.maximum(-0.06 - y, 0)) & (np.abs(x) < 0.1) & (arm < 0))


def strap_zone(coords: Array, look: Look) -> Mask:
    """Points (N,) under the strap of the bag."""
    x, _, z, arm = coords[:, :4].T
    trunk = arm < 0.1
    if look.bag is None or look.bag.kind == "hand":
        return np.zeros(len(coords), bool)
    if look.bag.kind == "backpack":
        return np.asarray(trunk & (np.abs(np.abs(x) - 0.105) < 0.02) & (z > 1.08) & (z < 1.40))
    # over the right shoulder, down to the left hip
    return np.asarray(trunk & (np.abs(x * 0.838 + z * 0.546 - 0.653) < 0.018) & (z > 0.9) & (z < 1.40))
