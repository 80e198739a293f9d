from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from drawn_people import drawn_person
from reid_pipeline.types import Image
from reid_tools.train.distillation import views

View = Callable[[Image, np.random.Generator], Image]

VIEWS: dict[str, View] = {
    "dressed": lambda picture, rng: views.dressed_from_two(picture, np.flipud(picture), rng),
    "recoloured": views.recoloured,
    "reframed": lambda picture, rng: views.reframed(picture, rng, most=0.06),
    "relit": views.relit,
    "worn": views.worn,
}
LUMINANCE = np.array([0.299, 0.587, 0.114])
GREYS = np.repeat(np.linspace(0, 255, 128).astype(np.uint8)[None, :, None], 256, axis=0).repeat(3, axis=2)


def ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return values.ravel().argsort().argsort()


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_view_follows_from_its_generator(view: View) -> None:
    picture = drawn_person(1)
    before = picture.copy()
    made = [view(picture, np.random.default_rng(seed)) for seed in range(8)]
    for seed, first in enumerate(made):
        np.testing.assert_array_equal(view(picture, np.random.default_rng(seed)), first)
    assert len({first.tobytes() for first in made}) > 4
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize(("height", "width"), [(256, 128), (96, 48), (61, 37)])
def test_a_view_has_the_shape_of_its_picture(view: View, height: int, width: int) -> None:
    for seed in range(8):
        made = view(drawn_person(1, height=height, width=width), np.random.default_rng(seed))
        assert made.shape == (height, width, 3)
        assert made.dtype == np.uint8


def test_a_redressed_person_has_the_top_of_one_and_the_legs_of_the_other() -> None:
    top, legs = np.full((256, 128, 3), 40, np.uint8), np.full((256, 128, 3), 200, np.uint8)
    seams = []
    for seed in range(50):
        made = views.dressed_from_two(top, legs, np.random.default_rng(seed))
        rows = made[:, 0, 0].astype(int)
        assert (made == made[:, :1, :1]).all()
        assert (rows[:103] == 40).all()
        assert (rows[148:] == 200).all()
        assert (np.diff(rows) >= 0).all()
        assert ((rows > 40) & (rows < 200)).sum() <= 8
        seams.append(int((rows < 120).sum()))
    assert min(seams) >= 0.42 * 256 - 1
    assert max(seams) <= 0.56 * 256 + 1
    assert max(seams) - min(seams) > 20


def test_recolouring_leaves_greys_grey_and_in_their_order() -> None:
    for seed in range(30):
        made = views.recoloured(GREYS, np.random.default_rng(seed)).astype(int)
        assert np.ptp(made, axis=2).max() <= 1
        assert (np.diff(made.mean(axis=2), axis=1) >= 0).all()


def test_recolouring_makes_other_colours_of_about_the_same_light_and_dark() -> None:
    agreement, moved = [], []
    for person in range(60):
        picture = drawn_person(person)
        made = views.recoloured(picture, np.random.default_rng(person))
        was, is_now = picture[::6, ::6] @ LUMINANCE, made[::6, ::6] @ LUMINANCE
        agreement.append(np.corrcoef(ranks(was), ranks(is_now))[0, 1])
        moved.append(np.abs(made.astype(int) - picture).mean())
    assert np.median(agreement) > 0.6
    assert np.median(moved) > 15


def test_now_and_then_the_halves_of_a_body_are_recoloured_apart() -> None:
    picture = np.full((256, 128, 3), (180, 60, 40), np.uint8)
    colours = [len(np.unique(views.recoloured(picture, np.random.default_rng(s))[:, 0], axis=0)) for s in range(100)]
    assert set(colours) == {1, 2}
    assert 25 <= colours.count(2) <= 55


def test_another_box_is_never_off_by_more_than_it_may() -> None:
    across = np.broadcast_to(np.arange(128, dtype=np.uint8)[None, :, None], (256, 128, 3))
    down = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (256, 128, 3))
    for picture, length, axis in ((across, 128, 1), (down, 256, 0)):
        shifts = []
        for seed in range(40):
            made = views.reframed(np.ascontiguousarray(picture), np.random.default_rng(seed), most=0.06)
            lines = made[..., 0].mean(axis=1 - axis)
            shifts.append(np.abs(lines - np.arange(length)).max())
        assert max(shifts) <= 0.06 * length + 1.5
        assert max(shifts) > 0.03 * length


def test_no_box_error_is_no_change() -> None:
    picture = drawn_person(1)
    np.testing.assert_array_equal(views.reframed(picture, np.random.default_rng(0), most=0.0), picture)


def test_another_light_keeps_the_order_of_values() -> None:
    for seed in range(30):
        made = views.relit(GREYS, np.random.default_rng(seed)).astype(int)
        assert (np.diff(made, axis=1) >= 0).all()
        assert np.ptp(made[0, :, 0]) > 60


def test_a_worse_camera_still_shows_the_same_person() -> None:
    changes = []
    for person in range(40):
        picture = drawn_person(person)
        changes.append(np.abs(views.worn(picture, np.random.default_rng(person)).astype(int) - picture).mean())
    assert max(changes) < 20
    assert np.mean(changes) > 1
