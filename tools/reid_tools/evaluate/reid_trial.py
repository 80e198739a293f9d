"""One encoder on one data set, and all the ways of hiding its queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reid_pipeline.errors import ConfigError
from reid_pipeline.runtime.report import Progress
from reid_pipeline.types import Image
from reid_tools.datasets import DISTRACTOR, Dataset, Picture
from reid_tools.evaluate.ranking import Float32, Ints, Labels, cosines, rank
from reid_tools.evaluate.reid_encoding import Kept, at_size, donor_reader, encode
from reid_tools.evaluate.reid_models import Model
from reid_tools.evaluate.reid_result import Curve, EncoderScores, Point, Try
from reid_tools.evaluate.rerank import Reranking, reranked
from reid_tools.evaluate.stress import MASKS, Draw, covered, masked

MASK, DISTRACTOR_IN_FRONT = "mask", "distractor"
FROM_GALLERY, FROM_OUTSIDE = "gallery", "outside"
EVERY_FAMILY = "all"

Tries = Mapping[str, Try]
"""What came of one way of asking, by the part of the encoder."""


@dataclass(frozen=True, slots=True)
class Stress:
    """What is done to queries. Levels are percent of their area, above 0 and in order.

    `families` are keys of `stress.MASKS`. People in front come from the gallery, and from `donors`, pictures of people
    that are not in it, where there are any.
    """

    masks: tuple[int, ...] = ()
    families: tuple[str, ...] = tuple(MASKS)
    distractors: tuple[int, ...] = ()
    donors: tuple[Picture, ...] = ()
    seeds: int = 3

    def ways(self) -> list[Way]:
        """Every condition and kind that is asked for."""
        sources = [FROM_GALLERY, FROM_OUTSIDE] if self.donors else [FROM_GALLERY]
        return [Way(MASK, family, self.masks) for family in self.families if self.masks] + [
            Way(DISTRACTOR_IN_FRONT, source, self.distractors) for source in sources if self.distractors
        ]


@dataclass(frozen=True, slots=True)
class Way:
    """One way of hiding queries, at several levels."""

    condition: str
    kind: str
    levels: tuple[int, ...]


class Trial:
    """Encodes the gallery once and the queries once for every way, level and seed."""

    def __init__(
        self, dataset: Dataset, queries: Kept, model: Model, reranking: Reranking | None, progress: Progress
    ) -> None:
        self.counted = 0
        self._dataset, self._queries, self._model = dataset, queries, model
        self._reranking, self._progress = reranking, progress
        self._asking, self._asked = Labels.of(dataset.query), Labels.of(dataset.gallery)
        self._task, self._done = f"encoding with {model.name}", 0
        self._gallery: Mapping[str, Float32] = {}
        self._donor_image = donor_reader(model.view.width, model.view.height)

    def scores(self, stress: Stress) -> list[EncoderScores]:
        """The figures of the encoder, or of each of its parts."""
        ways = stress.ways()
        own_gallery = self._dataset.query is self._dataset.gallery
        rounds = 1 + stress.seeds * sum(len(way.levels) for way in ways)
        once = 0 if own_gallery else len(self._dataset.gallery)
        self._progress.begin(self._task, once + rounds * len(self._dataset.query))
        try:
            query = self._encoded(self._query_images(keep=bool(ways)))
            gallery = query if own_gallery else self._encoded(self._read(self._dataset.gallery))
            self._gallery = self._model.split(gallery)
            clean = self._judged(query)
            tries = {
                way: [[self._hidden(way, level, seed, stress) for seed in range(stress.seeds)] for level in way.levels]
                for way in ways
            }
        finally:
            self._progress.end(self._task)
        return [self._score(part, clean[part], _curves(part, clean[part], tries)) for part in clean]

    def _score(self, part: str, clean: Try, curves: tuple[Curve, ...]) -> EncoderScores:
        model = self._model
        dim = self._gallery[part].shape[1]
        return EncoderScores(model.given, model.name, part, model.sha256, dim, model.view.fill, clean.figures, curves)

    def _hidden(self, way: Way, level: int, seed: int, stress: Stress) -> Tries:
        if way.condition == MASK:
            return self._judged(self._encoded(self._masked(way.kind, level, seed)))
        donors = self._donors(way, level, seed, stress)
        people = [donor.person for donor in donors]
        rows = self._encoded(self._covered(donors, level, seed))
        return self._judged(rows, np.array(people) if way.kind == FROM_GALLERY else None)

    def _judged(self, rows: Float32, in_front: Ints | None = None) -> Tries:
        """Rank the gallery for queries with these rows, and see how often it is led by the person in front."""
        tries = {}
        for part, query in self._model.split(rows).items():
            gallery = self._gallery[part]
            scores = reranked(query, gallery, self._reranking) if self._reranking else cosines(query, gallery)
            ranking = rank(scores, self._asking, self._asked, other_cameras_only=self._dataset.other_cameras_only)
            self.counted = int(ranking.matched.sum())
            captured = None
            if in_front is not None:
                captured = float((self._asked.person[ranking.top] == in_front)[ranking.matched].mean())
            tries[part] = Try(ranking.figures(), captured)
        return tries

    def _encoded(self, images: Iterable[Image]) -> Float32:
        return encode(self._model, images, self._advance)

    def _advance(self, count: int) -> None:
        self._done += count
        self._progress.advance(self._task, self._done)

    def _read(self, pictures: Sequence[Picture]) -> Iterator[Image]:
        view = self._model.view
        return (at_size(picture.path, view.width, view.height) for picture in pictures)

    def _query_images(self, *, keep: bool) -> Iterable[Image]:
        """The queries as they are, kept for being hidden where that is still to come."""
        view = self._model.view
        return self._queries.at(view.width, view.height) if keep else self._read(self._dataset.query)

    def _masked(self, family: str, level: int, seed: int) -> Iterator[Image]:
        for image, picture in zip(self._query_images(keep=True), self._dataset.query, strict=True):
            yield masked(image, Draw(picture.path.name, family, level / 100, seed), self._model.view.fill)

    def _covered(self, donors: Sequence[Picture], level: int, seed: int) -> Iterator[Image]:
        for image, picture, donor in zip(self._query_images(keep=True), self._dataset.query, donors, strict=True):
            draw = Draw(picture.path.name, DISTRACTOR_IN_FRONT, level / 100, seed)
            yield covered(image, self._donor_image(donor.path), draw)

    def _donors(self, way: Way, level: int, seed: int, stress: Stress) -> list[Picture]:
        """Another person's picture for every query, drawn from all those of the source."""
        source = stress.donors
        if way.kind == FROM_GALLERY:
            source = tuple(picture for picture in self._dataset.gallery if picture.person != DISTRACTOR)
            if len({picture.person for picture in source}) < 2:
                raise ConfigError(
                    f"{self._dataset.folder}: expected two people or more to put one in front of another, found one"
                )
        drawn = []
        for query in self._dataset.query:
            random = Draw(query.path.name, f"donor {way.kind}", level / 100, seed).random()
            donor = source[random.integers(len(source))]
            while donor.person == query.person != DISTRACTOR:
                donor = source[random.integers(len(source))]
            drawn.append(donor)
        return drawn


def _curves(part: str, clean: Try, tries: Mapping[Way, list[list[Tries]]]) -> tuple[Curve, ...]:
    """A curve for every way, and one for the mean of all families of masks where there are several."""
    found = {way: [[each[part] for each in seeds] for seeds in levels] for way, levels in tries.items()}
    masks = [way for way in found if way.condition == MASK]
    if len(masks) > 1:
        every = Way(MASK, EVERY_FAMILY, masks[0].levels)
        merged = [
            [Try.mean(families) for families in zip(*at_level, strict=True)]
            for at_level in zip(*(found[way] for way in masks), strict=True)
        ]
        rest = {way: levels for way, levels in found.items() if way.condition != MASK}
        found = {**{way: found[way] for way in masks}, every: merged, **rest}
    start = Point.over(0, [clean])
    return tuple(
        Curve(way.condition, way.kind, (start, *map(Point.over, way.levels, levels))) for way, levels in found.items()
    )
