"""What is there to be read, or made of cardboard: road signs, posters, boards and boxes."""

from __future__ import annotations

import numpy as np

from reid_pipeline.types import Image
from reid_tools.occlusion.draw import graphics
from reid_tools.occlusion.draw.drawing import Drawing
from reid_tools.occlusion.draw.paints import (
    decal,
    mottled,
    picture,
    plain,
    wooden,
)
from reid_tools.occlusion.draw.render import Shot
from reid_tools.occlusion.draw.solids import (
    Array,
    Model,
    Paint,
    block,
    extrude,
    lathe,
    moved,
    plate,
    tube,
    turned,
)

ZINC = plain((0.58, 0.60, 0.62), wear=0.08, scale=0.3)


def road_signs() -> list[Drawing]:
    turn = np.linspace(0, 2 * np.pi, 49)[:-1]
    disc = 0.32 * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    triangle = np.array([(-0.40, -0.24), (0.40, -0.24), (0.43, -0.19), (0.04, 0.44), (-0.04, 0.44), (-0.43, -0.19)])
    octagon = 0.38 * np.stack([np.cos(turn[::6] + np.pi / 8), np.sin(turn[::6] + np.pi / 8)], axis=-1)
    diamond = 0.45 * np.array([(0, -1), (1, 0), (0, 1), (-1, 0)])
    two_on_a_post = _sign(disc, graphics.no_entry(), 1.62)
    two_on_a_post += _sign(np.array([(-0.3, -0.13), (0.3, -0.13), (0.3, 0.13), (-0.3, 0.13)]), _plate_text(), 1.12)
    return [
        Drawing([*two_on_a_post, *_pole(1.95)], Shot(255, yaw_deg=18, pitch_deg=5)),
        Drawing(
            [*_sign(triangle, graphics.warning(), 1.35), *_pole(1.7)], Shot(240, yaw_deg=-14, pitch_deg=9, sun_deg=40)
        ),
        Drawing(_direction_board(), Shot(210, yaw_deg=24, pitch_deg=8, sun=0.55, sky=0.75)),
        Drawing([*_sign(diamond, graphics.bend(), 1.3), *_pole(1.7)], Shot(235, yaw_deg=-25, pitch_deg=6, warmth=0.7)),
        Drawing([*_sign(octagon, graphics.stop(), 1.3), *_pole(1.6)], Shot(230, yaw_deg=12, pitch_deg=12, sun_deg=60)),
        Drawing([*_sign(disc, graphics.speed_limit(), 1.2), *_pole(1.5)], Shot(215, yaw_deg=-32, pitch_deg=10)),
    ]


def cards() -> list[Drawing]:
    pine, white = (0.72, 0.52, 0.30), (0.88, 0.88, 0.86)
    return [
        Drawing(_a_board(graphics.chalk_menu(), wooden(pine, 2), 0.6, 0.95), Shot(215, yaw_deg=28, pitch_deg=12)),
        Drawing(_banner(), Shot(255, yaw_deg=-20, pitch_deg=6, sun=0.5, sky=0.85)),
        Drawing(_placard(graphics.sale()), Shot(220, yaw_deg=17, pitch_deg=8, sun_deg=50)),
        Drawing(
            _a_board(graphics.ice_cream(), plain(white), 0.66, 0.88), Shot(200, yaw_deg=-36, pitch_deg=15, warmth=0.5)
        ),
        Drawing(_cartons(), Shot(190, yaw_deg=30, pitch_deg=20, sun_deg=45)),
        Drawing(_placard(graphics.concert()), Shot(245, yaw_deg=-26, pitch_deg=5, sun=0.55, sky=0.8)),
    ]


def _pole(height: float) -> Model:
    return tube([(0, 0.03, 0), (0, 0.03, height)], 0.035, ZINC, 0.4, sides=14)


