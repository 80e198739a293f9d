"""Umbrellas and kites."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reid_tools.occlusion.draw.drawing import Drawing
from reid_tools.occlusion.draw.paints import checked, gores, layered, mottled, plain
from reid_tools.occlusion.draw.render import Shot
from reid_tools.occlusion.draw.solids import (
    Array,
    Model,
    Paint,
    Sheet,
    ball,
    smooth_path,
    tube,
    turned,
)

STEEL = plain((0.64, 0.65, 0.67), wear=0.03)


def umbrellas() -> list[Drawing]:
    black, red, white = (0.09, 0.09, 0.11), (0.76, 0.10, 0.12), (0.93, 0.93, 0.90)
    blue, yellow, green, violet = (0.12, 0.30, 0.66), (0.94, 0.76, 0.12), (0.14, 0.52, 0.28), (0.44, 0.20, 0.52)
    rainbow = gores([red, (0.92, 0.48, 0.10), yellow, green, blue, violet], 12)
    rimmed = gores([blue], 8, border=white)
    dotted = _around(mottled([(0.90, 0.56, 0.66), (0.93, 0.62, 0.70), white], 0.07, seed=3, sharpness=4))
    tartan = checked([(0.16, 0.24, 0.38), (0.42, 0.12, 0.16), (0.82, 0.76, 0.56)], 0.16, axes=(0, 1))
    return [
        Drawing(_umbrella(gores([black], 8), ribs=8, deep=0.26), Shot(205, yaw_deg=10, pitch_deg=6)),
        Drawing(
            _tilted(_umbrella(gores([red, white], 10), ribs=10, deep=0.24), 24), Shot(190, yaw_deg=15, pitch_deg=12)
        ),
        Drawing(_tilted(_umbrella(rainbow, ribs=12, deep=0.30), -16), Shot(200, pitch_deg=22, sun_deg=45, warmth=0.6)),
        Drawing(_umbrella(_around(tartan), ribs=8, deep=0.34), Shot(215, yaw_deg=35, pitch_deg=-9, sun=0.6, sky=0.75)),
        Drawing(_tilted(_umbrella(rimmed, ribs=8, deep=0.30), -32), Shot(205, yaw_deg=-25, pitch_deg=3, sun_deg=60)),
        Drawing(_tilted(_umbrella(dotted, ribs=9, deep=0.28), 12), Shot(175, yaw_deg=5, pitch_deg=34, warmth=0.4)),
    ]


def kites() -> list[Drawing]:
    red, blue, yellow = plain((0.80, 0.14, 0.12)), plain((0.14, 0.34, 0.72)), plain((0.95, 0.78, 0.16))
    green, white, violet = plain((0.20, 0.60, 0.30)), plain((0.93, 0.93, 0.92)), plain((0.50, 0.22, 0.58))
    return [
        Drawing(_diamond((red, yellow, blue, green)), Shot(250, yaw_deg=18, pitch_deg=-14)),
        Drawing(
            _delta(plain((0.88, 0.25, 0.48)), plain((0.08, 0.56, 0.60))),
            Shot(200, yaw_deg=-16, pitch_deg=-20, sun_deg=45),
        ),
        Drawing(_box_kite(white, violet), Shot(235, yaw_deg=35, pitch_deg=-12, sun=0.6, sky=0.8)),
        Drawing(_bird(), Shot(170, yaw_deg=12, pitch_deg=-25, warmth=0.5)),
        Drawing(
            _tilted(_diamond((white, violet, violet, white)), 32), Shot(235, yaw_deg=-30, pitch_deg=-20, sun_deg=40)
        ),
        Drawing(_tilted(_delta(yellow, red), -20), Shot(190, yaw_deg=25, pitch_deg=-30, sun=0.6, sky=0.8)),
    ]


def _umbrella(cover: Paint, *, ribs: int, deep: float) -> Model:
    """Open, its handle at the bottom; the cover's places are (share around, share of the way from top to rim)."""
    share, out = np.linspace(0, 1, 12 * ribs + 1), np.linspace(0.01, 1, 14)[:, None]
    turn = 2 * np.pi * share
    between = np.abs(np.sin(ribs * turn / 2))  # 0 on a rib
    radius = 0.53 * out * (1 - 0.075 * between * out**2)
    height = 0.86 - deep * (1 - np.cos(out * 1.25)) / (1 - np.cos(1.25)) - 0.035 * between * out * (1 - 0.6 * out)
    canopy = np.stack([radius * np.cos(turn), radius * np.sin(turn), height + 0 * radius], axis=-1)
    places = np.stack(np.broadcast_arrays(share + 0 * out, out + 0 * share), axis=-1)
    model = [Sheet(canopy, places, cover, 0.12)]
    for i in range(ribs):
        rib = canopy[:, 12 * i] - (0, 0, 0.008)
        model += tube(rib, 0.004, STEEL, 0.5, sides=5)
    hook = [(0, 0, 0.14), (0, 0, 0.09), (0.005, 0, 0.05), (0.05, 0, 0.0), (0.095, 0, 0.05)]
    shaft = tube([(0, 0, 0.93), (0, 0, 0.12)], 0.009, STEEL, 0.6)
    return model + shaft + tube(smooth_path(hook), 0.017, plain((0.34, 0.20, 0.10)), 0.6)


def _around(paint: Paint) -> Paint:
    """A paint over x and y, for places given as the share of the way around and outwards."""

    def polar(places: Array) -> Array:
        turn = 2 * np.pi * places[:, 0]
        return paint(0.53 * places[:, 1:] * np.stack([np.cos(turn), np.sin(turn)], axis=-1))

    return polar


def _tilted(model: Model, angle_deg: float) -> Model:
    return turned(model, "y", angle_deg)


