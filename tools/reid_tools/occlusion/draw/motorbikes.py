"""Motorbikes. They face +x."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from reid_tools.occlusion.draw.bicycles import DARK, RUBBER, STEEL, mudguard
from reid_tools.occlusion.draw.drawing import Drawing
from reid_tools.occlusion.draw.paints import Colour, plain
from reid_tools.occlusion.draw.render import Shot
from reid_tools.occlusion.draw.solids import (
    Model,
    Paint,
    Sheet,
    ball,
    block,
    lathe,
    moved,
    ring,
    smooth_path,
    tube,
    turned,
)


def motorbikes() -> list[Drawing]:
    return [
        Drawing(_roadster((0.62, 0.08, 0.07)), Shot(190, yaw_deg=-28, pitch_deg=9)),
        Drawing(_scooter((0.62, 0.80, 0.76)), Shot(215, yaw_deg=200, pitch_deg=11, sun_deg=45, warmth=0.5)),
        Drawing(_sports_bike((0.10, 0.30, 0.66)), Shot(185, yaw_deg=22, pitch_deg=7, sun=0.6, sky=0.75)),
        Drawing(_tourer((0.16, 0.17, 0.16)), Shot(205, yaw_deg=140, pitch_deg=13, sun_deg=60)),
        Drawing(_scooter((0.78, 0.14, 0.12)), Shot(210, yaw_deg=-35, pitch_deg=8, sun=0.6, sky=0.75)),
        Drawing(_roadster((0.10, 0.12, 0.20)), Shot(195, yaw_deg=160, pitch_deg=12, sun_deg=35, warmth=0.6)),
    ]


def _wheel(x: float, radius: float, tyre: float) -> Model:
    model = ring(radius - tyre, tyre, RUBBER) + ring(radius - 2 * tyre, 0.02, STEEL, 0.5)
    for angle in np.deg2rad(np.arange(0, 360, 60)):
        reach = radius - 2 * tyre
        model += tube([(0, 0, 0), (reach * np.cos(angle), 0, reach * np.sin(angle))], 0.022, STEEL, 0.5)
    disc = turned(lathe([(0.06, 0.0), (0.13, 0.0)], STEEL, 0.6), "x", 90)
    return moved(model + moved(disc, (0, -0.06, 0)) + moved(disc, (0, 0.06, 0)), (x, 0, radius))


def _fork(top: tuple[float, float], axle: tuple[float, float], paint: Paint = STEEL) -> Model:
    model: Model = []
    for y in (-0.1, 0.1):
        model += tube([(top[0], y, top[1]), (axle[0], y, axle[1])], [0.022, 0.03], paint, 0.6)
    return model


def _handlebar(x: float, z: float, width: float = 0.36) -> Model:
    model = tube(
        [(x - 0.12, -width, z), (x, -0.12, z + 0.03), (x, 0.12, z + 0.03), (x - 0.12, width, z)], 0.016, STEEL, 0.6
    )
    for side in (-1, 1):
        model += tube([(x - 0.12, side * width, z), (x - 0.07, side * (width - 0.12), z + 0.01)], 0.022, DARK)
        model += tube([(x, side * 0.2, z), (x + 0.02, side * 0.26, z + 0.18)], 0.007, STEEL)
        model += ball((0.02, 0.07, 0.045), DARK, 0.5, at=(x + 0.02, side * 0.28, z + 0.2))
    return model


def _engine(at: tuple[float, float], size: float = 1.0) -> Model:
    x, z = at
    grey = plain((0.40, 0.41, 0.42), wear=0.1, scale=0.06)
    model = block((0.36 * size, 0.26, 0.24 * size), grey, 0.5, at=(x, 0, z), radius=0.07)
    for i in range(6):
        model += block((0.22 * size, 0.24, 0.014), STEEL, 0.5, at=(x + 0.04, 0, z + size * (0.14 + 0.028 * i)))
    cover = turned(lathe([(0.11, 0.0), (0.10, 0.04), (0.0, 0.05)], STEEL, 0.6), "x", 90)
    model += moved(cover, (x - 0.05, -0.13, z - 0.02))
    return model + moved(turned(cover, "z", 180), (x - 0.05, 0.13, z - 0.02))


def _exhaust(points: ArrayLike, radius: float = 0.045) -> Model:
    path = smooth_path(points)
    widths = np.interp(np.linspace(0, 1, len(path)), [0, 0.45, 0.55, 1], [0.024, 0.026, radius, radius * 1.05])
    return tube(path, widths, STEEL, 0.8)


def _lamp(at: tuple[float, float], radius: float = 0.085) -> Model:
    shell = ball((radius, radius, radius), DARK, 0.6, at=(at[0], 0, at[1]))
    glass = plain((0.92, 0.93, 0.90), wear=0)
    return shell + ball((radius * 0.5, radius * 0.9, radius * 0.9), glass, 0.6, at=(at[0] + radius * 0.6, 0, at[1]))


def _roadster(colour: Colour) -> Model:
    coat = plain(colour, wear=0.02)
    model = _wheel(-0.70, 0.32, 0.06) + _wheel(0.74, 0.32, 0.055) + _engine((0.0, 0.42))
    model += _fork((0.50, 0.98), (0.74, 0.32)) + _handlebar(0.44, 1.02) + _lamp((0.62, 0.90))
    model += ball((0.27, 0.16, 0.14), coat, 0.8, at=(0.17, 0, 0.84))
    seat = [(-0.08, 0, 0.80), (-0.3, 0, 0.79), (-0.6, 0, 0.85)]
    model += tube(smooth_path(seat), np.interp(np.linspace(0, 1, 17), [0, 0.2, 1], [0.07, 0.11, 0.09]), DARK)
    model += mudguard((-0.70, 0.32), 0.36, (30, 150), coat) + mudguard((0.74, 0.32), 0.36, (40, 150), coat)
    for y in (-0.12, 0.12):
        model += tube([(0.38, 0.3 * y, 0.86), (0.24, y, 0.3), (-0.2, y, 0.3), (-0.32, y, 0.72)], 0.02, DARK)
        model += tube([(-0.2, y, 0.34), (-0.70, y, 0.32)], 0.026, DARK)
        model += tube([(-0.70, y, 0.34), (-0.48, y, 0.76)], 0.03, STEEL)
        model += _exhaust(
            [(0.14, y, 0.5), (0.24, 1.2 * y, 0.3), (-0.1, 1.4 * y, 0.24), (-0.5, 1.5 * y, 0.3), (-0.95, 1.5 * y, 0.36)]
        )
    return model + ball((0.03, 0.06, 0.04), plain((0.65, 0.05, 0.05)), 0.5, at=(-0.74, 0, 0.80))


def _scooter(colour: Colour) -> Model:
    coat = plain(colour, wear=0.02)
    model = _wheel(-0.58, 0.23, 0.055) + _wheel(0.62, 0.23, 0.055)
    model += ball((0.40, 0.2, 0.25), coat, 0.8, at=(-0.50, 0, 0.50))
    model += block((0.55, 0.36, 0.05), coat, 0.6, at=(0.08, 0, 0.26), radius=0.02)
    model += block((0.62, 0.28, 0.11), DARK, 0.2, at=(-0.44, 0, 0.77), radius=0.05)
    model += moved(turned(block((0.05, 0.46, 0.62), coat, 0.8, radius=0.024), "y", -17), (0.43, 0, 0.56))
    model += mudguard((0.62, 0.23), 0.27, (5, 175), coat)
    model += ball((0.20, 0.09, 0.14), coat, 0.8, at=(0.62, 0, 0.42))
    model += tube([(0.62, 0, 0.3), (0.44, 0, 1.0)], 0.035, coat, 0.8)
    model += _handlebar(0.42, 1.0, 0.32) + _lamp((0.52, 1.0), 0.065)
    model += ball((0.10, 0.14, 0.09), coat, 0.8, at=(0.45, 0, 1.0))
    model += ball((0.03, 0.07, 0.05), plain((0.65, 0.05, 0.05)), 0.5, at=(-0.89, 0, 0.58))
    return model + _exhaust([(-0.3, -0.15, 0.25), (-0.5, -0.2, 0.24), (-0.75, -0.2, 0.26), (-0.9, -0.2, 0.28)], 0.05)


def _sports_bike(colour: Colour) -> Model:
    coat, white = plain(colour, wear=0.02), plain((0.90, 0.90, 0.90))
    model = _wheel(-0.68, 0.31, 0.075) + _wheel(0.70, 0.31, 0.06) + _engine((0.0, 0.42), 0.9)
    model += _fork((0.48, 0.88), (0.70, 0.31), plain((0.7, 0.55, 0.2))) + _handlebar(0.46, 0.88, 0.3)
    model += ball((0.25, 0.16, 0.14), coat, 0.8, at=(0.12, 0, 0.84))
    model += ball((0.30, 0.19, 0.15), coat, 0.8, at=(0.52, 0, 0.84))
    side = [(0.62, 0.86), (0.30, 0.92), (-0.10, 0.66), (-0.22, 0.30), (0.22, 0.22), (0.46, 0.44)]
    for y in (-0.17, 0.17):
        for inset, paint in ((1.0, coat), (0.62, white)):
            middle = np.mean(side, axis=0)
            outline = middle + (np.array(side) - middle) * inset
            grid = np.stack([np.tile(middle, (len(side) + 1, 1)), np.concatenate([outline, outline[:1]])])
            depth = np.full((*grid.shape[:2], 1), y * (1.04 if inset < 1 else 1.0))
            points = np.concatenate([grid[..., :1], depth, grid[..., 1:]], axis=-1)
            model.append(Sheet(points, points, paint, 0.7))
    model += _screen() + moved(turned(block((0.52, 0.22, 0.16), coat, 0.7, radius=0.06), "y", 9), (-0.46, 0, 0.82))
    model += moved(turned(block((0.34, 0.24, 0.09), DARK, radius=0.035), "y", 4), (-0.18, 0, 0.80))
    model += block((0.36, 0.2, 0.2), DARK, at=(-0.22, 0, 0.66), radius=0.05)
    for y in (-0.11, 0.11):
        model += tube([(-0.1, y, 0.42), (-0.68, y, 0.31)], 0.035, STEEL, 0.5)
    model += mudguard((0.70, 0.31), 0.34, (40, 150), coat)
    return model + _exhaust([(0.1, -0.16, 0.3), (-0.2, -0.2, 0.25), (-0.45, -0.2, 0.36), (-0.75, -0.2, 0.5)], 0.06)


def _screen() -> Model:
    glass = plain((0.16, 0.18, 0.20), wear=0)
    return moved(turned(block((0.22, 0.26, 0.04), glass, 0.9, radius=0.02), "y", 48), (0.55, 0, 1.02))


def _tourer(colour: Colour) -> Model:
    coat, case = plain(colour, wear=0.03), plain((0.20, 0.20, 0.21))
    model = _roadster(colour)
    for y in (-0.27, 0.27):
        model += block((0.46, 0.17, 0.32), coat, 0.7, at=(-0.62, y, 0.66), radius=0.06)
        model += block((0.47, 0.172, 0.03), STEEL, 0.6, at=(-0.62, y, 0.70))
    model += block((0.34, 0.40, 0.28), case, 0.5, at=(-0.80, 0, 1.04), radius=0.06)
    screen = block((0.03, 0.42, 0.40), plain((0.55, 0.60, 0.63), wear=0), 0.9, radius=0.012)
    return model + moved(turned(screen, "y", -24), (0.56, 0, 1.16))
