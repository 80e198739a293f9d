"""Sites to set scenes in; their sizes are those of ordinary buildings."""

from __future__ import annotations

from itertools import pairwise

from reid_tools.footage.camera import Camera
from reid_tools.scenarios.layout import Area, Block, Crowd, Neighbours, Place, Point, Scene, Watch

PICTURE = (1280, 720)
LENS_DEG = 82.0
MOUNTED_M = 3.2
FASTEST_M_S, SLOWEST_M_S = 2.0, 0.5


def watch(name: str, area: Area, corner: Point) -> Watch:
    """A camera that hangs in a corner of its area and looks at the area's middle."""
    position, target = (*corner, MOUNTED_M), (*area.middle, 0.9)
    return Watch(Camera(name, position, target, LENS_DEG, *PICTURE), area)


def passage(first: str, second: str, metres: float) -> Neighbours:
    """What can be said of cameras so far apart: nobody runs, and nobody dawdles for ever."""
    return Neighbours(first, second, round(metres / FASTEST_M_S, 1), round(metres / SLOWEST_M_S + 30.0, 1))


def office() -> Scene:
    """An office building: two cameras share the hall, the others are apart; 40 people come, wait, leave, come back."""
    street, hall = Area(0, -14, 24, -3), Area(0, 0, 24, 12)
    west, east = Area(-22, 2, -6, 6), Area(30, 2, 46, 6)
    lifts, cafe = Area(8, 18, 18, 26), Area(-22, 12, -10, 24)
    shop = Area(34, 12, 46, 24)
    watches = (
        watch("street", street, (0, -3)),
        watch("hall-west", hall, (0, 12)),
        watch("hall-east", hall, (24, 12)),
        watch("corridor-west", west, (-22, 6)),
        watch("corridor-east", east, (46, 6)),
        watch("lifts", lifts, (8, 26)),
        watch("cafe", cafe, (-22, 24)),
        watch("shop", shop, (46, 24)),
    )
    places = {
        "street-west": Place((-6, -9), gate=True),
        "street-east": Place((30, -9), gate=True),
        "pavement": Place((12, -8)),
        "door": Place((12, -1)),
        "desk": Place((8, 6), stop=True, spread_m=2.0),
        "bench": Place((18, 8), stop=True, spread_m=2.0),
        "hall": Place((13, 5)),
        "west": Place((-6, 4)),
        "far-west": Place((-20, 4)),
        "east": Place((30, 4)),
        "far-east": Place((44, 4)),
        "lifts": Place((13, 20)),
        "lift": Place((13, 24), stop=True, spread_m=1.5),
        "cafe-door": Place((-18, 13)),
        "cafe-table": Place((-16, 18), stop=True, spread_m=2.0),
        "shop-door": Place((42, 13)),
        "shop-shelf": Place((40, 18), stop=True, spread_m=2.0),
    }
    ways = (
        ("street-west", "pavement"), ("street-east", "pavement"), ("pavement", "door"), ("door", "hall"),
        ("hall", "desk"), ("hall", "bench"), ("hall", "west"), ("west", "far-west"), ("far-west", "cafe-door"),
        ("cafe-door", "cafe-table"), ("hall", "east"), ("east", "far-east"), ("far-east", "shop-door"),
        ("shop-door", "shop-shelf"), ("hall", "lifts"), ("lifts", "lift"),
    )  # fmt: skip
    neighbours = (
        passage("street", "hall-west", 3), passage("street", "hall-east", 3), passage("hall-west", "corridor-west", 6),
        passage("hall-east", "corridor-west", 6), passage("hall-west", "corridor-east", 6),
        passage("hall-east", "corridor-east", 6), passage("hall-west", "lifts", 6), passage("hall-east", "lifts", 6),
        passage("corridor-west", "cafe", 6), passage("corridor-east", "shop", 6),
    )  # fmt: skip
    return Scene(
        "eight-cameras",
        watches,
        places,
        ways,
        (Crowd(people=40, first_s=-120.0, last_s=210.0),),
        length_s=300.0,
        neighbours=neighbours,
        overlaps=(("hall-west", "hall-east"),),
    )