def _patch(a: Sequence[float], b: Sequence[float], c: Sequence[float], paint: Paint, *, belly: float = 0.0) -> Model:
    """A triangle of cloth whose middle the wind pushes back by `belly`."""
    u, v = np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 1, 9), indexing="ij")
    u, v = u[..., None], v[..., None]
    points = (1 - u) * np.asarray(a) + u * ((1 - v) * np.asarray(b) + v * np.asarray(c))
    points = points + (0, belly, 0) * (np.sin(np.pi * u) * np.sin(np.pi * np.clip(v, 0.1, 0.9)))
    return [Sheet(points, points, paint, 0.15)]


def _tail(path: Sequence[tuple[float, float, float]], paints: Sequence[Paint]) -> Model:
    """A string with bows."""
    line = smooth_path(path)
    model = tube(line, 0.006, plain((0.85, 0.85, 0.82)), sides=5)
    for number, index in enumerate(range(4, len(line) - 1, 6)):
        x, y, z = line[index]
        paint = paints[number % len(paints)]
        model += _patch((x, y, z), (x - 0.09, y, z + 0.05), (x - 0.08, y, z - 0.05), paint)
        model += _patch((x, y, z), (x + 0.09, y, z + 0.05), (x + 0.08, y, z - 0.05), paint)
    return model


def _diamond(paints: Sequence[Paint]) -> Model:
    top, left, right, foot, middle = (
        (0, 0, 1.35),
        (-0.42, 0.05, 0.98),
        (0.42, 0.05, 0.98),
        (0, 0, 0.35),
        (0, -0.02, 0.98),
    )
    model: Model = []
    for a, b, paint in zip((top, right, foot, left), (right, foot, left, top), paints, strict=True):
        model += _patch(middle, a, b, paint, belly=0.03)
    wood = plain((0.62, 0.46, 0.28))
    model += tube([top, middle, foot], 0.009, wood) + tube([left, middle, right], 0.009, wood)
    return model + _tail([(0, 0, 0.35), (0.1, 0, 0.22), (-0.06, 0, 0.08), (0.12, 0, -0.06), (0.04, 0, -0.2)], paints)


def _delta(right: Paint, left: Paint) -> Model:
    dark = plain((0.16, 0.16, 0.20))
    nose, keel = (0.0, -0.05, 0.75), (0.0, 0.0, 0.10)
    model: Model = []
    for side in (-1, 1):
        tip, inner, spar = (0.85 * side, 0.12, 0.18), (0.40 * side, 0.05, 0.08), (0.42 * side, 0.03, 0.47)
        main, other = (left, right) if side < 0 else (right, left)
        model += _patch(nose, spar, keel, main, belly=0.05)
        model += _patch(spar, inner, keel, other, belly=0.03)
        model += _patch(spar, tip, inner, main, belly=0.04)
        model += tube([nose, tip], 0.010, dark)
        ribbon = [(0.2 * side, 0.03, 0.1), (0.24 * side, 0, -0.1), (0.17 * side, 0, -0.28), (0.25 * side, 0, -0.45)]
        model += _ribbon(ribbon, other)
    return model + tube([nose, keel], 0.010, dark) + _patch(nose, (0, -0.28, 0.36), keel, dark)


def _ribbon(path: Sequence[tuple[float, float, float]], paint: Paint) -> Model:
    line = smooth_path(path)
    half = np.array([0.028, 0, 0])
    grid = np.stack([line - half, line + half])
    return [Sheet(grid, grid, paint, 0.1)]


def _box_kite(cloth: Paint, band: Paint) -> Model:
    corners = [(-0.26, -0.26), (0.26, -0.26), (0.26, 0.26), (-0.26, 0.26)]
    model: Model = []
    for low in (0.05, 0.66):
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            paint = layered([(low + 0.09, band), (low + 0.22, cloth), (9.0, band)], axis=2)
            points = np.array([[(ax, ay, low), (bx, by, low)], [(ax, ay, low + 0.31), (bx, by, low + 0.31)]])
            model.append(Sheet(points, points, paint, 0.15))
    for x, y in corners:
        model += tube([(x, y, 0), (x, y, 1.02)], 0.012, plain((0.62, 0.46, 0.28)))
    return model


def _bird() -> Model:
    """A wing of cloth that ends in feathers."""
    span = np.linspace(-1, 1, 81)
    front = 0.50 + 0.18 * np.cos(span * np.pi / 2) - 0.12 * np.abs(span)
    feathers = 0.07 * np.abs(np.sin(span * np.pi * 6))
    back = 0.18 - 0.10 * np.cos(span * 3) + 0.05 * np.abs(span) ** 2 - feathers * (1 - np.abs(span) ** 4)
    depth = 0.22 * np.abs(span)
    rows = [
        np.stack([0.75 * span, depth + 0.06 * np.sin(np.pi * t), front + t * (back - front)], axis=-1)
        for t in np.linspace(0, 1, 12)
    ]
    points = np.stack(rows)
    share = np.broadcast_to(np.linspace(0, 1, 12)[:, None], points.shape[:2])
    places = np.stack([np.abs(points[..., 0]), share], axis=-1)
    brown, gold, cream = plain((0.36, 0.20, 0.10)), plain((0.84, 0.56, 0.16)), plain((0.92, 0.86, 0.72))
    wing = Sheet(points, places, layered([(0.22, brown), (0.42, gold), (0.62, brown), (9.0, cream)], axis=1), 0.12)
    tail = _patch((0, 0.02, 0.25), (-0.17, 0.06, -0.22), (0.17, 0.06, -0.22), gold)
    return [wing, *tail, *ball((0.07, 0.05, 0.11), brown, at=(0, -0.02, 0.72))]
