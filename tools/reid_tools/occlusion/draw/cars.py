"""Cars: one body shell per model, swept from nose to tail."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from reid_tools.occlusion.draw.drawing import Drawing
from reid_tools.occlusion.draw.paints import Colour, cloud, plain
from reid_tools.occlusion.draw.render import Shot
from reid_tools.occlusion.draw.solids import Array, Model, Paint, Sheet, block, lathe, moved, smooth_path, turned

GLASS, TRIM, LAMP, TAIL = (0.10, 0.13, 0.15), (0.09, 0.09, 0.10), (0.93, 0.94, 0.92), (0.62, 0.05, 0.05)
TYRE, ALLOY = plain((0.07, 0.07, 0.075)), plain((0.60, 0.61, 0.63), wear=0.03)


@dataclass(frozen=True, slots=True)
class Car:
    """The side view of a car that faces +x, in metres.

    `roof` and `belt` are (x, z) from tail to nose: the upper outline and the line below the windows. `windows` are
    stretches of x that are glass at the side, `screens` those that are glass on top (rear and front).
    """

    colour: Colour
    roof: tuple[tuple[float, float], ...]
    belt: tuple[tuple[float, float], ...]
    windows: tuple[tuple[float, float], ...]
    screens: tuple[tuple[float, float], ...]
    width: float = 1.76
    axles: tuple[float, float] = (-1.3, 1.32)
    wheel: float = 0.32
    sill: float = 0.22


HATCH = Car(
    (0.10, 0.28, 0.62),
    (
        (-1.95, 0.75),
        (-1.90, 0.98),
        (-1.62, 1.40),
        (-0.9, 1.50),
        (0.1, 1.48),
        (0.55, 1.36),
        (1.12, 0.98),
        (1.85, 0.80),
        (2.0, 0.62),
    ),
    ((-1.95, 0.75), (-1.85, 0.96), (0.0, 0.94), (1.12, 0.93), (1.85, 0.78), (2.0, 0.61)),
    ((-1.45, -0.85), (-0.75, 0.05), (0.15, 0.85)),
    ((-1.88, -1.62), (0.56, 1.10)),
    axles=(-1.22, 1.26),
)
SALOON = Car(
    (0.56, 0.07, 0.09),
    (
        (-2.3, 0.78),
        (-2.25, 0.99),
        (-1.65, 1.04),
        (-1.0, 1.40),
        (-0.4, 1.45),
        (0.2, 1.41),
        (1.0, 0.97),
        (2.05, 0.82),
        (2.28, 0.62),
    ),
    ((-2.3, 0.78), (-2.2, 0.97), (-1.0, 0.96), (1.0, 0.92), (2.05, 0.80), (2.28, 0.61)),
    ((-1.2, -0.45), (-0.35, 0.65)),
    ((-1.62, -1.02), (0.26, 0.98)),
    axles=(-1.4, 1.42),
)
VAN = Car(
    (0.88, 0.88, 0.86),
    ((-2.3, 0.9), (-2.28, 1.80), (-2.1, 1.97), (0.2, 1.98), (0.85, 1.84), (1.55, 1.16), (2.15, 0.98), (2.3, 0.66)),
    ((-2.3, 0.9), (-2.25, 1.10), (0.0, 1.10), (1.5, 1.08), (2.15, 0.96), (2.3, 0.65)),
    ((0.15, 1.15),),
    ((0.88, 1.52),),
    width=1.9,
    axles=(-1.45, 1.5),
    wheel=0.34,
    sill=0.26,
)
ESTATE = Car(
    (0.30, 0.32, 0.34),
    (
        (-2.2, 0.9),
        (-2.15, 1.15),
        (-1.95, 1.60),
        (-1.2, 1.70),
        (0.1, 1.68),
        (0.6, 1.54),
        (1.15, 1.12),
        (2.05, 1.0),
        (2.25, 0.74),
    ),
    ((-2.2, 0.9), (-2.1, 1.10), (0.0, 1.08), (1.15, 1.06), (2.05, 0.98), (2.25, 0.73)),
    ((-1.85, -1.15), (-1.05, -0.2), (-0.1, 0.82)),
    ((-2.14, -1.95), (0.62, 1.12)),
    width=1.85,
    axles=(-1.35, 1.38),
    wheel=0.37,
    sill=0.32,
)


def cars() -> list[Drawing]:
    taxi, silver = replace(HATCH, colour=(0.93, 0.74, 0.10)), replace(SALOON, colour=(0.60, 0.62, 0.64))
    return [
        Drawing(_car(HATCH), Shot(165, yaw_deg=-38, pitch_deg=12, distance=2.5)),
        Drawing(_car(SALOON), Shot(150, yaw_deg=218, pitch_deg=15, distance=2.5, sun_deg=45, warmth=0.5)),
        Drawing(_car(VAN), Shot(180, yaw_deg=205, pitch_deg=9, distance=2.5, sun_deg=50)),
        Drawing(_car(ESTATE), Shot(170, yaw_deg=-125, pitch_deg=11, distance=2.5, sun=0.55, sky=0.8)),
        Drawing(_car(taxi), Shot(175, yaw_deg=130, pitch_deg=14, distance=2.5, sun_deg=30)),
        Drawing(_car(silver), Shot(150, yaw_deg=48, pitch_deg=10, distance=2.5, sun=0.65, sky=0.7)),
    ]


def _car(car: Car) -> Model:
    model = [_shell(car)]
    for x in car.axles:
        for side in (-1, 1):
            wheel = _wheel(car.wheel) if side < 0 else turned(_wheel(car.wheel), "z", 180)
            model += moved(wheel, (x, side * (car.width / 2 - 0.02), car.wheel))
    nose, tail = car.roof[-1][0], car.roof[0][0]
    plate = plain((0.90, 0.90, 0.86), wear=0)
    model += block((0.02, 0.5, 0.11), plate, at=(nose + 0.05, 0, car.sill + 0.27))
    model += block((0.02, 0.5, 0.11), plate, at=(tail - 0.05, 0, car.sill + 0.35))
    mirror = max(end for _, end in car.windows) - 0.08
    level = _height(car.belt, mirror)
    for side in (-1, 1):
        at = (mirror, side * (car.width / 2 + 0.07), level + 0.07)
        model += block((0.10, 0.2, 0.13), plain(car.colour), 0.5, at=at, radius=0.04)
    return model


def _height(line: tuple[tuple[float, float], ...], x: float) -> float:
    along, height = np.array(line).T
    return float(np.interp(x, along, height))


def _shell(car: Car) -> Sheet:
    """The painted body; its places are (x, y, z, row of the section), rows counted from the sills to the roof."""
    tail, nose = car.roof[0][0], car.roof[-1][0]
    stations = np.unique(np.concatenate([np.linspace(tail, nose, 60), [x for x, _ in car.roof]]))
    roof, belt = (smooth_path(line, steps=6) for line in (car.roof, car.belt))
    top = np.interp(stations, roof[:, 0], roof[:, 1])
    waist = np.minimum(np.interp(stations, belt[:, 0], belt[:, 1]), top - 0.01)
    # the corners are round seen from above, and the cabin leans inwards
    ends = np.minimum((nose - stations) / 0.45, (stations - tail) / 0.3).clip(0, 1)
    half = car.width / 2 * (0.80 + 0.20 * np.sqrt(1 - (1 - ends) ** 2))
    cabin = np.clip((top - waist) / 0.4, 0, 1)
    inner = half * (1 - 0.20 * cabin) - 0.03
    low = car.sill + 0.04 * (1 - ends)
    rows = [
        (half * 0.90, low),
        (half * 0.985, low + 0.15 * (waist - low)),
        (half, low + 0.55 * (waist - low)),
        (half * 0.985, waist - 0.05),
        (half * 0.965, waist),
        (inner + 0.02 * cabin, top - 0.06 * cabin - 0.004),
        (inner * 0.90, top - 0.012 * cabin),
        (inner * 0.5, top + 0.012),
        (inner * 0.0, top + 0.018),
    ]
    right = np.stack([np.stack([stations, -y, z], axis=-1) for y, z in rows], axis=1)
    left = right[:, -2::-1] * (1, -1, 1)
    points = np.concatenate([right, left], axis=1)
    # closed at both ends
    rear, front = (
        np.tile(points[i].mean(axis=0) + np.array([dx, 0, 0]), (17, 1)) for i, dx in ((0, -0.04), (-1, 0.04))
    )
    points = np.concatenate([rear[None], points, front[None]])
    row = np.minimum(np.arange(17), 16 - np.arange(17)).astype(float)
    rows_of = np.broadcast_to(row, points.shape[:2])[..., None]
    places = np.concatenate([points, rows_of], axis=-1)
    return Sheet(points, places, _coat(car), 0.75)


def _coat(car: Car) -> Paint:
    def paint(places: Array) -> Array:
        x, y, z, row = places.T
        colour = np.outer(1 + 0.03 * cloud(places[:, :3], 0.8, 1), car.colour)
        at_side = (row > 4.12) & (row < 4.9)
        glass = np.zeros(len(places), np.bool_)
        for start, end in car.windows:
            lean = 0.35 * (row - 4.1) * (end == car.windows[-1][1])
            glass |= at_side & (x > start) & (x < end - lean)
        for start, end in car.screens:
            glass |= (row > 5.25) & (x > start) & (x < end)
        tail, nose = car.roof[0][0], car.roof[-1][0]
        for start, end in car.windows[-2:]:
            seams = (np.abs(x - end - 0.05) < 0.012) | (np.abs(x - start + 0.04) < 0.012)
            colour[seams & (row > 0.7) & (row < 4.1)] *= 0.35
        ends = (x > nose - 0.03) | (x < tail + 0.03)
        colour[(row < 0.75) | (ends & (z < car.sill + 0.22))] = TRIM
        middle = (car.sill + _height(car.roof, nose - 0.1)) / 2
        colour[(x > nose - 0.04) & (np.abs(y) < 0.42) & (np.abs(z - middle - 0.06) < 0.07)] = TRIM
        outer = np.abs(y) > 0.3 * car.width
        colour[outer & (x > nose - 0.30) & (np.abs(z - middle - 0.10) < 0.075)] = LAMP
        colour[outer & (x < tail + 0.14) & (row > 2.0) & (row < 3.8)] = TAIL
        colour[glass] = GLASS
        for axle in car.axles:
            colour[(x - axle) ** 2 + (z - car.wheel) ** 2 < (1.14 * car.wheel) ** 2] = TRIM
        return colour

    return paint


def _wheel(radius: float) -> Model:
    """A wheel whose outside looks to -y."""
    r = radius
    tyre = lathe([(0.66 * r, 0.09), (0.9 * r, 0.11), (r, 0.07), (r, -0.09), (0.9 * r, -0.11)], TYRE, 0.1)

    def spokes(places: Array) -> Array:
        turn = places[:, 0] * 5 % 1
        open_part = (np.abs(turn - 0.5) < 0.27) & (places[:, 1] < 0.10)
        return np.where(open_part[:, None], (0.10, 0.10, 0.11), ALLOY(places))

    rim = lathe([(0.68 * r, 0.10), (0.60 * r, 0.075), (0.2 * r, 0.085), (0.18 * r, 0.11), (0.0, 0.11)], spokes, 0.5)
    return turned(tyre + rim, "x", 90)