def _sign(outline: Array, image: Image, height: float) -> Model:
    """A plate with that outline (k, 2) around `height`, its picture on the front."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    front = decal(image, tuple(low), tuple(high))

    def paint(places: Array) -> Array:
        return np.where(places[:, 1:2] < -0.005, front(places), (0.55, 0.56, 0.58))

    return moved(extrude(outline, 0.02, paint, 0.35), (0, -0.02, height))


def _plate_text() -> Image:
    board = graphics.Board(160, 70, graphics.WHITE).writing(0.08, 0.08, 0.86, 0.12, graphics.BLACK, seed=2)
    return board.writing(0.2, 0.26, 0.6, 0.1, graphics.BLACK, seed=5).finish()


def _direction_board() -> Model:
    outline = np.array([(-0.62, -0.49), (0.62, -0.49), (0.62, 0.49), (-0.62, 0.49)])
    model = _sign(outline, graphics.directions(), 1.25)
    return model + moved(_pole(1.75), (-0.45, 0, 0)) + moved(_pole(1.75), (0.45, 0, 0))


def _a_board(image: Image, frame: Paint, width: float, height: float) -> Model:
    """Two leaves that lean against each other."""
    leaf = plate(
        [(-width / 2, 0, 0.09), (width / 2, 0, 0.09), (width / 2, 0, height), (-width / 2, 0, height)], picture(image)
    )
    leaf = moved(leaf, (0, -0.004, 0))
    leaf += block((width, 0.006, height - 0.09), frame, at=(0, 0.004, 0.045 + height / 2))
    for x in (-width / 2, width / 2):
        leaf += block((0.05, 0.035, height), frame, at=(x, 0, height / 2), radius=0.006)
    for z in (0.09, height - 0.02):
        leaf += block((width, 0.035, 0.05), frame, at=(0, 0, z), radius=0.006)
    front = moved(turned(leaf, "x", -14), (0, -0.24, 0))
    back = moved(turned(leaf, "x", 14), (0, 0.24, 0))
    return front + back


def _banner() -> Model:
    poster = plate([(-0.36, 0, 0.08), (0.36, 0, 0.08), (0.36, 0, 1.6), (-0.36, 0, 1.6)], picture(graphics.landscape()))
    metal = plain((0.66, 0.67, 0.69), wear=0.03)
    model = poster + block((0.80, 0.12, 0.09), metal, 0.5, at=(0, 0.02, 0.045), radius=0.03)
    model += tube([(-0.37, 0, 1.61), (0.37, 0, 1.61)], 0.018, metal, 0.5)
    return model + tube([(0, 0.03, 0.08), (0, 0.03, 1.6)], 0.012, metal, 0.5)


def _placard(image: Image) -> Model:
    front = plate(
        [(-0.36, -0.035, 0.5), (0.36, -0.035, 0.5), (0.36, -0.035, 1.47), (-0.36, -0.035, 1.47)],
        picture(image),
    )
    edge = plain((0.25, 0.25, 0.27))
    model = front + block((0.78, 0.02, 1.03), edge, at=(0, 0, 0.985), radius=0.008)
    model += tube([(0, 0.03, 0), (0, 0.03, 0.6)], 0.022, ZINC, 0.4)
    return model + lathe([(0.2, 0), (0.2, 0.02), (0.03, 0.05)], edge, 0.2, sharp=True)


def _cartons() -> Model:
    """Two boxes of cardboard, one on the other."""

    def taped(places: Array) -> Array:
        colours = board(places)
        colours[np.abs(places[:, 0]) < 0.03] = (0.72, 0.60, 0.40)
        label = (places[:, 0] > 0.07) & (places[:, 0] < 0.19) & (np.abs(places[:, 2]) < 0.05) & (places[:, 1] < 0)
        colours[label] = (0.92, 0.92, 0.90)
        return colours

    board = mottled([(0.66, 0.50, 0.33), (0.72, 0.56, 0.38)], 0.2, seed=3)
    model = block((0.52, 0.40, 0.36), taped, at=(0, 0, 0.18), radius=0.006)
    upper = turned(block((0.44, 0.34, 0.28), taped, radius=0.006), "z", 14)
    return model + moved(upper, (-0.02, 0.01, 0.50))
