"""What is kept of all the looks that somebody ever showed."""

from __future__ import annotations

import numpy as np

from reid_pipeline.core.looks import Look
from reid_pipeline.core.portrait import PORTRAIT_LOOKS, Portrait, portrait
from reid_pipeline.core.similarity import quantise

DIM = 32


def looks(count: int, *, seed: int = 0, quality: float = 0.5) -> list[Look]:
    rng = np.random.default_rng(seed)
    drawn = np.eye(DIM)[0] + rng.normal(scale=0.2, size=(count, DIM))
    vectors = quantise((drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32))
    return [Look("a", 1_000_000 * moment, quality, vector) for moment, vector in enumerate(vectors)]


def same(one: Portrait, other: Portrait) -> bool:
    return [str(look) for look in one.looks()] == [str(look) for look in other.looks()] and np.array_equal(
        one.vectors, other.vectors
    )


def test_it_is_the_same_however_the_looks_came() -> None:
    shown = looks(300)
    whole = portrait(shown)
    assert len(whole) == PORTRAIT_LOOKS
    assert same(whole, portrait(reversed(shown)))
    assert same(whole, portrait(shown[:100]).joined(shown[100:]))
    assert same(whole, portrait(shown[200:]).joined(portrait(shown[:250]).looks()))


def test_a_few_looks_are_all_kept_exactly() -> None:
    shown = looks(5)
    kept = portrait([*shown, shown[2]])
    np.testing.assert_array_equal(kept.vectors, [look.vector for look in shown])
    assert [look.timestamp_ns for look in kept.looks()] == [look.timestamp_ns for look in shown]


def test_its_mean_is_that_of_all_looks_but_for_chance() -> None:
    shown = looks(2000)
    mean = np.mean([look.vector for look in shown], axis=0)
    assert portrait(shown).mean @ (mean / np.linalg.norm(mean)) > 0.97


def test_a_few_that_show_somebody_else_hardly_change_the_mean() -> None:
    """A memory that kept the most different looks was left with these alone."""
    own = looks(500)
    strangers = [Look("b", look.timestamp_ns, 0.5, np.roll(look.vector, 7)) for look in looks(25, seed=1)]
    assert portrait(own).joined(strangers).mean @ portrait(own).mean > 0.95


def test_good_looks_are_kept_rather_than_poor_ones() -> None:
    poor = looks(200, quality=0.05)
    good = [Look("b", look.timestamp_ns, 0.9, look.vector) for look in looks(200, seed=1)]
    kept = portrait([*poor, *good])
    assert kept.cameras.count("b") > 0.8 * PORTRAIT_LOOKS


def test_who_has_turned_round_is_like_the_looks_of_that_side() -> None:
    front = looks(200)
    back = [Look("b", look.timestamp_ns, 0.5, np.roll(look.vector, 9)) for look in looks(100, seed=1)]
    both, seen = portrait([*front, *back]), portrait(back).mean
    assert both.mean @ seen < 0.7
    (likeness,) = both.likeness(seen[None]).tolist()
    assert likeness > 0.6
    assert likeness > portrait(front).likeness(seen[None])[0] + 0.4


def test_of_nobody_there_is_nothing() -> None:
    assert len(portrait([])) == 0
    assert portrait([]).looks() == []