def corridor() -> Scene:
    """Five cameras along a corridor that see no common floor: only time and looks tell who walks on."""
    areas = {f"corridor-{n + 1}": Area(22.0 * n, 0, 22.0 * n + 12.0, 4) for n in range(5)}
    watches = tuple(watch(name, area, (area.x1, area.y2)) for name, area in areas.items())
    places = {f"at-{n}": Place((11.0 * n, 2), stop=n % 2 == 0, spread_m=0.8) for n in range(-1, 11)}
    places["at--1"], places["at-10"] = Place((-12, 2), gate=True), Place((112, 2), gate=True)
    names = list(places)
    names_of = [watch.camera.name for watch in watches]
    return Scene(
        "corridor",
        watches,
        places,
        tuple(pairwise(names)),
        (Crowd(people=30, first_s=-60.0, last_s=240.0, stops=(0, 2), wait_s=8.0),),
        length_s=300.0,
        neighbours=tuple(passage(a, b, 10) for a, b in pairwise(names_of)),
        overlaps=(),
    )


def square() -> Scene:
    """Four calibrated cameras in the corners of one square: everybody is in several pictures at once."""
    area = Area(0, 0, 18, 18)
    corners = {"south-west": (0, 0), "south-east": (18, 0), "north-east": (18, 18), "north-west": (0, 18)}
    watches = tuple(watch(name, area, corner) for name, corner in corners.items())
    places = {
        "west": Place((-4, 9), gate=True),
        "east": Place((22, 9), gate=True),
        "south": Place((9, -4), gate=True),
        "north": Place((9, 22), gate=True),
        "fountain": Place((9, 9), spread_m=2.0),
        "kiosk": Place((5, 12), stop=True, spread_m=2.0),
        "bench": Place((13, 6), stop=True, spread_m=2.0),
        "stairs": Place((12, 13), stop=True, spread_m=2.0),
    }
    ways = (
        ("west", "fountain"), ("east", "fountain"), ("south", "fountain"), ("north", "fountain"), ("kiosk", "fountain"),
        ("bench", "fountain"), ("stairs", "fountain"), ("west", "kiosk"), ("south", "bench"), ("north", "stairs"),
    )  # fmt: skip
    names = list(corners)
    return Scene(
        "square",
        watches,
        places,
        ways,
        (Crowd(people=24, first_s=-60.0, last_s=150.0, wait_s=10.0),),
        length_s=180.0,
        overlaps=tuple((a, b) for i, a in enumerate(names) for b in names[i + 1 :]),
        calibrated=True,
    )


def canteen() -> Scene:
    """Three cameras, two of them in one room full of tables and shelves: most people are half hidden, for long."""
    room, till = Area(0, 0, 16, 12), Area(22, 0, 32, 8)
    watches = (watch("room-west", room, (0, 12)), watch("room-east", room, (16, 12)), watch("till", till, (32, 8)))
    rows = [(x, y) for x in (2.0, 6.0, 10.0) for y in (2.0, 5.0, 8.0)]
    tables = [Block(Area(x, y, x + 2.4, y + 0.8), 1.0) for x, y in rows]
    places = {f"table-{n}": Place((x + 1.2, y - 0.7), stop=True, spread_m=0.8) for n, (x, y) in enumerate(rows)}
    aisles = {f"aisle-{n}": Place((13.8, y)) for n, y in enumerate((1.3, 4.3, 7.3))}
    others = {
        "door": Place((18, 4), spread_m=0.5),
        "till": Place((27, 4), stop=True, spread_m=1.5),
        "exit": Place((36, 4), gate=True),
        "back": Place((-4, 4.3), gate=True),
    }
    ways = [(f"table-{n}", f"aisle-{n % 3}") for n in range(len(rows))]
    ways += [(name, "door") for name in aisles]
    ways += [("door", "till"), ("till", "exit"), ("back", "table-1")]
    return Scene(
        "crowd",
        watches,
        places | aisles | others,
        tuple(ways),
        (Crowd(people=30, first_s=-120.0, last_s=180.0, wait_s=35.0, stops=(1, 3)),),
        length_s=240.0,
        furniture=(*tables, Block(Area(13, 9.5, 15.5, 10.2), 1.6)),
        neighbours=(passage("room-west", "till", 6), passage("room-east", "till", 6)),
        overlaps=(("room-west", "room-east"),),
    )
