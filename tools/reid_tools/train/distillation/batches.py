"""One batch: what the teacher sees, what the student sees of it, and what is hidden from the student."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reid_tools.occlusion.library import load_occluders
from reid_tools.train.distillation import covers, views
from reid_tools.train.distillation.pictures import Pool
from reid_tools.train.sampler import PersonBatches

Picture = NDArray[np.uint8]

_BOX = 0.06  # how far a detector's boxes are off, as a share of the side


@dataclass(frozen=True, slots=True)
class Batch:
    """B pictures; RGB uint8.

    `whole` (B, 256, 128, 3) is for the teacher, `seen` (B, height, width, 3) for the student. `covered` float32
    (B, rows, columns) is the hidden share of each of the student's tokens. `labels` int64 (B,) says who it is, -1 where
    nobody knows.
    """

    whole: Picture
    seen: Picture
    covered: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mix:
    """How a batch is made up: `pictures` of unknown people, `persons` known ones (or none) with `views` pictures each.

    `hidden` is the share of pictures with something in front, `redressed` of new clothes, `recoloured` of new colours.
    """

    pictures: int
    persons: int
    views: int
    hidden: float
    redressed: float
    recoloured: float


class Batches:
    """Batches by number: the n-th is the same whenever and wherever it is asked for.

    `known` may be None where the mix has no known persons.
    """

    def __init__(
        self, unknown: Pool, known: Pool | None, mix: Mix, *, seed: int, size: tuple[int, int], stride: int
    ) -> None:
        self._unknown, self._mix, self._seed = unknown, mix, seed
        self._things = load_occluders()
        self._size = size
        self._grid = (size[0] // stride, size[1] // stride)
        self._known = _Known(known, mix, seed) if known else None
        self.persons = len(np.unique(known.labels)) if known else 0

    def __getitem__(self, number: int) -> Batch:
        rng = np.random.default_rng([self._seed, number])
        chosen = rng.choice(len(self._unknown.pictures), self._mix.pictures, p=self._unknown.chances)
        whole = [self._somebody(index, rng) for index in chosen]
        labels = self._unknown.labels[chosen]
        if self._known:
            pictures, known_labels = self._known[number]
            whole += [views.reframed(picture, rng, most=_BOX / 2) for picture in pictures]
            labels = np.concatenate([labels, known_labels])
        whole = [picture[:, ::-1] if rng.random() < 0.5 else picture for picture in whole]
        made = [self._seen(picture, whole[rng.integers(len(whole))], rng) for picture in whole]
        seen, covered = zip(*made, strict=True)
        return Batch(np.stack(whole), np.stack(seen), np.stack(covered), labels)

    def _somebody(self, index: int, rng: np.random.Generator) -> Picture:
        picture = self._unknown.pictures[index]
        if rng.random() < self._mix.redressed:
            legs = rng.choice(len(self._unknown.pictures))
            picture = views.dressed_from_two(picture, self._unknown.pictures[legs], rng)
        if rng.random() < self._mix.recoloured:
            picture = views.recoloured(picture, rng)
        return views.reframed(picture, rng, most=_BOX / 2)

    def _seen(self, picture: Picture, other: Picture, rng: np.random.Generator) -> tuple[Picture, NDArray[np.float32]]:
        seen = views.reframed(picture, rng, most=_BOX)
        hidden = np.zeros(seen.shape[:2], bool)
        if rng.random() < self._mix.hidden:
            kind = rng.random()
            if kind < 0.45:
                seen, hidden = covers.covered_by_shape(seen, other, rng)
            elif kind < 0.75:
                seen, hidden = covers.covered_by_person(seen, other, rng)
            else:
                seen, hidden = covers.covered_by_thing(np.ascontiguousarray(seen), self._things, rng)
        if rng.random() < 0.7:
            seen = views.relit(np.ascontiguousarray(seen), rng)
        if rng.random() < 0.4:
            seen = views.worn(seen, rng)
        height, width = self._size
        if seen.shape[:2] != self._size:
            seen = np.asarray(cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        rows, columns = self._grid
        covered = cv2.resize(hidden.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
        return seen, np.asarray(covered, np.float32)


class _Known:
    """Pictures of known persons by the number of the batch."""

    def __init__(self, pool: Pool, mix: Mix, seed: int) -> None:
        self._pool = pool
        self._persons = PersonBatches(pool.labels.tolist(), persons=mix.persons, pictures=mix.views, seed=seed)
        self._per_epoch = len(self._persons.epoch(0))
        self._epoch: tuple[int, list[NDArray[np.int64]]] = (-1, [])

    def __getitem__(self, number: int) -> tuple[Picture, NDArray[np.int64]]:
        epoch, place = divmod(number, self._per_epoch)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._persons.epoch(epoch))
        batches = self._epoch[1]
        # Epochs differ by a batch or two where persons have unequal numbers of pictures.
        chosen = batches[place % len(batches)]
        return self._pool.pictures[chosen], self._pool.labels[chosen]
