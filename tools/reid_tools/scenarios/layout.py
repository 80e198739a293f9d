"""A site as plain data: cameras and what they can see of the floor, places and ways, and who comes."""

from __future__ import annotations

from dataclasses import dataclass

from reid_tools.footage.camera import Camera

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of floor, metres."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def middle(self) -> Point:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of furniture, which hides whoever stands behind it: an upright box on the floor, metres."""

    area: Area
    height_m: float


@dataclass(frozen=True, slots=True)
class Watch:
    """A camera and the floor that walls leave it to see. `clock_s` is what its clock is ahead of the true time."""

    camera: Camera
    area: Area
    clock_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """A point that people walk to. People linger at a `stop`, spread by `spread_m`; they come and go by a `gate`."""

    at: Point
    stop: bool = False
    gate: bool = False
    spread_m: float = 1.0


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Cameras between which people walk directly, and how long that takes, both ways."""

    first: str
    second: str
    min_s: float
    max_s: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who comes and how they behave.

    People come between `first_s` and `last_s`, visit `stops` (fewest, most) places for `wait_s` (median) each, and
    leave. `visits` is how often one person comes (fewest, most), with `away_s` (shortest, longest) between. The share
    `in_groups` walks in twos and threes. `places` are those that they go to, all where none is named. `uniformed`
    people are dressed alike.
    """

    people: int
    first_s: float
    last_s: float
    stops: tuple[int, int] = (1, 4)
    wait_s: float = 12.0
    visits: tuple[int, int] = (1, 2)
    away_s: tuple[float, float] = (20.0, 90.0)
    in_groups: float = 0.25
    places: tuple[str, ...] = ()
    uniformed: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is needed to simulate a site. `calibrated` cameras tell their homography in cameras.yaml.

    `overlaps` names the pairs of cameras that see a common part of the floor, None where cameras.yaml is silent.
    Between the moments `paused_s` the cameras and the process do not run. Each camera's clock is ahead of the true time
    by up to `clock_spread_s`.
    """

    name: str
    watches: tuple[Watch, ...]
    places: dict[str, Place]
    ways: tuple[tuple[str, str], ...]
    crowds: tuple[Crowd, ...]
    length_s: float
    furniture: tuple[Block, ...] = ()
    neighbours: tuple[Neighbours, ...] = ()
    overlaps: tuple[tuple[str, str], ...] | None = None
    calibrated: bool = False
    fps: float = 10.0
    ghosts_per_min: float = 0.3
    paused_s: tuple[float, float] | None = None
    clock_spread_s: float = 0.0

    @property
    def uniformed(self) -> frozenset[int]:
        """The numbers of those who are dressed alike; people are numbered crowd after crowd."""
        numbers: list[int] = []
        first = 0
        for crowd in self.crowds:
            numbers += range(first, first + crowd.people) if crowd.uniformed else ()
            first += crowd.people
        return frozenset(numbers)

    @property
    def shifts(self) -> tuple[tuple[float, float], ...]:
        """When the cameras run, start and end each."""
        if self.paused_s is None:
            return ((0.0, self.length_s),)
        return (0.0, self.paused_s[0]), (self.paused_s[1], self.length_s)

    def __post_init__(self) -> None:
        joined = {name for way in self.ways for name in way}
        if joined != set(self.places):
            odd = sorted(joined ^ set(self.places))
            raise ValueError(f"Scene {self.name}: every place needs a way and every way two places; look at {odd}")
