"""Bicycles. They face +x; wheels turn about the y axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from reid_tools.occlusion.draw.drawing import Drawing
from reid_tools.occlusion.draw.paints import Colour, mottled, plain, wooden
from reid_tools.occlusion.draw.render import Shot
from reid_tools.occlusion.draw.solids import (
    Array,
    Model,
    Paint,
    Sheet,
    bent,
    block,
    lathe,
    moved,
    ring,
    smooth_path,
    tube,
    turned,
)

RUBBER, STEEL, DARK = plain((0.07, 0.07, 0.07)), plain((0.62, 0.63, 0.65), wear=0.03), plain((0.12, 0.12, 0.13))
LEATHER = plain((0.30, 0.17, 0.09))
REAR, FRONT, PEDALS = (-0.50, 0.34), (0.55, 0.34), (-0.06, 0.28)  # x, z of a bicycle's axles


def bikes() -> list[Drawing]:
    return [
        Drawing(_city_bike((0.36, 0.62, 0.56)), Shot(190, yaw_deg=-22, pitch_deg=9)),
        Drawing(_racing_bike(), Shot(175, yaw_deg=14, pitch_deg=6, sun_deg=40)),
        Drawing(_mountain_bike((0.55, 0.70, 0.10)), Shot(200, yaw_deg=145, pitch_deg=10, sun=0.6, sky=0.75)),
        Drawing(_loaded_bike(), Shot(205, yaw_deg=205, pitch_deg=14, sun_deg=55, warmth=0.7)),
        Drawing(_mountain_bike((0.86, 0.40, 0.08)), Shot(215, yaw_deg=-50, pitch_deg=8, sun_deg=30)),
        Drawing(_city_bike((0.58, 0.10, 0.16)), Shot(195, yaw_deg=170, pitch_deg=5, sun=0.55, sky=0.8)),
    ]


def _xz(*points: tuple[float, float], y: float = 0.0) -> Array:
    return np.array([(x, y, z) for x, z in points])


def _wheel(at: tuple[float, float], *, radius: float, tyre: float, spokes: int = 28, wall: Paint = RUBBER) -> Model:
    model = ring(radius, tyre, wall) + ring(radius - 1.6 * tyre, 0.008, STEEL, 0.5)
    inner = radius - 1.6 * tyre
    for i in range(spokes):
        angle = 2 * np.pi * i / spokes
        lean = angle + (0.25 if i % 2 else -0.25)
        hub = (0.03 * np.cos(lean), 0.03 if i % 4 < 2 else -0.03, 0.03 * np.sin(lean))
        model += tube([hub, (inner * np.cos(angle), 0, inner * np.sin(angle))], 0.0032, STEEL, 0.5, sides=4)[:1]
    model += tube([(0, -0.05, 0), (0, 0.05, 0)], 0.028, STEEL, 0.5)
    return moved(model, (at[0], 0, at[1]))


def mudguard(at: tuple[float, float], radius: float, span_deg: tuple[float, float], paint: Paint) -> Model:
    """A strip bent round the wheel with its axle at `at` (x, z), between two angles from +x upwards."""
    turn = np.deg2rad(np.linspace(*span_deg, 25))
    path = np.stack([np.cos(turn), 0 * turn, np.sin(turn)], axis=-1) * radius
    rows = [
        path + np.array([0, y, 0]) + path / radius * lift for y, lift in ((-0.03, -0.01), (0, 0.005), (0.03, -0.01))
    ]
    grid = np.stack(rows)
    return moved([Sheet(grid, grid, paint, 0.4)], (at[0], 0, at[1]))


def _drive(chain: Paint = DARK) -> Model:
    """Cranks, pedals, chain and the wheel it runs on."""
    (px, pz), (rx, rz) = PEDALS, REAR
    model = moved(ring(0.085, 0.008, chain) + ring(0.05, 0.008, chain), (px, -0.05, pz))
    for angle in np.deg2rad([0, 72, 144, 216, 288]):
        model += tube([(px, -0.05, pz), (px + 0.085 * np.cos(angle), -0.05, pz + 0.085 * np.sin(angle))], 0.007, chain)
    model += moved(ring(0.035, 0.014, chain), (rx, -0.05, rz))
    for up in (1, -1):
        model += tube([(px, -0.05, pz + 0.085 * up), (rx, -0.05, rz + 0.04 * up)], 0.006, chain)
    for side, turn in ((-1, -0.5), (1, np.pi - 0.5)):
        x, z = px + 0.17 * np.cos(turn), pz + 0.17 * np.sin(turn)
        model += tube([(px, side * 0.08, pz), (x, side * 0.10, z)], 0.012, STEEL, 0.5)
        model += block((0.09, 0.09, 0.022), DARK, at=(x, side * 0.16, z), radius=0.005)
    return model


def _frame(
    paint: Paint, *, head: ArrayLike, seat: ArrayLike, crown: ArrayLike, low: bool, thick: float = 0.017
) -> Model:
    """Tubes between the axles, the saddle's tube `seat`, the upper and lower end of the head tube; x and z each."""
    head, seat, crown = (np.asarray(point, float) for point in (head, seat, crown))
    pedals, rear = np.array(PEDALS), np.array(REAR)

    def rod(a: Array, b: Array, radius: float, y: float = 0.0) -> Model:
        return tube([(a[0], 0.3 * y, a[1]), (b[0], y, b[1])], radius, paint, 0.6)

    model = rod(pedals, crown, 1.25 * thick) + rod(pedals, seat, thick)
    if low:
        bow = [head, 0.5 * (head + pedals), pedals + 0.45 * (seat - pedals)]
        model += tube(smooth_path([(x, 0, z) for x, z in bow]), thick, paint, 0.6)
    else:
        model += rod(head, seat - 0.06 * (seat - pedals), thick)
    model += rod(crown, head, 1.4 * thick)
    for y in (-0.06, 0.06):
        model += rod(seat - 0.1 * (seat - pedals), rear, 0.6 * thick, y) + rod(pedals, rear, 0.65 * thick, y)
        fork = [
            (crown[0], 0.5 * y, crown[1]),
            (crown[0] + 0.45 * (FRONT[0] - crown[0]), y, 0.5),
            (FRONT[0], y, FRONT[1]),
        ]
        model += tube(smooth_path(fork), 0.8 * thick, paint, 0.6)
    return model


