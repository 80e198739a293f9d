"""The scenes by name. Each is a function, so that its first line can say what it is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reid_tools.scenarios.layout import Area, Crowd, Place, Scene
from reid_tools.scenarios.sites import canteen, corridor, office, square, watch

HOUR_S = 3600.0


def uniforms() -> Scene:
    """The office with ten people dressed alike among ten others."""
    staff = Crowd(people=10, first_s=-120.0, last_s=120.0, stops=(2, 5), uniformed=True)
    visitors = Crowd(people=10, first_s=-120.0, last_s=180.0)
    return replace(office(), name="uniforms", crowds=(staff, visitors), length_s=240.0)


def comeback() -> Scene:
    """The corridor twice, an hour apart and with the process restarted: most come back, some do not, others are new."""
    back = Crowd(
        people=16, first_s=-30.0, last_s=150.0, stops=(0, 2), wait_s=8.0, visits=(2, 2), away_s=(HOUR_S, HOUR_S + 120.0)
    )
    gone = replace(back, people=6, visits=(1, 1))
    new = replace(gone, first_s=HOUR_S + 60.0, last_s=HOUR_S + 330.0, people=8)
    return replace(
        corridor(),
        name="return",
        crowds=(back, gone, new),
        length_s=HOUR_S + 420.0,
        paused_s=(240.0, HOUR_S + 60.0),
    )


def clock_offsets() -> Scene:
    """The office with a calibrated hall, every camera's clock up to two seconds ahead of the true time."""
    return replace(office(), name="clock-offsets", calibrated=True, clock_spread_s=2.0)


def distractor() -> Scene:
    """The corridor, and a camera elsewhere whose people never come to it."""
    site = corridor()
    room = Area(0, 40, 12, 50)
    places = {
        "other-gate": Place((-4, 45), gate=True),
        "other-end": Place((16, 45), gate=True),
        "other-counter": Place((6, 45), stop=True, spread_m=2.0),
    }
    elsewhere = Crowd(people=15, first_s=-60.0, last_s=240.0, places=tuple(places))
    inside = tuple(replace(crowd, places=tuple(site.places)) for crowd in site.crowds)
    return replace(
        site,
        name="distractor",
        watches=(*site.watches, watch("elsewhere", room, (0, 50))),
        places=site.places | places,
        ways=(*site.ways, ("other-gate", "other-counter"), ("other-counter", "other-end")),
        crowds=(*inside, elsewhere),
    )


def day() -> Scene:
    """The office for 24 hours with about 20 people in view, at two frames a second: for speed and memory."""
    staff = Crowd(people=12, first_s=0.0, last_s=600.0, stops=(300, 320), wait_s=300.0, visits=(1, 1), in_groups=0.0)
    visitors = Crowd(people=900, first_s=0.0, last_s=24 * HOUR_S, stops=(1, 4), wait_s=60.0)
    return replace(office(), name="day", crowds=(staff, visitors), length_s=24 * HOUR_S, fps=2.0)


def hour() -> Scene:
    """An hour of the same, twelve windows long: do those who stay keep one identity?"""
    staff, visitors = day().crowds
    visitors = replace(visitors, people=40, last_s=HOUR_S)
    return replace(day(), name="hour", crowds=(staff, visitors), length_s=HOUR_S)


SCENES: dict[str, Callable[[], Scene]] = {
    "eight-cameras": office,
    "corridor": corridor,
    "square": square,
    "uniforms": uniforms,
    "crowd": canteen,
    "return": comeback,
    "clock-offsets": clock_offsets,
    "distractor": distractor,
    "hour": hour,
    "day": day,
}
LONG = frozenset({"hour", "day"})
"""Scenes that take long to simulate; `score` leaves them out unless they are named."""
