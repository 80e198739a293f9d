"""Benches and chairs."""

from __future__ import annotations

import numpy as np

from reid_tools.occlusion.draw.drawing import Drawing
from reid_tools.occlusion.draw.paints import Colour, checked, mottled, plain, striped, wooden
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


def benches() -> list[Drawing]:
    return [
        Drawing(_park_bench((0.55, 0.35, 0.19)), Shot(170, yaw_deg=24, pitch_deg=14)),
        Drawing(_plank_on_stones(), Shot(150, yaw_deg=-28, pitch_deg=18, sun_deg=50)),
        Drawing(_steel_bench((0.14, 0.30, 0.52)), Shot(165, yaw_deg=-18, pitch_deg=9, sun=0.5, sky=0.8)),
        Drawing(_painted_bench(), Shot(190, yaw_deg=212, pitch_deg=12, sun_deg=65, warmth=0.6)),
        Drawing(_park_bench((0.62, 0.58, 0.50)), Shot(180, yaw_deg=-142, pitch_deg=10, sun=0.6, sky=0.75)),
        Drawing(_steel_bench((0.55, 0.16, 0.14)), Shot(175, yaw_deg=35, pitch_deg=20, sun_deg=40)),
    ]


def chairs() -> list[Drawing]:
    return [
        Drawing(_kitchen_chair((0.60, 0.38, 0.20)), Shot(235, yaw_deg=32, pitch_deg=16)),
        Drawing(_garden_chair(), Shot(220, yaw_deg=-38, pitch_deg=14, sun_deg=40, warmth=0.5)),
        Drawing(_office_chair(), Shot(245, yaw_deg=140, pitch_deg=12, sun=0.5, sky=0.75)),
        Drawing(_armchair(), Shot(215, yaw_deg=-24, pitch_deg=15, sun=0.55, sky=0.7, warmth=0.8)),
        Drawing(_kitchen_chair((0.84, 0.84, 0.80)), Shot(225, yaw_deg=-152, pitch_deg=12, sun_deg=50)),
        Drawing(_bar_stool(), Shot(230, yaw_deg=15, pitch_deg=17)),
    ]


def _park_bench(colour: Colour) -> Model:
    iron = plain((0.10, 0.11, 0.12))
    model: Model = []
    for i in range(5):
        wood = wooden(colour, 0, seed=i)
        model += block((1.5, 0.075, 0.035), wood, at=(0, -0.2 + 0.1 * i, 0.45), radius=0.01)
    for i in range(4):
        wood = wooden(colour, 0, seed=10 + i)
        slat = turned(block((1.5, 0.032, 0.08), wood, radius=0.01), "x", -14)
        model += moved(slat, (0, 0.24 + 0.03 * i, 0.54 + 0.105 * i))
    for x in (-0.66, 0.66):
        for path in (
            [(x, -0.24, 0.0), (x, -0.20, 0.2), (x, -0.23, 0.43), (x, 0.2, 0.43)],
            [(x, 0.30, 0.0), (x, 0.18, 0.22), (x, 0.24, 0.5), (x, 0.37, 0.93)],
            [(x, -0.22, 0.43), (x, -0.24, 0.6), (x, -0.1, 0.66), (x, 0.1, 0.64), (x, 0.3, 0.68)],
        ):
            model += tube(smooth_path(path), 0.022, iron)
    return model


def _plank_on_stones() -> Model:
    stone = mottled([(0.52, 0.50, 0.47), (0.66, 0.64, 0.60), (0.58, 0.57, 0.55)], 0.12, seed=4)
    model = block((0.2, 0.42, 0.4), stone, at=(-0.55, 0, 0.2), radius=0.02)
    model += block((0.2, 0.42, 0.4), stone, at=(0.55, 0, 0.2), radius=0.02)
    for i in range(3):
        wood = wooden((0.45, 0.40, 0.35), 0, seed=20 + i)
        model += block((1.6, 0.13, 0.07), wood, at=(0, -0.15 + 0.15 * i, 0.435), radius=0.012)
    return model


