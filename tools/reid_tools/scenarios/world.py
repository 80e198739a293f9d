"""From a scene and a seed to the steps of all its cameras in the order of a journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import merge
from zlib import crc32

import numpy as np

from reid_tools.scenarios.appearance import CameraLooks, Wardrobe
from reid_tools.scenarios.filming import Film, Filmed, Shift
from reid_tools.scenarios.layout import Scene
from reid_tools.scenarios.walking import Walk, walks

REPORTED, TUNING = 0, 1
_WALKS, _DRESS, _PHASES, _FILM, _CLOCKS = range(5)


@dataclass(frozen=True, slots=True)
class World:
    """A scene with everything drawn: who walks where and what they look like.

    Worlds for tuning and reported ones never share a number that was drawn: which of them a world is stands first in
    every seed.
    """

    scene: Scene
    walks: tuple[Walk, ...]
    wardrobe: Wardrobe
    seed: tuple[int, int, int]

    def film(self, start_s: float, end_s: float) -> Iterator[Filmed]:
        """What all cameras film between two moments of the true time, by the cameras' own clocks, then camera order.

        The first frames come within a frame's time of `start_s`; frames and track ids count anew in every call.
        """
        phases = np.random.default_rng((*self.seed, _PHASES)).uniform(
            0.0, 1.0 / self.scene.fps, len(self.scene.watches)
        )
        films = [
            self._numbered(order, Shift(start_s, end_s, float(phase)), round(start_s))
            for order, phase in enumerate(phases)
        ]
        for _, _, filmed in merge(*films, key=lambda item: item[:2]):
            yield filmed

    def _numbered(self, order: int, shift: Shift, part: int) -> Iterator[tuple[int, int, Filmed]]:
        seed = (*self.seed, _FILM, order, part)
        looks = CameraLooks(self.wardrobe, order, np.random.default_rng((*seed, 1)))
        film = Film(self.scene, self.scene.watches[order], self.walks, looks=looks, seed=(*seed, 2))
        for filmed in film.frames(shift):
            yield filmed.step.timestamp_ns, order, filmed


def make_world(scene: Scene, *, seed: int, tuning: bool) -> World:
    """Draw everything about a scene; the same arguments give the same world."""
    numbers = (TUNING if tuning else REPORTED, seed, crc32(scene.name.encode()))
    ahead = np.random.default_rng((*numbers, _CLOCKS)).uniform(0.0, scene.clock_spread_s, len(scene.watches))
    watches = tuple(replace(each, clock_s=float(clock)) for each, clock in zip(scene.watches, ahead, strict=True))
    return World(
        scene=replace(scene, watches=watches),
        walks=walks(scene, np.random.default_rng((*numbers, _WALKS))),
        wardrobe=Wardrobe((*numbers, _DRESS), uniformed=scene.uniformed),
        seed=numbers,
    )
