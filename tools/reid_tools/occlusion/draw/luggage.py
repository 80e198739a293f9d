"""Bags and suitcases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reid_tools.occlusion.draw.drawing import Drawing
from reid_tools.occlusion.draw.paints import checked, mottled, plain, striped
from reid_tools.occlusion.draw.render import Shot
from reid_tools.occlusion.draw.solids import (
    Array,
    Model,
    Paint,
    Sheet,
    ball,
    bent,
    block,
    lathe,
    moved,
    smooth_path,
    tube,
    turned,
)

STEEL, DARK = plain((0.64, 0.65, 0.67), wear=0.03), plain((0.11, 0.11, 0.12))
BRASS = plain((0.76, 0.62, 0.30), wear=0.05)


def bags() -> list[Drawing]:
    brown = mottled([(0.42, 0.20, 0.10), (0.50, 0.26, 0.13)], 0.08, seed=3)
    spotted = mottled([(0.84, 0.78, 0.68), (0.80, 0.74, 0.64), (0.12, 0.10, 0.10)], 0.05, seed=9, sharpness=3)
    green = mottled([(0.14, 0.28, 0.26), (0.18, 0.34, 0.31)], 0.06, seed=4)
    grey = checked([(0.34, 0.35, 0.38), (0.42, 0.43, 0.46), (0.25, 0.26, 0.3)], 0.05, axes=(0, 2))
    orange, red = plain((0.86, 0.46, 0.12), wear=0.04), plain((0.72, 0.12, 0.14))
    return [
        Drawing(_handbag(brown), Shot(200, yaw_deg=20, pitch_deg=10)),
        Drawing(_backpack(green, orange), Shot(225, yaw_deg=-30, pitch_deg=8, sun_deg=45)),
        Drawing(_shopping_bag(), Shot(235, yaw_deg=34, pitch_deg=12, sun=0.55, sky=0.8)),
        Drawing(_holdall(), Shot(165, yaw_deg=-22, pitch_deg=15, sun_deg=55, warmth=0.6)),
        Drawing(_backpack(grey, red), Shot(210, yaw_deg=148, pitch_deg=12)),
        Drawing(_handbag(spotted), Shot(175, yaw_deg=-48, pitch_deg=18, sun_deg=30, sun=0.6, sky=0.75)),
    ]


def suitcases() -> list[Drawing]:
    yellow, black = plain((0.90, 0.70, 0.12), wear=0.04), mottled([(0.09, 0.09, 0.1), (0.14, 0.14, 0.16)], 0.02, seed=8)
    red, silver = plain((0.66, 0.10, 0.13), wear=0.04), plain((0.66, 0.68, 0.70), wear=0.03)
    cloth = checked([(0.20, 0.24, 0.34), (0.32, 0.36, 0.46), (0.55, 0.20, 0.20)], 0.10, axes=(0, 2))
    return [
        Drawing(_hard_case(red, ribs=7, handle_m=0.36), Shot(250, yaw_deg=27, pitch_deg=12)),
        Drawing(_soft_case(cloth), Shot(235, yaw_deg=-33, pitch_deg=10, sun_deg=50)),
        Drawing(_hard_case(silver, ribs=11, handle_m=0.0), Shot(215, yaw_deg=-58, pitch_deg=15, sun=0.6, sky=0.75)),
        Drawing(_leather_case(), Shot(185, yaw_deg=24, pitch_deg=17, sun_deg=-60, warmth=0.8)),
        Drawing(_hard_case(yellow, ribs=5, handle_m=0.30), Shot(240, yaw_deg=-140, pitch_deg=18, sun_deg=40)),
        Drawing(_soft_case(black), Shot(225, yaw_deg=62, pitch_deg=7, sun=0.5, sky=0.85)),
    ]


def _pinched(amount: float, height: float) -> Callable[[Array], Array]:
    """Sides that come together towards the top at `height`."""

    def change(points: Array) -> Array:
        share = np.clip(points[..., 2:] / height, 0, 1)
        factor = np.concatenate([1 - 0.18 * amount * share, 1 - amount * share**1.5, np.ones_like(share)], axis=-1)
        return np.asarray(points * factor)

    return change


def _sagging(seed: int, amount: float) -> Callable[[Array], Array]:
    """Cloth that is not quite flat."""
    phase = np.random.default_rng(seed).uniform(0, 6, 3)

    def change(points: Array) -> Array:
        x, z = points[..., 0], points[..., 2]
        wave = np.stack(
            [np.sin(17 * z + phase[0]), np.sin(14 * x + 9 * z + phase[1]), np.sin(11 * x + phase[2])], axis=-1
        )
        return np.asarray(points + amount * wave)

    return change


def _handbag(leather: Paint) -> Model:
    model = bent(block((0.36, 0.15, 0.25), leather, 0.45, at=(0, 0, 0.125), radius=0.045), _pinched(0.5, 0.25))
    flap = bent(block((0.33, 0.035, 0.13), leather, 0.5, at=(0, 0, 0.19), radius=0.015), _pinched(0.4, 0.25))
    model += moved(flap, (0, -0.058, 0)) + block((0.05, 0.02, 0.035), BRASS, 0.8, at=(0, -0.085, 0.135), radius=0.006)
    for y in (-0.035, 0.035):
        arc = [(-0.11, y, 0.21), (-0.10, y, 0.33), (0, 0.6 * y, 0.41), (0.10, y, 0.33), (0.11, y, 0.21)]
        model += tube(smooth_path(arc), 0.011, leather, 0.4)
        for x in (-0.11, 0.11):
            model += block((0.03, 0.012, 0.05), BRASS, 0.7, at=(x, 1.3 * y, 0.22), radius=0.004)
    return model


def _backpack(cloth: Paint, trim: Paint) -> Model:
    model = bent(block((0.32, 0.19, 0.48), cloth, 0.08, at=(0, 0, 0.24), radius=0.08), _sagging(1, 0.006))
    model += block((0.26, 0.09, 0.23), cloth, 0.08, at=(0, -0.12, 0.16), radius=0.04)
    model += block((0.22, 0.06, 0.10), cloth, 0.08, at=(0, -0.105, 0.36), radius=0.028)
    for z in (0.26, 0.395):
        model += tube([(-0.11, -0.155 + 0.35 * (z - 0.26), z), (0.11, -0.155 + 0.35 * (z - 0.26), z)], 0.006, trim)
    for side in (-1, 1):
        model += block((0.05, 0.12, 0.18), plain((0.10, 0.16, 0.16)), at=(0.165 * side, 0, 0.11), radius=0.022)
        strap = [
            (0.09 * side, 0.09, 0.45),
            (0.11 * side, 0.19, 0.38),
            (0.13 * side, 0.20, 0.20),
            (0.13 * side, 0.09, 0.05),
        ]
        model += tube(smooth_path(strap), 0.022, DARK)
        model += tube([(0.10 * side, -0.09, 0.45), (0.10 * side, -0.115, 0.30)], 0.009, trim)
    return model + tube(smooth_path([(-0.04, 0.05, 0.47), (0, 0.05, 0.53), (0.04, 0.05, 0.47)]), 0.010, trim)


def _shopping_bag() -> Model:
    paper, ink = (0.76, 0.62, 0.44), (0.10, 0.36, 0.30)

    def print_on(places: Array) -> Array:
        x, _, z = places.T
        colours = np.outer(np.ones(len(places)), paper)
        leaf = (np.abs(x) < 0.085 * np.sin(np.clip((z + 0.07) / 0.16, 0, 1) * np.pi)) & (np.abs(x) > 0.004)
        colours[leaf | (np.abs(z + 0.12) < 0.008) & (np.abs(x) < 0.10)] = ink
        return colours

    fold = 0.62 * np.array(paper)
    model: Model = []
    for y in (-0.08, 0.08):
        model += bent(block((0.30, 0.004, 0.38), print_on, at=(0, y, 0.19)), _sagging(2, 0.004))
    for side in (-0.15, 0.15):
        # the gusset is folded inwards
        for y in (-0.08, 0.08):
            corners = np.array([(side, y, 0), (0.85 * side, 0, 0), (0.7 * side, 0, 0.38), (side, y, 0.38)])
            points = np.stack([corners[[0, 1]], corners[[3, 2]]])
            model.append(Sheet(points, points, plain((fold[0], fold[1], fold[2]), wear=0)))
    for y in (-0.082, 0.082):
        arc = [(-0.07, y, 0.35), (-0.065, y, 0.45), (0, 0.7 * y, 0.52), (0.065, y, 0.45), (0.07, y, 0.35)]
        model += tube(smooth_path(arc), 0.006, plain((0.5, 0.36, 0.22)))
    return model


def _holdall() -> Model:
    cloth = striped(
        [(0.14, 0.20, 0.40), (0.14, 0.20, 0.40), (0.72, 0.14, 0.18), (0.90, 0.90, 0.88)], 0.085, (0, 1), seed=3
    )
    body = [(0.0, 0.0), (0.13, 0.0), (0.16, 0.03), (0.165, 0.28), (0.16, 0.53), (0.13, 0.56), (0.0, 0.56)]
    model = moved(turned(lathe(body, cloth, 0.1), "y", 90), (-0.28, 0, 0.165))
    for y in (-0.14, 0.14):
        handle = [
            (-0.13, y, 0.06),
            (-0.12, y * 1.1, 0.24),
            (-0.05, 0.3 * y, 0.40),
            (0.05, 0.3 * y, 0.40),
            (0.12, y * 1.1, 0.24),
            (0.13, y, 0.06),
        ]
        model += tube(smooth_path(handle), 0.013, DARK)
    pocket = block((0.22, 0.05, 0.16), plain((0.12, 0.17, 0.34)), at=(0, -0.15, 0.16), radius=0.02)
    return model + pocket + tube([(-0.24, 0, 0.333), (0.24, 0, 0.333)], 0.008, BRASS, 0.6)


def _wheels(width: float, depth: float) -> Model:
    model: Model = []
    for x in (-width, width):
        for y in (-depth, depth):
            model += ball((0.022, 0.026, 0.028), DARK, 0.3, at=(x, y, 0.028))
            model += block((0.035, 0.035, 0.03), DARK, at=(x, y, 0.062), radius=0.006)
    return model


def _pull(height: float, base: float) -> Model:
    """The bar that a case is pulled by."""
    if not height:
        return block((0.16, 0.05, 0.03), DARK, at=(0, 0.03, base + 0.01), radius=0.012)
    model: Model = []
    for x in (-0.09, 0.09):
        model += tube([(x, 0.08, base - 0.02), (x, 0.08, base + height)], 0.010, STEEL, 0.6)
    return model + block((0.24, 0.035, 0.04), DARK, at=(0, 0.08, base + height), radius=0.014)


def _hard_case(shell: Paint, *, ribs: int, handle_m: float) -> Model:
    model = block((0.42, 0.25, 0.60), shell, 0.7, at=(0, 0, 0.37), radius=0.06)
    for i in range(ribs):
        x = 0.33 * (i / (ribs - 1) - 0.5)
        model += block((0.33 / ribs * 0.55, 0.27, 0.50), shell, 0.7, at=(x, 0, 0.37), radius=0.008)
    model += block((0.43, 0.012, 0.61), DARK, at=(0, 0, 0.37), radius=0.005)
    return model + _wheels(0.16, 0.09) + _pull(handle_m, 0.66)


def _soft_case(cloth: Paint) -> Model:
    model = bent(block((0.40, 0.24, 0.58), cloth, 0.05, at=(0, 0, 0.36), radius=0.035), _sagging(5, 0.004))
    model += block((0.33, 0.07, 0.24), cloth, 0.05, at=(0, -0.13, 0.24), radius=0.03)
    model += block((0.33, 0.055, 0.15), cloth, 0.05, at=(0, -0.13, 0.48), radius=0.025)
    for z, y in ((0.345, -0.168), (0.545, -0.158)):
        model += tube([(-0.14, y, z), (0.14, y, z)], 0.005, BRASS, 0.5)
    return model + _wheels(0.15, 0.09) + _pull(0.30, 0.64) + moved(_pull(0, 0.64), (0, -0.05, 0))


def _leather_case() -> Model:
    hide, dark = mottled([(0.48, 0.29, 0.15), (0.58, 0.37, 0.20)], 0.1, seed=6), plain((0.28, 0.15, 0.08))
    model = block((0.62, 0.2, 0.42), hide, 0.35, at=(0, 0, 0.21), radius=0.03)
    for x in (-0.19, 0.19):
        model += block((0.045, 0.212, 0.432), dark, 0.3, at=(x, 0, 0.21), radius=0.02)
        model += block((0.06, 0.02, 0.045), BRASS, 0.7, at=(x, -0.108, 0.30), radius=0.005)
    for x in (-0.29, 0.29):
        for z in (0.02, 0.40):
            model += ball((0.05, 0.108, 0.05), dark, 0.3, at=(x, 0, z))
    return model + tube(
        smooth_path([(-0.08, 0, 0.42), (-0.06, 0, 0.47), (0.06, 0, 0.47), (0.08, 0, 0.42)]), 0.014, dark
    )
