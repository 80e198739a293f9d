from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from reid_pipeline.core.crops import CropChooser, CropRules, cut, geometric_quality, sharpness, visible_share
from reid_pipeline.types import NS_PER_S, Crop, Frame, TrackedBoxes, as_float32

WIDTH, HEIGHT = 640, 360
WHOLE = (100.0, 100.0, 160.0, 260.0)

Box = tuple[float, float, float, float]


def frame(index: int, fps: float = 10.0) -> Frame:
    noise = np.random.default_rng(0).integers(0, 255, size=(HEIGHT, WIDTH, 3), dtype=np.uint8)
    return Frame("a", index, round(index * NS_PER_S / fps), noise)


def tracked(boxes: Mapping[int, Box]) -> TrackedBoxes:
    ids = np.array(list(boxes), np.int64)
    return TrackedBoxes(as_float32(list(boxes.values())).reshape(-1, 4), np.ones(len(ids), np.float32), ids)


def quality(*boxes: Box) -> list[float]:
    return [float(value) for value in geometric_quality(as_float32(boxes), WIDTH, HEIGHT, CropRules())]


def choose(chooser: CropChooser, boxes: Mapping[int, Box], frames: int) -> list[Crop]:
    return [crop for i in range(frames) for crop in chooser.choose(frame(i), tracked(boxes), ())]


def test_a_whole_upright_large_box_is_perfect() -> None:
    assert quality(WHOLE) == [1.0]


@pytest.mark.parametrize(
    ("worse", "why"),
    [
        ((100, 100, 120, 150), "small"),
        ((100, 100, 260, 260), "as wide as high"),
        ((0, 100, 60, 260), "cut by the left edge"),
        ((100, 200, 160, 360), "cut by the lower edge"),
        ((100, 100, 110, 260), "too thin for a person"),
    ],
)
def test_what_makes_a_box_worse(worse: Box, why: str) -> None:
    assert quality(worse)[0] < 0.8, why


def test_tiny_boxes_are_worthless() -> None:
    assert quality((10, 10, 20, 40)) == [0.0]


def test_the_person_behind_is_hidden_and_the_one_in_front_is_not() -> None:
    behind, in_front = (100, 100, 160, 260), (130, 120, 190, 280)
    shares = visible_share(np.array([behind, in_front], np.float64))
    assert shares[1] == 1.0
    assert shares[0] == pytest.approx(1 - 30 * 140 / (60 * 160))


def test_a_fresh_track_is_looked_at_soon_and_often_then_rarely() -> None:
    times = [crop.timestamp_ns / NS_PER_S for crop in choose(CropChooser(), {1: WHOLE}, 30)]
    assert times[:4] == [0.0, 0.2, 0.4, 0.6]
    assert np.diff(times[3:]).tolist() == pytest.approx([0.5] * (len(times) - 4))


def test_a_clearly_better_view_does_not_wait() -> None:
    chooser = CropChooser(CropRules(fresh_count=1, interval_s=10.0))
    half_hidden = {1: WHOLE, 2: (110, 120, 150, 300)}
    for i in range(5):
        chooser.choose(frame(i), tracked(half_hidden), ())
    crops = chooser.choose(frame(5), tracked({1: WHOLE}), ())
    assert [crop.track_id for crop in crops] == [1]


def test_a_hidden_track_is_passed_over_until_it_starves() -> None:
    hidden = {1: WHOLE, 2: (95, 90, 165, 300)}
    crops = [crop for crop in choose(CropChooser(), hidden, 15) if crop.track_id == 1]
    assert crops == [], "nothing of it can be seen"
    nearly = {1: WHOLE, 2: (95, 90, 152, 300)}
    crops = [crop for crop in choose(CropChooser(), nearly, 15) if crop.track_id == 1]
    assert [crop.timestamp_ns / NS_PER_S for crop in crops] == [0.2, 1.0], "once soon, for a first answer"
    assert crops[0].quality < 0.25


@pytest.mark.parametrize("odd", [(100, 100, 300, 200), (100, 100, 110, 260), (0, 0, 640, 360)])
def test_a_track_of_odd_shape_is_looked_at_once_so_that_somebody_says_who_it_is(odd: Box) -> None:
    assert quality(odd) == [0.0]
    crops = choose(CropChooser(), {1: odd}, 40)
    assert [crop.timestamp_ns / NS_PER_S for crop in crops] == [0.2]
    assert crops[0].quality == 0.0


def test_a_box_too_small_to_tell_people_apart_is_never_looked_at() -> None:
    assert choose(CropChooser(), {1: (100, 100, 112, 128)}, 40) == []


def test_after_a_poor_first_look_a_good_one_does_not_wait() -> None:
    chooser = CropChooser()
    choose(chooser, {1: (100, 100, 300, 200)}, 5)
    crops = chooser.choose(frame(5), tracked({1: WHOLE}), ())
    assert [crop.quality > 0.4 for crop in crops] == [True]


def test_the_budget_goes_to_the_tracks_that_nobody_knows_yet() -> None:
    chooser = CropChooser(CropRules(max_per_s=2.0))
    crowd = {i: (20.0 * i, 100.0, 20.0 * i + 18, 150.0) for i in range(1, 11)}
    crops = choose(chooser, crowd, 50)
    assert len(crops) == pytest.approx(2 + 2.0 * 4.9, abs=1)
    assert sorted(crop.track_id for crop in crops[:10]) == list(range(1, 11)), "everybody once before anybody twice"


def test_a_crop_is_the_boxs_part_of_the_picture_in_rgb() -> None:
    picture = frame(0)
    crop = CropChooser().choose(picture, tracked({7: WHOLE}), ())[0]
    assert (crop.camera, crop.track_id, crop.frame_index) == ("a", 7, 0)
    assert (crop.image == picture.image[100:260, 100:160, ::-1]).all()
    assert not np.shares_memory(crop.image, picture.image), "a crop must not keep its whole frame alive"


def test_boxes_outside_of_the_picture_give_no_crop() -> None:
    assert cut(frame(0).image, as_float32((700, 10, 760, 100))) is None
    assert cut(frame(0).image, as_float32((-50, -50, 1, 90))) is None
    inside = cut(frame(0).image, as_float32((-50, -50, 20, 90)))
    assert inside is not None
    assert inside.shape == (90, 20, 3)


def test_blur_shows_at_any_size() -> None:
    noise = np.random.default_rng(1).integers(0, 255, size=(200, 80, 3), dtype=np.uint8)
    flat = np.full_like(noise, 90)
    assert sharpness(noise) > 10 * sharpness(flat)
    assert sharpness(flat[:3, :3]) == 0.0


def test_nobody_is_no_crop() -> None:
    assert CropChooser().choose(frame(0), TrackedBoxes.empty(), ()) == ()