def _steel_bench(colour: Colour) -> Model:
    steel, coat = plain((0.62, 0.64, 0.67)), plain(colour)
    model: Model = []
    # three seats of bars, bent from the seat into the back
    for seat in (-0.52, 0.0, 0.52):
        for i in range(9):
            x = seat + (i - 4) * 0.052
            path = [(x, -0.25, 0.44), (x, -0.1, 0.43), (x, 0.12, 0.42), (x, 0.22, 0.5), (x, 0.30, 0.86)]
            model += tube(smooth_path(path), 0.013, coat, sides=6)
    for x in (-0.77, -0.26, 0.26, 0.77):
        arm = [(x, -0.22, 0.42), (x, -0.24, 0.62), (x, 0.1, 0.63), (x, 0.24, 0.62)]
        model += tube(smooth_path(arm), 0.018, steel, 0.5)
    for x in (-0.6, 0.6):
        model += tube([(x, -0.28, 0.02), (x, 0.28, 0.02)], 0.025, steel, 0.5)
        model += tube([(x, 0, 0.02), (x, 0.05, 0.41)], 0.03, steel, 0.5)
    return model + tube([(-0.8, 0.05, 0.40), (0.8, 0.05, 0.40)], 0.03, steel, 0.5)


def _painted_bench() -> Model:
    paint = mottled([(0.13, 0.36, 0.24), (0.17, 0.43, 0.30), (0.14, 0.38, 0.26)], 0.2, seed=5)
    model = block((1.3, 0.44, 0.045), paint, at=(0, 0, 0.44), radius=0.012)
    for i in range(9):
        model += block((0.07, 0.025, 0.42), paint, at=(-0.56 + 0.14 * i, 0.24, 0.70))
    model += block((1.36, 0.05, 0.09), paint, at=(0, 0.24, 0.93), radius=0.015)
    model += block((1.3, 0.03, 0.08), paint, at=(0, -0.19, 0.38))
    for x in (-0.64, 0.64):
        model += block((0.07, 0.07, 0.97), paint, at=(x, 0.25, 0.485), radius=0.01)
        model += block((0.07, 0.07, 0.66), paint, at=(x, -0.19, 0.33), radius=0.01)
        model += block((0.08, 0.5, 0.04), paint, at=(x, 0.03, 0.67), radius=0.012)
    return model


def _kitchen_chair(colour: Colour) -> Model:
    wood = wooden(colour, 0, width=0.06, seed=1)
    model = block((0.44, 0.42, 0.035), wooden(colour, 1, seed=2), at=(0, 0, 0.46), radius=0.015)
    for x in (-0.18, 0.18):
        model += tube([(1.12 * x, -0.19, 0), (x, -0.16, 0.45)], [0.014, 0.022], wood)
        model += tube(smooth_path([(1.12 * x, 0.22, 0), (x, 0.17, 0.46), (x * 1.05, 0.26, 0.95)]), 0.02, wood)
        model += tube([(1.08 * x, -0.18, 0.2), (1.08 * x, 0.2, 0.2)], 0.011, wood)
    model += tube([(-0.2, 0.0, 0.2), (0.2, 0.0, 0.2)], 0.011, wood)
    for z in (0.62, 0.75, 0.88):
        bow = [(-0.19, 0.19 + 0.2 * (z - 0.5), z), (0, 0.24 + 0.2 * (z - 0.5), z), (0.19, 0.19 + 0.2 * (z - 0.5), z)]
        model += _strip(smooth_path(bow), 0.075 if z > 0.8 else 0.045, wood)
    return model


def _strip(path: np.ndarray, height: float, paint: Paint) -> Model:
    """An upright band along a path (k, 3), 15 mm thick."""
    model: Model = []
    for shift in (-0.0075, 0.0075):
        lower = path + np.array([0, shift, -height / 2])
        grid = np.stack([lower, lower + np.array([0, 0, height])])
        model.append(Sheet(grid, grid, paint))
    for z in (-height / 2, height / 2):
        front = path + np.array([0, -0.0075, z])
        grid = np.stack([front, front + np.array([0, 0.015, 0])])
        model.append(Sheet(grid, grid, paint))
    return model


def _bar_stool() -> Model:
    metal, leather = plain((0.14, 0.14, 0.15)), plain((0.52, 0.14, 0.12), wear=0.1)
    cushion = [(0.0, 0.74), (0.17, 0.74), (0.19, 0.77), (0.185, 0.82), (0.15, 0.845), (0.0, 0.85)]
    model = lathe(cushion, leather, 0.4) + moved(turned(ring(0.17, 0.012, metal), "x", 90), (0, 0, 0.28))
    for angle in np.deg2rad([45, 135, 225, 315]):
        c, s = np.cos(angle), np.sin(angle)
        model += tube([(0.24 * c, 0.24 * s, 0), (0.13 * c, 0.13 * s, 0.75)], 0.014, metal, 0.5)
    low_back = [(0.18 * np.cos(a), 0.18 * np.sin(a), 0.98) for a in np.linspace(0.15 * np.pi, 0.85 * np.pi, 9)]
    model += _strip(np.array(low_back), 0.11, leather)
    for x in (-0.1, 0.1):
        model += tube([(x, 0.14, 0.78), (x, 0.155, 0.98)], 0.012, metal, 0.5)
    return model