def _saddle(at: tuple[float, float], paint: Paint) -> Model:
    def narrow(points: Array) -> Array:
        share = np.clip((points[..., :1] + 0.13) / 0.26, 0, 1)
        return np.asarray(points * np.concatenate([np.ones_like(share), 1 - 0.7 * share, np.ones_like(share)], axis=-1))

    cover = bent(block((0.27, 0.17, 0.06), paint, 0.25, radius=0.03), narrow)
    return moved(cover, (at[0], 0, at[1])) + tube(
        [(at[0], 0, at[1]), (at[0] + 0.04, 0, at[1] - 0.2)], 0.013, STEEL, 0.5
    )


def _city_bike(colour: Colour) -> Model:
    coat, cream = plain(colour, wear=0.04), plain((0.86, 0.80, 0.66))
    model = _wheel(REAR, radius=0.33, tyre=0.020, wall=cream) + _wheel(FRONT, radius=0.33, tyre=0.020, wall=cream)
    model += _frame(coat, head=(0.36, 0.84), seat=(-0.22, 0.76), crown=(0.40, 0.68), low=True)
    model += _drive() + _saddle((-0.25, 0.93), LEATHER)
    model += mudguard(REAR, 0.375, (10, 200), coat) + mudguard(FRONT, 0.375, (20, 170), coat)
    bars = [
        (0.14, -0.29, 1.03),
        (0.28, -0.26, 1.06),
        (0.36, -0.08, 1.05),
        (0.36, 0.08, 1.05),
        (0.28, 0.26, 1.06),
        (0.14, 0.29, 1.03),
    ]
    model += tube(smooth_path(bars), 0.012, STEEL, 0.6) + tube([(0.36, 0, 0.8), (0.35, 0, 1.05)], 0.014, STEEL, 0.6)
    wicker = mottled([(0.52, 0.36, 0.18), (0.68, 0.50, 0.28)], 0.03, seed=3, sharpness=3)
    basket = lathe([(0.12, 0.0), (0.17, 0.24)], wicker, 0.05, sides=28)
    model += moved(basket + _flat_ring(0.17, 0.24, wicker), (0.58, 0, 0.82))
    rack = [(-0.2, 0.72), (-0.7, 0.74)]
    for y in (-0.06, 0.0, 0.06):
        model += tube(_xz(*rack, y=y), 0.007, STEEL, 0.5)
    return model + tube([(REAR[0], 0.07, REAR[1]), (-0.6, 0.06, 0.74)], 0.006, STEEL, 0.5)


