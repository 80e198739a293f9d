"""The plaza: a forecourt watched by two cameras, an arcade and a street with one each.

Seen from above, north (+y) up, metres:

        +--------------- front ---------------+   +------- shops -------+
        |   benches   trees   | canopy  x x x |###| arcade   x  x  x  x |<- arcade
    gate|        forecourt (seen twice)       |   gap      yard         |
        +--^-----------------------------^----+   +---------------------+
       entrance                        lobby
        |  |########### block ###########|  |
        +--+                             +--+<- street
                       street
"""

from __future__ import annotations

import math

from reid_tools.footage.camera import Camera, Sensor
from reid_tools.footage.scene import Place, Prop, Scene
from reid_tools.footage.stage import Light

NORTH, SOUTH = math.pi / 2, -math.pi / 2


def plaza() -> Scene:
    """The scene behind `samples/plaza`."""
    return Scene(
        name="plaza",
        props=(*_ground(), *_buildings(), *_forecourt(), *_arcade(), *_street()),
        places=_places(),
        ways=_WAYS,
        cameras=_cameras(),
        overlaps=(("entrance", "lobby"),),
        people=16,
        light=Light(sun_to=(-0.42, -0.62, 0.80)),
        cast_seed=1,
        plan_seed=12,
    )


def _cameras() -> tuple[Camera, ...]:
    entrance = Sensor(1.25, (1.03, 1.0, 0.95), shot_noise=0.007, read_noise=0.0020)
    lobby = Sensor(0.95, (0.93, 1.0, 1.10), shot_noise=0.009, read_noise=0.0022, vignette=0.25, saturation=0.9)
    arcade = Sensor(1.70, (1.08, 1.0, 0.88), shot_noise=0.010, read_noise=0.0026, blur_px=0.6, saturation=0.95)
    street = Sensor(1.45, (0.98, 1.0, 1.03), shot_noise=0.008, read_noise=0.0020, saturation=0.85)
    return (
        Camera("entrance", (-8.3, -5.9, 3.7), (0.2, 0.7, 0.6), 59, sensor=entrance),
        Camera("lobby", (8.2, -5.4, 3.2), (-0.6, 0.9, 0.6), 62, sensor=lobby),
        Camera("arcade", (28.6, 0.9, 3.0), (18.5, 1.7, 0.5), 64, sensor=arcade),
        Camera("street", (8.9, -14.4, 4.3), (-1.4, -12.0, 0.5), 56, sensor=street),
    )


def _ground() -> tuple[Prop, ...]:
    return (
        Prop("ground", (8.0, -2.0, 0.0), (70.0, 25.0, 0.2), "slabs", (0.34, 0.32, 0.29)),
        Prop("ground", (8.0, -40.0, -0.02), (90.0, 51.0, 0.2), "asphalt", (0.12, 0.12, 0.125)),
        Prop("ground", (8.0, 35.0, -0.02), (90.0, 49.0, 0.2), "asphalt", (0.2, 0.2, 0.19)),
        Prop("ground", (21.0, 2.6, 0.012), (15.0, 4.6, 0.012), "slabs", (0.42, 0.33, 0.24)),
        Prop("block", (-1.0, -14.6, 0.0), (40.0, 0.18, 0.12), "plain", (0.5, 0.5, 0.48)),
    )