def _garden_chair() -> Model:
    plastic = plain((0.90, 0.89, 0.84), wear=0.03)
    model: Model = []
    # seat and back are one bent shell of slats, arms run round it
    profile = smooth_path([(-0.24, 0.40), (-0.1, 0.42), (0.16, 0.39), (0.25, 0.52), (0.36, 0.88)], steps=6)
    for i in range(7):
        x0 = -0.23 + 0.066 * i
        spread = 1 + 0.15 * np.maximum(profile[:, 1] - 0.4, 0)
        for lift in (0.0, 0.012):
            left = np.column_stack([x0 * spread, profile[:, 0] - lift, profile[:, 1] + lift])
            right = np.column_stack([(x0 + 0.052) * spread, profile[:, 0] - lift, profile[:, 1] + lift])
            grid = np.stack([left, right])
            model.append(Sheet(grid, grid, plastic, 0.35))
    rim = [(-0.25, 0.36, 0.86), (0, 0.39, 0.91), (0.25, 0.36, 0.86)]
    model += tube(smooth_path(rim), 0.028, plastic, 0.35)
    model += tube([(-0.25, -0.25, 0.40), (0.25, -0.25, 0.40)], 0.022, plastic, 0.35)
    for side in (-1, 1):
        arm = [(0.25, 0.34, 0.86), (0.29, 0.22, 0.66), (0.29, -0.1, 0.63), (0.29, -0.22, 0.61), (0.30, -0.27, 0.0)]
        model += tube(smooth_path([(side * x, y, z) for x, y, z in arm]), 0.026, plastic, 0.35)
        model += tube([(side * 0.26, 0.2, 0.42), (side * 0.28, 0.34, 0.0)], 0.026, plastic, 0.35)
        model += tube([(side * 0.25, -0.25, 0.4), (side * 0.25, 0.2, 0.40)], 0.022, plastic, 0.35)
    return model


def _office_chair() -> Model:
    cloth, black = mottled([(0.13, 0.14, 0.17), (0.19, 0.20, 0.24)], 0.02, seed=7), plain((0.08, 0.08, 0.09))
    model = lathe([(0.03, 0.09), (0.03, 0.44)], plain((0.6, 0.6, 0.62)), 0.6)
    for i in range(5):
        angle = 2 * np.pi * i / 5 + 0.3
        x, y = 0.31 * np.cos(angle), 0.31 * np.sin(angle)
        model += tube([(0, 0, 0.12), (x, y, 0.075)], [0.03, 0.02], black)
        model += ball((0.025, 0.025, 0.032), black, 0.3, at=(x, y, 0.035))
    model += block((0.50, 0.48, 0.10), cloth, at=(0, 0, 0.49), radius=0.045)
    back = block((0.46, 0.08, 0.56), cloth, radius=0.04)
    model += moved(turned(back, "x", -8), (0, 0.26, 0.88))
    model += tube(smooth_path([(0, 0.1, 0.44), (0, 0.30, 0.46), (0, 0.33, 0.75)]), 0.025, black)
    for x in (-0.29, 0.29):
        model += tube(smooth_path([(0.7 * x, 0, 0.45), (x, 0.02, 0.47), (x, 0.03, 0.68)]), 0.018, black)
        model += block((0.07, 0.28, 0.035), black, at=(x, -0.02, 0.70), radius=0.016)
    return model


def _armchair() -> Model:
    cloth = checked([(0.58, 0.20, 0.16), (0.72, 0.55, 0.38), (0.28, 0.14, 0.12)], 0.16, axes=(0, 2))
    seat = striped([(0.60, 0.22, 0.17), (0.68, 0.46, 0.33)], 0.09, (1, 0, 0))
    model = block((0.62, 0.62, 0.18), seat, at=(0, -0.05, 0.38), radius=0.07)
    model += block((0.84, 0.74, 0.22), cloth, at=(0, 0, 0.21), radius=0.03)
    model += moved(turned(block((0.72, 0.2, 0.72), cloth, radius=0.09), "x", -9), (0, 0.30, 0.62))
    for x in (-0.39, 0.39):
        model += block((0.18, 0.76, 0.36), cloth, at=(x, -0.02, 0.44), radius=0.08)
        for y in (-0.3, 0.3):
            model += tube([(x * 0.95, y, 0), (x * 0.95, y, 0.12)], [0.02, 0.033], plain((0.22, 0.13, 0.08)))
    return model
