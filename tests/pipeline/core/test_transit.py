"""How long people take from camera to camera, learned from tracklets that are surely one person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from made_up_site import key
from reid_pipeline.core.similarity import Float64
from reid_pipeline.core.topology import Travel
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.core.transit import COST, EDGES_S, GIVEN, WORTH, Steps, Transits
from reid_pipeline.types import NS_PER_S

Course = tuple[str, int, float, float]
"""A tracklet: its camera, who is seen, from when to when in seconds."""


def tracklets(courses: Sequence[Course]) -> list[Tracklet]:
    spans = [(camera, round(start * NS_PER_S), round(end * NS_PER_S)) for camera, _, start, end in courses]
    return [
        Tracklet(key(f"{camera}:{n}"), start, end, seen_ns=(start, end))
        for n, (camera, start, end) in enumerate(spans, 1)
    ]


def alike(courses: Sequence[Course]) -> Float64:
    """Looks that tell everybody from everybody."""
    people = np.array([person for _, person, _, _ in courses])
    return np.asarray(np.where(people[:, None] == people, 0.8, 0.2) * ~np.eye(len(people), dtype=bool))


def walked(people: int, gap_s: float, every_s: float = 17.0, first: int = 0) -> list[Course]:
    """Each is seen in `a` for 5 s, and in `b` `gap_s` later; they come one after the other."""
    starts = [(first + n, (first + n) * every_s) for n in range(people)]
    return [
        course
        for person, start in starts
        for course in (("a", person, start, start + 5), ("b", person, start + 5 + gap_s, start + 10 + gap_s))
    ]


def learn(transits: Transits, courses: Sequence[Course], likeness: Float64 | None = None) -> Steps:
    looks = alike(courses) if likeness is None else likeness
    possible = ~np.eye(len(courses), dtype=bool)
    return transits.learn(tracklets(courses), looks, possible, match=0.5, sure=0.6)


def asked(transits: Transits, gap_s: float, way: str = "ab") -> float:
    """What is said of two tracklets so far apart."""
    first, second = tracklets([(way[0], 0, 0.0, 5.0), (way[1], 0, 5.0 + gap_s, 900.0)])
    assert transits.between(first.span, second.span) == transits.between(second.span, first.span)
    return transits.between(first.span, second.span)


def test_the_usual_gap_speaks_for_one_person_and_others_against() -> None:
    transits = Transits()
    steps = learn(transits, walked(12, gap_s=9.0))
    assert steps.between([0], [1]) == steps.between([1], [0]) == asked(transits, 9.0) > 0.5 * WORTH
    assert -COST < asked(transits, 60.0) < 0.0
    assert asked(transits, 9.0) < WORTH
    assert asked(transits, 9.0, "ba") <= 0.0, "nobody walked back"


def test_little_is_said_before_much_was_seen() -> None:
    said = []
    for people in (0, 1, 4, 12):
        transits = Transits()
        learn(transits, walked(people, gap_s=9.0))
        said.append(asked(transits, 9.0))
    assert said[0] == 0.0
    assert sorted(said) == said
    assert said[1] < 0.5 * WORTH


def test_nothing_is_said_of_one_time_of_hours_and_of_cameras_never_seen() -> None:
    transits = Transits()
    learn(transits, walked(12, gap_s=9.0))
    assert asked(transits, -2.0) == 0.0
    assert asked(transits, EDGES_S[-1]) == 0.0
    assert asked(transits, EDGES_S[-1] - 0.1) != 0.0
    assert asked(transits, 9.0, "ac") == 0.0


def test_only_what_comes_next_is_a_step() -> None:
    """Everybody is in `a`, in `b` and in `a` again; from the first `a` to the second is no step."""
    courses = [
        course
        for person in range(12)
        for start in (50.0 * person,)
        for course in (
            ("a", person, start, start + 5),
            ("b", person, start + 9, start + 14),
            ("a", person, start + 20, start + 25),
        )
    ]
    transits = Transits()
    learn(transits, courses)
    assert asked(transits, 4.0) > 0.5 * WORTH
    assert asked(transits, 6.0, "ba") > 0.5 * WORTH
    assert asked(transits, 15.0, "aa") == 0.0


def test_who_comes_back_where_they_left_takes_a_step_too() -> None:
    transits = Transits()
    learn(transits, [("a", n // 2, 40.0 * n, 40.0 * n + (10 if n % 2 else 20)) for n in range(24)])
    assert asked(transits, 20.0, "aa") > 0.5 * WORTH


def test_two_groups_are_judged_by_the_steps_between_them() -> None:
    courses = walked(12, gap_s=9.0)
    steps = learn(Transits(), courses)
    usual = steps.between([0], [1])
    assert steps.between([0, 2], [1]) == pytest.approx((usual + steps.between([1], [2])) / 2), "0, then 1, then 2"
    assert steps.between([0, 1], [len(courses) + 3]) == 0.0, "who is remembered from before is at no place"


def test_looks_that_tell_nobody_from_anybody_teach_nothing() -> None:
    courses = walked(12, gap_s=9.0)
    for likeness in (0.55, 0.4):
        transits = Transits()
        learn(transits, courses, np.full((24, 24), likeness))
        assert asked(transits, 9.0) == 0.0


def test_what_is_over_is_remembered() -> None:
    courses = walked(12, gap_s=9.0)
    whole, bit_by_bit = Transits(), Transits()
    learn(whole, courses)
    everybody, likeness = tracklets(courses), alike(courses)
    for end in range(6, 25):
        here = slice(max(0, end - 10), end)
        possible = ~np.eye(len(everybody[here]), dtype=bool)
        bit_by_bit.learn(everybody[here], likeness[here, here], possible, match=0.5, sure=0.6)
    bit_by_bit.learn([], np.zeros((0, 0)), np.zeros((0, 0), np.bool_), match=0.5, sure=0.6)
    assert asked(bit_by_bit, 9.0) == pytest.approx(asked(whole, 9.0), abs=0.2 * WORTH)


def test_a_camera_that_comes_late_does_not_mix_up_the_others() -> None:
    transits = Transits()
    learn(transits, walked(12, gap_s=9.0))
    before = asked(transits, 9.0)
    learn(transits, [("c", 99, 300.0, 305.0)])
    assert asked(transits, 9.0) == before
    assert asked(transits, 9.0, "ac") == 0.0


def test_a_travel_time_that_was_given_counts_from_the_start_and_gives_way_to_what_is_seen() -> None:
    transits = Transits({("a", "b"): Travel(5, 12), ("a", "unseen"): Travel(1, 2)})
    learn(transits, [("a", 0, 0.0, 5.0), ("b", 1, 300.0, 305.0)])
    assert asked(transits, 8.0) > 0.0 > asked(transits, 100.0)
    learn(transits, walked(round(5 * GIVEN), gap_s=30.0, every_s=60.0))
    assert asked(transits, 30.0) > asked(transits, 8.0)


def test_the_order_of_the_tracklets_does_not_matter() -> None:
    courses = walked(12, gap_s=9.0)
    there, back = learn(Transits(), courses), learn(Transits(), courses[::-1])
    assert there.between([0], [1]) == back.between([23], [22])
    assert there.between([0, 5], [1]) == back.between([23, 18], [22])