def _flat_ring(radius: float, height: float, paint: Paint) -> Model:
    """A rim that lies flat at that height."""
    return moved(turned(ring(radius, 0.012, paint), "x", 90), (0, 0, height))


def _racing_bike() -> Model:
    red = plain((0.74, 0.10, 0.12), wear=0.03)
    model = _wheel(REAR, radius=0.335, tyre=0.012, spokes=24) + _wheel(FRONT, radius=0.335, tyre=0.012, spokes=24)
    model += _frame(red, head=(0.34, 0.86), seat=(-0.20, 0.84), crown=(0.38, 0.70), low=False)
    model += _drive(STEEL) + _saddle((-0.24, 1.0), DARK)
    tape = plain((0.90, 0.90, 0.88))
    for side in (-1, 1):
        drop = [(0.36, 0, 0.94), (0.38, 0.2 * side, 0.94), (0.50, 0.21 * side, 0.93), (0.53, 0.21 * side, 0.86)]
        drop += [(0.47, 0.22 * side, 0.80), (0.37, 0.22 * side, 0.80)]
        model += tube(smooth_path(drop), 0.015, tape)
    return model + tube([(0.34, 0, 0.86), (0.36, 0, 0.94)], 0.014, STEEL, 0.6)


def _mountain_bike(colour: Colour) -> Model:
    model = _wheel(REAR, radius=0.325, tyre=0.030, spokes=20) + _wheel(FRONT, radius=0.325, tyre=0.030, spokes=20)
    model += _frame(
        plain(colour, wear=0.03), head=(0.33, 0.82), seat=(-0.20, 0.70), crown=(0.37, 0.69), low=False, thick=0.023
    )
    model += _drive() + _saddle((-0.24, 0.92), DARK)
    model += tube([(0.30, -0.34, 0.98), (0.33, 0, 0.96), (0.30, 0.34, 0.98)], 0.014, DARK)
    for y in (-0.07, 0.07):
        model += tube([(FRONT[0], y, FRONT[1]), (0.40, y, 0.68)], 0.022, DARK)
    return model + tube([(0.33, 0, 0.82), (0.33, 0, 0.97)], 0.02, DARK)


def _loaded_bike() -> Model:
    black, sack = plain((0.10, 0.11, 0.13)), mottled([(0.80, 0.36, 0.08), (0.88, 0.44, 0.12)], 0.1, seed=2)
    model = _wheel(REAR, radius=0.33, tyre=0.018) + _wheel(FRONT, radius=0.33, tyre=0.018)
    model += _frame(black, head=(0.35, 0.86), seat=(-0.22, 0.80), crown=(0.39, 0.70), low=False)
    model += _drive() + _saddle((-0.26, 0.97), LEATHER)
    model += mudguard(REAR, 0.37, (20, 190), black) + mudguard(FRONT, 0.37, (30, 165), black)
    for y in (-0.13, 0.13):
        model += block((0.32, 0.13, 0.34), sack, at=(-0.56, y, 0.56), radius=0.04)
        model += block((0.33, 0.135, 0.07), plain((0.2, 0.2, 0.22)), at=(-0.56, y, 0.72), radius=0.03)
    crate = wooden((0.62, 0.46, 0.28), 0, seed=4)
    for z in (0.78, 0.86, 0.94):
        for y in (-0.14, 0.14):
            model += block((0.36, 0.012, 0.06), crate, at=(-0.55, y, z))
        for x in (-0.73, -0.37):
            model += block((0.012, 0.28, 0.06), crate, at=(x, 0, z))
    model += tube([(0.22, -0.30, 1.02), (0.36, -0.1, 1.04), (0.36, 0.1, 1.04), (0.22, 0.30, 1.02)], 0.013, DARK)
    return model + tube([(0.35, 0, 0.86), (0.36, 0, 1.04)], 0.014, STEEL, 0.6)
