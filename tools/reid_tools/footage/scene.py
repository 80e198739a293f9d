"""A scene as plain data: what stands where, who looks on, and where people may go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from reid_tools.footage.camera import Camera
from reid_tools.footage.stage import Light

Kind = Literal["ground", "block", "post", "tree", "bench", "planter", "lamp", "bin", "sign"]


@dataclass(frozen=True, slots=True)
class Prop:
    """One thing that stands still.

    `size` is its extent (x, y, z) in metres before it is turned by `heading_rad`, `at` the middle of its foot. `finish`
    names a surface of `finishes.FINISHES`, `colour` (linear RGB) its tone.
    """

    kind: Kind
    at: tuple[float, float, float]
    size: tuple[float, float, float]
    finish: str = "plain"
    colour: tuple[float, float, float] = (0.4, 0.4, 0.4)
    heading_rad: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """A point people walk to. `stop` places invite to linger; `width_m` is the room on either side of it.

    People who linger face `face_rad` when it is given.
    """

    at: tuple[float, float]
    stop: bool = False
    width_m: float = 0.8
    face_rad: float | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is needed to render some minutes of a place.

    `ways` lists which places are joined by a straight, free path; `cast_seed` draws the people, `plan_seed` what they
    do; `overlaps` names the cameras that see a common part of the floor.
    """

    name: str
    props: tuple[Prop, ...]
    places: dict[str, Place]
    ways: tuple[tuple[str, str], ...]
    cameras: tuple[Camera, ...]
    overlaps: tuple[tuple[str, str], ...]
    people: int
    frames: int = 400
    fps: int = 10
    light: Light = field(default_factory=Light)
    cast_seed: int = 1
    plan_seed: int = 1

    def __post_init__(self) -> None:
        joined = {name for way in self.ways for name in way}
        if joined != set(self.places):
            odd = sorted(joined ^ set(self.places))
            raise ValueError(f"Scene {self.name}: every place needs a way and every way two places; look at {odd}")
