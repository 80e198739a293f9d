"""How alike looks are, by what they have to do with each other: measured on real journals, held by simulated ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.types import NS_PER_S, EncodedStep, Observation
from reid_tools.evaluate.align import iou
from reid_tools.evaluate.truth import CameraTruth
from reid_tools.scenarios.walking import Floats

LAGS_S = ((0.0, 0.3), (0.3, 0.7), (0.7, 1.5), (1.5, 3.0), (3.0, 6.0), (6.0, 12.0))
QUALITIES = ((0.2, 0.35), (0.35, 0.5), (0.5, 0.7), (0.7, 1.0))
SAME_PERSON_IOU = 0.5
MOST_LOOKS = 4000


@dataclass(frozen=True, slots=True)
class Likeness:
    """The cosines of one kind of pair of looks."""

    kind: str
    pairs: int
    mean: float
    deviation: float
    percentiles: tuple[float, float, float]

    def line(self) -> str:
        """One row of a table: kind, number, mean, standard deviation, 5th, 50th and 95th percentile."""
        low, middle, high = self.percentiles
        moments = f"{self.mean:>7.3f}{self.deviation:>7.3f}"
        return f"{self.kind:<38}{self.pairs:>9}{moments}{low:>7.2f}{middle:>6.2f}{high:>6.2f}"


def likenesses(steps: Iterable[EncodedStep], truth: Mapping[str, CameraTruth]) -> dict[str, Likeness]:
    """Cosines between the looks of a journal by kind; kinds without a pair are missing.

    Looks whose box overlaps no true one by half are left out, and of very many looks only every nth is taken.
    """
    looks, people = _known_looks(steps, truth)
    if not looks:
        return {}
    vectors = np.stack([look.vector for look in looks]).astype(np.float64)
    cosine = vectors @ vectors.T
    camera = np.unique([look.camera for look in looks], return_inverse=True)[1]
    track = np.unique([f"{look.camera}:{look.track_id}" for look in looks], return_inverse=True)[1]
    time_s = np.array([look.timestamp_ns for look in looks]) / NS_PER_S
    quality = np.array([look.quality for look in looks])
    each = np.triu(np.ones(cosine.shape, np.bool_), 1)
    person, here, one_track = _equal(people) & each, _equal(camera), _equal(track)
    lag_s, worse = np.abs(time_s[:, None] - time_s[None, :]), np.minimum(quality[:, None], quality[None, :])
    others = ~_equal(people) & each
    kinds = {f"one track, {a:g} to {b:g} s": person & one_track & (lag_s > a) & (lag_s <= b) for a, b in LAGS_S}
    kinds["one person, other track, same camera"] = person & here & ~one_track
    kinds["one person, other camera"] = person & ~here
    kinds["two people, same camera"] = others & here
    kinds["two people, other cameras"] = others & ~here
    for a, b in QUALITIES:
        between = (worse > a) & (worse <= b)
        kinds[f"one person, other camera, {a:g} to {b:g}"] = person & ~here & between
        kinds[f"two people, {a:g} to {b:g}"] = others & between
    return {kind: _likeness(kind, cosine[chosen]) for kind, chosen in kinds.items() if chosen.any()}


def _equal(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(values[:, None] == values[None, :])


def _likeness(kind: str, cosine: Floats) -> Likeness:
    low, middle, high = np.percentile(cosine, (5, 50, 95)).tolist()
    return Likeness(kind, len(cosine), float(cosine.mean()), float(cosine.std()), (low, middle, high))


def _known_looks(
    steps: Iterable[EncodedStep], truth: Mapping[str, CameraTruth]
) -> tuple[list[Observation], NDArray[np.int64]]:
    """The looks that show somebody known, and whom."""
    looks: list[Observation] = []
    people: list[int] = []
    by_frame = {camera: _by_frame(rows) for camera, rows in truth.items()}
    for step in steps:
        rows = by_frame.get(step.camera, {}).get(step.index)
        if rows is None:
            continue
        for look in step.observations:
            overlap = iou(rows[1], look.xyxy[None].astype(np.float64))[:, 0]
            if overlap.max() >= SAME_PERSON_IOU:
                looks.append(look)
                people.append(int(rows[0][overlap.argmax()]))
    thin = 1 + len(looks) // MOST_LOOKS
    return looks[::thin], np.array(people[::thin], np.int64)


def _by_frame(truth: CameraTruth) -> dict[int, tuple[NDArray[np.int64], Floats]]:
    """The people (G,) and boxes (G, 4) that count, by frame."""
    keep = np.flatnonzero(~truth.ignored)
    order = keep[np.argsort(truth.frame[keep], kind="stable")]
    frames, starts = np.unique(truth.frame[order], return_index=True)
    groups = np.split(order, starts[1:])
    return {int(f): (truth.person[g], truth.xyxy[g]) for f, g in zip(frames, groups, strict=False)}