def _buildings() -> tuple[Prop, ...]:
    return (
        Prop("block", (-1.0, 10.0, 0.0), (26.0, 6.0, 9.6), "windows", (0.56, 0.47, 0.36)),
        Prop("block", (-15.5, 0.0, 0.0), (6.0, 30.0, 8.0), "bricks", (0.34, 0.14, 0.09)),
        Prop("block", (0.0, -8.25, 0.0), (15.0, 2.5, 4.6), "shopfront", (0.12, 0.30, 0.26)),
        Prop("block", (10.2, 4.4, 0.0), (1.8, 6.4, 6.4), "bricks", (0.42, 0.30, 0.22)),
        Prop("block", (21.0, 7.4, 0.0), (20.0, 5.0, 6.4), "shopfront", (0.45, 0.12, 0.10)),
        Prop("block", (34.5, 0.0, 0.0), (4.0, 24.0, 6.4), "windows", (0.4, 0.42, 0.45)),
        Prop("block", (13.1, -1.5, 0.0), (0.4, 5.4, 2.7), "bricks", (0.45, 0.36, 0.28)),
        Prop("block", (-2.0, -25.0, 0.0), (60.0, 5.0, 9.6), "windows", (0.50, 0.50, 0.47)),
        Prop("block", (22.0, -9.6, 0.0), (16.0, 1.0, 5.5), "windows", (0.52, 0.42, 0.34)),
    )


def _forecourt() -> tuple[Prop, ...]:
    canopy = [Prop("post", (x, 3.4, 0.0), (0.42, 0.42, 3.5), "plain", (0.55, 0.53, 0.5)) for x in (2.2, 5.2, 8.2)]
    return (
        *canopy,
        Prop("block", (5.2, 5.1, 3.5), (7.2, 3.9, 0.3), "plain", (0.45, 0.44, 0.42)),
        Prop("tree", (-5.6, 3.0, 0.0), (3.6, 3.6, 4.6)),
        Prop("tree", (-1.2, -4.9, 0.0), (2.6, 2.6, 4.2)),
        Prop("bench", (-2.9, 5.6, 0.0), (1.9, 0.5, 0.85)),
        Prop("bench", (2.5, -3.0, 0.0), (1.8, 0.5, 0.85), heading_rad=math.pi),
        Prop("planter", (-1.6, 1.0, 0.0), (1.9, 0.9, 0.9), "plain", (0.4, 0.38, 0.35)),
        Prop("planter", (7.6, 1.4, 0.0), (1.6, 0.8, 0.9), "plain", (0.4, 0.38, 0.35)),
        Prop("lamp", (-6.4, 0.9, 0.0), (0.3, 0.3, 4.2)),
        Prop("bin", (-4.4, 4.6, 0.0), (0.5, 0.5, 0.95), "plain", (0.05, 0.12, 0.08)),
        Prop("sign", (3.6, 0.9, 0.0), (1.1, 0.08, 2.1), "plain", (0.05, 0.16, 0.34), heading_rad=0.9),
    )


def _arcade() -> tuple[Prop, ...]:
    pillars = [
        Prop("post", (x, 0.35, 0.0), (0.5, 0.5, 3.7), "plain", (0.58, 0.52, 0.42)) for x in (15.2, 18.2, 21.2, 24.0)
    ]
    return (
        *pillars,
        Prop("block", (21.0, 2.6, 3.7), (15.0, 4.9, 0.35), "plain", (0.5, 0.47, 0.42)),
        Prop("planter", (22.4, -2.6, 0.0), (2.2, 0.8, 0.9), "bricks", (0.35, 0.16, 0.1)),
        Prop("bench", (16.2, -3.3, 0.0), (1.8, 0.5, 0.85), heading_rad=math.pi),
        Prop("tree", (14.7, -4.4, 0.0), (3.0, 3.0, 4.4)),
        Prop("bin", (16.8, 4.4, 0.0), (0.5, 0.5, 0.95), "plain", (0.25, 0.05, 0.04)),
        Prop("lamp", (25.5, -4.6, 0.0), (0.3, 0.3, 4.0)),
    )


