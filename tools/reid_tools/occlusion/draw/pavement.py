"""What stands on pavements: posts, fire hydrants and stones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reid_tools.occlusion.draw.drawing import Drawing
from reid_tools.occlusion.draw.paints import (
    Colour,
    bricks,
    layered,
    mottled,
    plain,
    striped,
    wooden,
)
from reid_tools.occlusion.draw.render import Shot
from reid_tools.occlusion.draw.solids import (
    Model,
    Paint,
    Sheet,
    ball,
    block,
    lathe,
    moved,
    turned,
)

ZINC = plain((0.58, 0.60, 0.62), wear=0.08, scale=0.3)


def posts() -> list[Drawing]:
    yellow, black, red, white = (0.92, 0.74, 0.08), (0.08, 0.08, 0.08), (0.74, 0.10, 0.10), (0.90, 0.90, 0.88)
    return [
        Drawing(_iron_bollard(), Shot(250, pitch_deg=12)),
        Drawing(_brick_pillar(), Shot(255, yaw_deg=33, pitch_deg=10, sun_deg=45, warmth=0.6)),
        Drawing(_warning_bollard(0.14, yellow, black), Shot(235, pitch_deg=16, sun=0.6, sky=0.75)),
        Drawing(_gate_post(), Shot(240, yaw_deg=-30, pitch_deg=7, sun_deg=60)),
        Drawing(_concrete_bollard(), Shot(225, yaw_deg=22, pitch_deg=19, sun_deg=-70)),
        Drawing(_warning_bollard(0.08, red, white), Shot(250, pitch_deg=9, sun_deg=50, warmth=0.4)),
    ]


def fire_hydrants() -> list[Drawing]:
    red, orange = plain((0.70, 0.11, 0.09), seed=1), plain((0.86, 0.38, 0.08))
    old = mottled([(0.66, 0.66, 0.64), (0.55, 0.5, 0.44), (0.45, 0.27, 0.15)], 0.09)
    yellow, blue = plain((0.88, 0.68, 0.10), seed=2), plain((0.12, 0.28, 0.55))
    green, white = mottled([(0.10, 0.30, 0.20), (0.13, 0.36, 0.24)], 0.1), plain((0.86, 0.86, 0.82))
    return [
        Drawing(_hydrant(red, red, waist=0.105, tall=0.62), Shot(215, yaw_deg=20, pitch_deg=10)),
        Drawing(_hydrant(yellow, blue, waist=0.12, tall=0.52), Shot(190, yaw_deg=-35, pitch_deg=15, sun_deg=45)),
        Drawing(_hydrant(green, white, waist=0.085, tall=0.78), Shot(245, yaw_deg=8, pitch_deg=8, sun=0.5, sky=0.8)),
        Drawing(
            _hydrant(old, red, waist=0.13, tall=0.58), Shot(200, yaw_deg=52, pitch_deg=20, sun_deg=-70, warmth=0.8)
        ),
        Drawing(_hydrant(orange, white, waist=0.11, tall=0.68), Shot(230, yaw_deg=-62, pitch_deg=13, sun_deg=30)),
        Drawing(
            _hydrant(blue, yellow, waist=0.095, tall=0.56), Shot(205, yaw_deg=-10, pitch_deg=24, sun=0.6, sky=0.75)
        ),
    ]


def stones() -> list[Drawing]:
    granite = mottled([(0.34, 0.33, 0.33), (0.62, 0.60, 0.58), (0.46, 0.44, 0.44)], 0.035, seed=2, sharpness=2.5)
    sand = layered([(z, mottled([c, (0.80, 0.66, 0.46)], 0.2, seed=i)) for i, (z, c) in enumerate(_STRATA)], axis=2)
    slate = mottled([(0.20, 0.22, 0.25), (0.32, 0.34, 0.37), (0.24, 0.25, 0.27)], 0.12, seed=8)
    mossy = mottled([(0.45, 0.43, 0.39), (0.52, 0.50, 0.45), (0.25, 0.33, 0.14)], 0.22, seed=5, sharpness=2.2)
    chalk = mottled([(0.78, 0.77, 0.73), (0.88, 0.87, 0.84), (0.66, 0.64, 0.60)], 0.1, seed=3)
    ochre = mottled([(0.48, 0.30, 0.18), (0.62, 0.42, 0.28), (0.40, 0.26, 0.18)], 0.07, seed=9, sharpness=2)
    pile = [*_rock(4, (0.34, 0.3, 0.26), 15, mossy), *moved(_rock(9, (0.22, 0.2, 0.16), 13, granite), (0.38, -0.16, 0))]
    return [
        Drawing(_rock(1, (0.5, 0.42, 0.38), 40, granite), Shot(165, pitch_deg=14)),
        Drawing(_rock(2, (0.6, 0.4, 0.30), 11, sand), Shot(150, yaw_deg=20, pitch_deg=10, sun_deg=50, warmth=0.8)),
        Drawing(_rock(3, (0.36, 0.34, 0.52), 12, slate), Shot(190, yaw_deg=60, pitch_deg=12, sun=0.6, sky=0.7)),
        Drawing(pile, Shot(155, yaw_deg=-10, pitch_deg=16, sun_deg=-65)),
        Drawing(_rock(14, (0.46, 0.44, 0.26), 9, chalk), Shot(150, yaw_deg=100, pitch_deg=18, sun_deg=60)),
        Drawing(_rock(23, (0.30, 0.34, 0.44), 26, ochre), Shot(180, yaw_deg=-30, pitch_deg=9, warmth=0.5)),
    ]


_STRATA = ((0.12, (0.60, 0.42, 0.26)), (0.2, (0.76, 0.60, 0.40)), (0.34, (0.66, 0.50, 0.34)), (9.0, (0.74, 0.60, 0.44)))


def _iron_bollard() -> Model:
    iron = mottled([(0.08, 0.08, 0.09), (0.12, 0.12, 0.13)], 0.1, seed=3)
    profile = [(0.17, 0), (0.17, 0.10), (0.14, 0.13), (0.115, 0.16), (0.105, 0.45), (0.10, 0.62), (0.13, 0.64)]
    profile += [(0.13, 0.68), (0.09, 0.70), (0.085, 0.74), (0.11, 0.80), (0.10, 0.86), (0.06, 0.90), (0.0, 0.91)]
    ring = lathe([(0.108, 0.50), (0.118, 0.515), (0.118, 0.545), (0.106, 0.56)], plain((0.75, 0.62, 0.25)), 0.5)
    return lathe(profile, iron, 0.5) + ring


def _brick_pillar() -> Model:
    cap = mottled([(0.62, 0.60, 0.56), (0.72, 0.70, 0.66)], 0.1, seed=6)
    model = block((0.36, 0.36, 1.0), bricks((0.56, 0.26, 0.18), (0.68, 0.66, 0.61)), at=(0, 0, 0.5))
    model += block((0.46, 0.46, 0.07), cap, at=(0, 0, 1.035), radius=0.01)
    return model + moved(lathe([(0.27, 0.0), (0.02, 0.11), (0, 0.115)], cap, sides=4, sharp=True), (0, 0, 1.07))


def _warning_bollard(radius: float, first: Colour, second: Colour) -> Model:
    bands = striped([first, second], 0.16, (0.0, 1.0))
    rise = np.linspace(0, np.pi / 2, 9)
    dome = [(radius * np.cos(a), 0.90 + 0.6 * radius * np.sin(a)) for a in rise]
    flange = radius + 0.06
    model = lathe([(radius, 0.03), *dome], bands, 0.4)
    model += lathe([(flange, 0.0), (flange, 0.03), (radius, 0.03)], ZINC, sharp=True)
    for angle in range(6):
        x, y = (radius + 0.03) * np.cos(angle), (radius + 0.03) * np.sin(angle)
        model += ball((0.015, 0.015, 0.02), ZINC, at=(x, y, 0.035))
    return model


def _concrete_bollard() -> Model:
    concrete = mottled([(0.58, 0.57, 0.54), (0.68, 0.67, 0.64), (0.52, 0.51, 0.49)], 0.09, seed=12)
    model = block((0.30, 0.30, 0.72), concrete, at=(0, 0, 0.36), radius=0.025)
    band = block((0.305, 0.305, 0.07), plain((0.86, 0.30, 0.10), wear=0.03), 0.3, at=(0, 0, 0.56), radius=0.02)
    return model + band


def _gate_post() -> Model:
    wood = wooden((0.46, 0.38, 0.29), 2, width=0.035, seed=7)
    model = block((0.24, 0.24, 0.92), wood, at=(0, 0, 0.46), radius=0.012)
    model += moved(
        turned(
            lathe([(0.185, 0), (0.0, 0.09)], plain((0.40, 0.33, 0.26), wear=0.15, scale=0.05), sides=4, sharp=True),
            "z",
            45,
        ),
        (0, 0, 0.92),
    )
    for z in (0.3, 0.66):
        model += block((0.25, 0.25, 0.03), plain((0.2, 0.2, 0.21)), at=(0, 0, z))
    return model


def _hydrant(body: Paint, caps: Paint, *, waist: float, tall: float) -> Model:
    w = waist
    barrel = [(w, 0.05), (w, tall), (1.18 * w, tall + 0.01), (1.18 * w, tall + 0.04), (1.05 * w, tall + 0.05)]
    bonnet = [(1.05 * w * np.cos(a), tall + 0.05 + 0.9 * w * np.sin(a)) for a in np.linspace(0, np.pi / 2, 9)]
    top = tall + 0.05 + 0.9 * w
    model = lathe([(1.5 * w, 0), (1.5 * w, 0.035), (1.2 * w, 0.05), (w, 0.06)], body, 0.3, sharp=True)
    model += lathe(barrel, body, 0.3, sharp=True) + lathe(bonnet, caps, 0.3)
    model += lathe([(0.3 * w, top - 0.02), (0.3 * w, top + 0.045), (0, top + 0.05)], caps, 0.3, sides=5, sharp=True)
    for angle in range(0, 360, 45):
        x, y = 1.36 * w * np.cos(np.deg2rad(angle)), 1.36 * w * np.sin(np.deg2rad(angle))
        model += ball((0.1 * w, 0.1 * w, 0.13 * w), body, 0.3, at=(x, y, 0.04))
    outlet = lathe([(0.44 * w, 0.8 * w), (0.44 * w, 1.45 * w), (0.56 * w, 1.45 * w)], body, 0.3, sharp=True, sides=20)
    outlet += lathe([(0.56 * w, 1.45 * w), (0.56 * w, 1.8 * w), (0.0, 1.84 * w)], caps, 0.3, sharp=True, sides=10)
    outlet += lathe([(0.2 * w, 1.8 * w), (0.2 * w, 2.1 * w), (0, 2.1 * w)], caps, 0.3, sharp=True, sides=5)
    for heading in (90, -90):
        model += moved(turned(turned(outlet, "x", 90), "z", heading), (0, 0, 0.72 * tall))
    return model + moved(turned(outlet, "x", 90), (0, 0, 0.5 * tall))


def _rock(seed: int, radii: Sequence[float], facets: int, paint: Paint) -> Model:
    """A stone broken along `facets` planes, resting on its flat side."""
    rng = np.random.default_rng(seed)
    planes = rng.normal(size=(facets, 3))
    planes /= np.linalg.norm(planes, axis=1, keepdims=True)
    near = rng.uniform(0.72, 0.95, facets)
    rise = np.linspace(-np.pi / 2 + 1e-3, np.pi / 2 - 1e-3, 61)[:, None]
    turn = np.linspace(0, 2 * np.pi, 121)
    way = np.stack([np.cos(rise) * np.cos(turn), np.cos(rise) * np.sin(turn), np.sin(rise) + 0 * turn], axis=-1)
    against = way @ planes.T
    # a soft minimum rounds the edges
    reach = (np.maximum(against, 1e-3) / near) ** 14
    radius = (reach.sum(axis=-1) + 1.0) ** (-1 / 14)
    rough = 1 + 0.012 * np.sin(9 * way[..., 0] + 7 * np.sin(5 * way[..., 1] + seed)) * np.sin(11 * way[..., 2])
    points = way * (radius * rough)[..., None] * np.asarray(radii)
    floor = -0.55 * radii[2]
    points[..., 2] = np.maximum(points[..., 2], floor) - floor
    return [Sheet(points, points, paint, 0.05)]
