"""Simulated looks are as hard to tell apart as real ones: the table in `appearance` is held here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from reid_pipeline.types import EncodedStep
from reid_tools.evaluate.align import iou
from reid_tools.evaluate.clear import best_pairs
from reid_tools.evaluate.truth import CameraTruth
from reid_tools.scenarios.appearance import CameraLooks, Energies, Sight, Wardrobe
from reid_tools.scenarios.catalogue import uniforms
from reid_tools.scenarios.filming import Filmed, TruthRow
from reid_tools.scenarios.layout import Crowd
from reid_tools.scenarios.likeness import Likeness, likenesses
from reid_tools.scenarios.sites import square
from reid_tools.scenarios.world import make_world

# mean cosines measured on PETS and UFES; a simulated one must lie between both, or this near to one of them
MEASURED = {
    "one track, 0 to 0.3 s": (0.82, 0.90),
    "one track, 0.3 to 0.7 s": (0.81, 0.85),
    "one track, 0.7 to 1.5 s": (0.74, 0.78),
    "one track, 1.5 to 3 s": (0.69, 0.73),
    "one track, 3 to 6 s": (0.64, 0.69),
    "one track, 6 to 12 s": (0.58, 0.64),
    "one person, other track, same camera": (0.54, 0.69),
    "one person, other camera": (0.50, 0.50),
    "two people, same camera": (0.12, 0.25),
    "two people, other cameras": (0.09, 0.18),
    "one person, other camera, 0.35 to 0.5": (0.42, 0.50),
    "one person, other camera, 0.7 to 1": (0.53, 0.53),
}
NEAR = 0.06
DEVIATION = {"one person, other camera": (0.11, 0.18), "two people, other cameras": (0.07, 0.12)}


@pytest.fixture(scope="module")
def filmed() -> list[Filmed]:
    scene = replace(square(), length_s=60.0, crowds=(Crowd(people=14, first_s=-60.0, last_s=30.0),))
    return list(make_world(scene, seed=3, tuning=True).film(0.0, scene.length_s))


@pytest.fixture(scope="module")
def measured(filmed: list[Filmed]) -> dict[str, Likeness]:
    names = {each.step.camera for each in filmed}
    rows = {name: [row for each in filmed if each.step.camera == name for row in each.truth] for name in names}
    return likenesses((each.step for each in filmed), {name: _truth(rows[name]) for name in names})


def _truth(rows: Iterable[TruthRow]) -> CameraTruth:
    rows = list(rows)
    return CameraTruth(
        np.array([row.frame - 1 for row in rows]),
        np.array([row.person for row in rows]),
        np.array([row.xyxy for row in rows]),
        np.array([not row.scored for row in rows]),
    )


@pytest.mark.parametrize("kind", MEASURED)
def test_the_mean_is_that_of_real_looks(measured: dict[str, Likeness], kind: str) -> None:
    low, high = MEASURED[kind]
    assert low - NEAR <= measured[kind].mean <= high + NEAR


@pytest.mark.parametrize("kind", DEVIATION)
def test_so_is_the_spread(measured: dict[str, Likeness], kind: str) -> None:
    low, high = DEVIATION[kind]
    assert low <= measured[kind].deviation <= high


def test_tracks_break_and_mix_as_often_as_real_ones(filmed: list[Filmed]) -> None:
    latest: dict[tuple[str, int], int] = {}
    shown: dict[tuple[str, int], Counter[int]] = {}
    changes = boxes = 0
    for each in filmed:
        rows, tracked = [row for row in each.truth if row.scored], each.step.tracked
        if not rows or not len(tracked):
            continue
        overlap = iou(np.array([row.xyxy for row in rows]), tracked.xyxy.astype(np.float64))
        for row, column in zip(*best_pairs(np.where(overlap >= 0.5, overlap, 0.0)), strict=True):
            person, track = (each.step.camera, rows[row].person), int(tracked.track_id[column])
            changes += latest.get(person, track) != track
            latest[person] = track
            shown.setdefault((each.step.camera, track), Counter())[rows[row].person] += 1
            boxes += 1
    assert 0.6 < changes / (boxes / 600) < 9.2
    assert 0.85 < sum(max(people.values()) for people in shown.values()) / boxes <= 1.0


def test_the_energies_of_a_good_look_sum_to_one() -> None:
    energies = Energies()
    parts = (energies.site, energies.camera, energies.person, energies.place, energies.side, energies.pose)
    assert sum(parts) + energies.noise == pytest.approx(1.0)


def _looks(person: int, *, quality: float = 0.9, weight_of_other: float = 0.0, wardrobe: Wardrobe) -> np.ndarray:
    camera = CameraLooks(wardrobe, 0, np.random.default_rng(person))
    sights = [Sight(person, 0.3, 1.0), Sight(person + 1, 0.3, weight_of_other)][: 2 if weight_of_other else 1]
    return np.stack([camera.look(sights, quality, 10.0 * n) for n in range(40)]).astype(np.float64)


def test_uniforms_make_people_alike_but_not_the_same() -> None:
    scene = uniforms()
    assert len(scene.uniformed) == 10
    wardrobe = Wardrobe((1,), uniformed=frozenset({0, 1}))
    same, alike, others = (
        float((_looks(0, wardrobe=wardrobe)[:20] @ _looks(n, wardrobe=wardrobe)[20:].T).mean()) for n in (0, 1, 2)
    )
    assert same - 0.05 > alike > others + 0.15


def test_who_stands_in_front_is_mixed_in() -> None:
    wardrobe = Wardrobe((2,), uniformed=frozenset())
    clear, other = _looks(0, wardrobe=wardrobe), _looks(1, wardrobe=wardrobe)
    hidden = _looks(0, weight_of_other=1.5, wardrobe=wardrobe)
    assert (hidden @ other.T).mean() > (hidden @ clear.T).mean() > (clear @ other.T).mean()


def test_poor_crops_are_less_like_the_person() -> None:
    wardrobe = Wardrobe((3,), uniformed=frozenset())
    good = _looks(0, wardrobe=wardrobe)
    likeness = [float((good @ _looks(0, quality=q, wardrobe=wardrobe).T).mean()) for q in (0.9, 0.5, 0.3)]
    assert likeness[0] > likeness[1] > likeness[2]


def test_looks_have_length_one_and_do_not_depend_on_who_was_asked_for_before() -> None:
    wardrobe, again = (Wardrobe((4,), uniformed=frozenset()) for _ in range(2))
    for number in range(600):
        again.person(number)
    looks = _looks(5, wardrobe=wardrobe)
    assert np.allclose(np.linalg.norm(looks, axis=1), 1.0)
    assert np.array_equal(looks, _looks(5, wardrobe=again))


def test_a_journal_without_known_people_has_no_likeness() -> None:
    steps: list[EncodedStep] = []
    assert likenesses(steps, {}) == {}