def _street() -> tuple[Prop, ...]:
    return (
        Prop("bench", (-2.6, -13.9, 0.0), (1.8, 0.5, 0.85), heading_rad=math.pi),
        Prop("tree", (-6.8, -13.8, 0.0), (2.8, 2.8, 4.6)),
        Prop("lamp", (1.0, -14.1, 0.0), (0.3, 0.3, 4.4)),
        Prop("bench", (4.2, -13.9, 0.0), (1.8, 0.5, 0.85), heading_rad=math.pi),
        Prop("sign", (-5.7, -10.4, 0.0), (0.9, 0.08, 1.7), "plain", (0.5, 0.32, 0.05), heading_rad=1.2),
        Prop("bin", (2.6, -10.0, 0.0), (0.5, 0.5, 0.95), "plain", (0.06, 0.06, 0.07)),
    )


def _places() -> dict[str, Place]:
    return {
        "west gate": Place((-9.6, -2.2)),
        "west alley": Place((-9.8, -8.0)),
        "court west": Place((-5.2, -0.9)),
        "court south": Place((-0.4, -2.6)),
        "court centre": Place((1.0, 0.6)),
        "court bench": Place((-3.0, 3.9), stop=True, face_rad=SOUTH),
        "court north": Place((0.4, 4.3), stop=True, face_rad=SOUTH + 0.7),
        "canopy": Place((3.8, 5.2), stop=True, face_rad=NORTH),
        "canopy east": Place((6.7, 4.0)),
        "court east": Place((5.2, -0.4), stop=True, face_rad=math.pi),
        "east gate": Place((10.0, 0.0)),
        "gap": Place((12.0, 1.1)),
        "arcade west": Place((14.4, 2.8)),
        "arcade shop": Place((17.6, 3.7), stop=True, face_rad=NORTH),
        "arcade middle": Place((20.0, 2.2)),
        "arcade window": Place((22.4, 3.8), stop=True, face_rad=NORTH),
        "arcade east": Place((25.2, 2.6)),
        "arcade end": Place((30.0, 3.6)),
        "yard east": Place((25.6, -1.6)),
        "yard": Place((20.0, -1.5), stop=True, face_rad=0.3),
        "yard west": Place((16.2, -1.9)),
        "yard bench": Place((18.6, -4.3), stop=True, face_rad=1.0),
        "yard gate": Place((13.4, -7.0)),
        "east alley": Place((10.2, -6.0)),
        "street east": Place((10.6, -11.0)),
        "street sign": Place((5.2, -12.4)),
        "street shop": Place((2.0, -11.2), stop=True, face_rad=NORTH),
        "street middle": Place((-0.6, -12.5)),
        "street window": Place((-3.2, -10.7), stop=True, face_rad=NORTH),
        "street west": Place((-5.9, -12.1)),
        "street end": Place((-10.0, -11.8)),
    }


_WAYS = (
    ("west gate", "court west"),
    ("west gate", "west alley"),
    ("west alley", "street end"),
    ("court west", "court south"),
    ("court west", "court bench"),
    ("court bench", "court north"),
    ("court south", "court centre"),
    ("court south", "court east"),
    ("court centre", "court north"),
    ("court centre", "court east"),
    ("court north", "canopy"),
    ("canopy", "canopy east"),
    ("canopy east", "court east"),
    ("court east", "east gate"),
    ("east gate", "gap"),
    ("east gate", "east alley"),
    ("gap", "arcade west"),
    ("arcade west", "arcade shop"),
    ("arcade west", "arcade middle"),
    ("arcade shop", "arcade middle"),
    ("arcade middle", "arcade window"),
    ("arcade middle", "arcade east"),
    ("arcade middle", "yard"),
    ("arcade window", "arcade east"),
    ("arcade east", "arcade end"),
    ("arcade east", "yard east"),
    ("yard east", "yard"),
    ("yard", "yard west"),
    ("yard", "yard bench"),
    ("yard bench", "yard gate"),
    ("yard gate", "street east"),
    ("east alley", "street east"),
    ("street east", "street sign"),
    ("street sign", "street shop"),
    ("street sign", "street middle"),
    ("street shop", "street middle"),
    ("street middle", "street window"),
    ("street middle", "street west"),
    ("street window", "street west"),
    ("street west", "street end"),
)
