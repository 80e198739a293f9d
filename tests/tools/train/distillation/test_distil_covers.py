"""What is reported as covered is what cannot be seen through.

With the same draws, a white and a black picture differ behind a cover by as much as the cover lets through.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from drawn_people import drawn_person
from reid_pipeline.types import Image
from reid_tools.occlusion.library import load_occluders
from reid_tools.train.distillation import covers

Cover = Callable[[Image, Image, np.random.Generator], "tuple[Image, NDArray[np.bool_]]"]

THINGS = load_occluders()
COVERS: dict[str, Cover] = {
    "shape": covers.covered_by_shape,
    "person": covers.covered_by_person,
    "thing": lambda picture, other, rng: covers.covered_by_thing(picture, THINGS, rng),
}
BLACK, WHITE = np.zeros((256, 128, 3), np.uint8), np.full((256, 128, 3), 255, np.uint8)
OTHER = drawn_person(2)

every_cover = pytest.mark.parametrize("cover", COVERS.values(), ids=COVERS)


def masks(cover: Cover, draws: int) -> NDArray[np.bool_]:
    return np.stack([cover(BLACK, OTHER, np.random.default_rng(seed))[1] for seed in range(draws)])


@every_cover
def test_what_is_covered_is_what_hides_the_picture(cover: Cover) -> None:
    for seed in range(60):
        dark, covered = cover(BLACK, OTHER, np.random.default_rng(seed))
        bright, again = cover(WHITE, OTHER, np.random.default_rng(seed))
        np.testing.assert_array_equal(covered, again)
        seen_through = (bright.astype(int) - dark).max(axis=2)
        assert covered[seen_through < 125].all()
        assert not covered[seen_through > 130].any()


@every_cover
def test_the_picture_stays_as_it_is_beside_the_cover(cover: Cover) -> None:
    picture = drawn_person(1)
    for seed in range(40):
        made, covered = cover(picture, OTHER, np.random.default_rng(seed))
        bright, _ = cover(WHITE, OTHER, np.random.default_rng(seed))
        dark, _ = cover(BLACK, OTHER, np.random.default_rng(seed))
        open_view = (bright.astype(int) - dark == 255).all(axis=2)
        np.testing.assert_array_equal(made[open_view], picture[open_view])
        assert open_view[~covered].mean() > 0.5


@every_cover
def test_a_cover_follows_from_its_generator_and_leaves_its_pictures_alone(cover: Cover) -> None:
    picture, other = drawn_person(1), OTHER.copy()
    made, covered = cover(picture, other, np.random.default_rng(3))
    assert made.shape == (256, 128, 3)
    assert made.dtype == np.uint8
    assert covered.shape == (256, 128)
    assert covered.dtype == np.bool_
    again = cover(picture, other, np.random.default_rng(3))
    np.testing.assert_array_equal(made, again[0])
    np.testing.assert_array_equal(covered, again[1])
    np.testing.assert_array_equal(picture, drawn_person(1))
    np.testing.assert_array_equal(other, OTHER)
    assert len({mask.tobytes() for mask in masks(cover, 8)}) == 8


@pytest.mark.parametrize(
    ("name", "least", "most", "mean"),
    [
        # Scattered cells may come to a little more than the share that they were drawn with.
        ("shape", 0.02, covers.MOST + 0.12, (0.27, 0.38)),
        ("person", 0.0, 0.85, (0.2, 0.3)),
        ("thing", 0.0, covers.MOST, (0.08, 0.2)),
    ],
)
def test_how_much_is_covered(name: str, least: float, most: float, mean: tuple[float, float]) -> None:
    shares = masks(COVERS[name], 200).mean(axis=(1, 2))
    assert least < shares.min() <= shares.max() <= most
    assert mean[0] < shares.mean() < mean[1]


def test_shapes_are_rectangles_strips_and_cells() -> None:
    kinds = {"strip": 0, "rectangle": 0, "cells": 0}
    for mask in masks(covers.covered_by_shape, 90):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        whole_side = len(rows) == len(mask) or len(columns) == mask.shape[1]
        kinds["cells" if not box.all() else "strip" if whole_side else "rectangle"] += 1
    assert min(kinds.values()) >= 15


def test_fillings_are_even_noisy_or_another_picture() -> None:
    kinds = {"even": 0, "noise": 0, "picture": 0}
    for seed in range(80):
        made, covered = covers.covered_by_shape(BLACK, OTHER, np.random.default_rng(seed))
        colours = np.unique(made[covered], axis=0)
        of_other = np.isin(made[covered][:, 0], OTHER[..., 0]).all()
        kinds["even" if len(colours) == 1 else "picture" if of_other else "noise"] += 1
    assert min(kinds.values()) >= 2
    assert kinds["even"] > kinds["picture"] > kinds["noise"]


def test_the_middle_of_a_person_mostly_stays_in_view_behind_another() -> None:
    found = masks(covers.covered_by_person, 300)
    middle = found[:, :, 56:72].mean(axis=(1, 2))
    assert 0.65 < np.mean(middle == 0) < 0.8
    assert 0.04 < np.mean(middle > 0.5) < 0.13
    assert middle.max() > 0.95
    assert middle.mean() < found[:, :, :16].mean() / 2
    assert middle.mean() < found[:, :, -16:].mean() / 2
    # Whoever stands in front stands to one side: of the outer quarters one is left nearly free.
    outer = np.minimum(found[:, :, :32].mean(axis=(1, 2)), found[:, :, 96:].mean(axis=(1, 2)))
    assert outer.max() < 0.3


def test_whoever_stands_in_front_looks_like_the_other() -> None:
    other = np.full((256, 128, 3), (10, 200, 90), np.uint8)
    for seed in range(20):
        made, covered = covers.covered_by_person(BLACK, other, np.random.default_rng(seed))
        inside = made[covered].astype(int)
        if len(inside):
            assert np.abs(np.median(inside, axis=0) - other[0, 0]).max() <= 1
