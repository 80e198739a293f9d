"""OGor's two modes on one picture, and the library they draw from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reid_pipeline.errors import RecordError
from reid_pipeline.types import Image
from reid_tools.occlusion.library import CUTOUTS, HABITS, Occluder, load_occluders
from reid_tools.occlusion.occlude import (
    Placement,
    occlude_paper,
    occlude_release,
    paste,
    place_paper,
    place_release,
)

SHAPES = ((256, 128), (128, 64), (301, 117))


@pytest.fixture(scope="module")
def occluders() -> tuple[Occluder, ...]:
    return load_occluders()


@pytest.fixture
def image() -> Image:
    return np.random.default_rng(5).integers(0, 256, (256, 128, 3), np.uint8)


def solid(kind: str, height: int, width: int) -> Occluder:
    return Occluder(f"{kind}-solid", kind, np.full((height, width, 4), 255, np.uint8))


def alpha_of(placement: Placement, shape: tuple[int, int]) -> NDArray[np.float64]:
    """How much of every pixel is covered, measured from outside: by what is left of black and of white."""
    black, white = (paste(np.full((*shape, 3), value, np.uint8), placement).image for value in (0, 255))
    return np.asarray(1 - (white.astype(float) - black)[..., 0] / 255)


def test_the_library_has_all_kinds_equally_often(occluders: tuple[Occluder, ...]) -> None:
    counts = Counter(occluder.kind for occluder in occluders)
    assert set(counts) == set(HABITS)
    assert len(counts) == 15
    assert len(set(counts.values())) == 1
    assert min(counts.values()) >= 4
    assert sum(path.stat().st_size for path in CUTOUTS.iterdir()) < 1.5e6


def test_cut_outs_are_trimmed_with_soft_edges(occluders: tuple[Occluder, ...]) -> None:
    for occluder in occluders:
        alpha = occluder.rgba[..., 3]
        assert 150 <= len(alpha) <= 262, occluder.name
        assert all(edge.any() for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1])), occluder.name
        assert (alpha == 0).mean() > 0.04, occluder.name
        assert (alpha == 255).mean() > 0.1, occluder.name
        assert ((alpha > 0) & (alpha < 255)).any(), occluder.name
        assert not occluder.rgba[alpha == 0].any(), occluder.name


def test_no_two_cut_outs_are_alike(occluders: tuple[Occluder, ...]) -> None:
    small = [cv2.resize(o.premultiplied, (24, 24), interpolation=cv2.INTER_AREA).astype(float) for o in occluders]
    for index, one in enumerate(small):
        for other in small[:index]:
            assert np.abs(one - other).mean() > 6


@pytest.mark.parametrize("shape", SHAPES)
def test_paper_mode_places_boxes_as_told(occluders: tuple[Occluder, ...], shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    height, width = shape
    for _ in range(1500):
        placement = place_paper(shape, occluders, rng)
        tall, wide = placement.height, placement.width
        # sides are rounded to pixels
        assert (tall - 0.5) * (wide - 0.5) <= 0.6 * height * width
        assert (tall + 0.5) * (wide + 0.5) >= 0.1 * height * width
        assert (tall - 0.5) / (wide + 0.5) <= placement.occluder.aspect <= (tall + 0.5) / (wide - 0.5)
        assert placement.left >= 0
        assert placement.left + wide <= width
        assert placement.top >= 0
        assert placement.top + tall <= height
        region = HABITS[placement.occluder.kind].region
        if region == "up":
            assert placement.top == 0
        elif region == "bottom":
            assert placement.top + tall == height
        else:
            assert placement.top + tall <= height / 2


def test_paper_mode_draws_the_whole_range_of_shares() -> None:
    # square in a square: every share fits in every place
    rng = np.random.default_rng(2)
    places = [place_paper((300, 300), [solid("car", 100, 100)], rng, random_column=False) for _ in range(4000)]
    shares = np.array([place.height * place.width / 300**2 for place in places])
    histogram, _ = np.histogram(shares, bins=5, range=(0.1, 0.6))
    assert histogram.sum() >= 3980
    assert np.abs(histogram / 4000 - 0.2).max() < 0.03


def test_paper_mode_draws_all_columns_or_column_0(occluders: tuple[Occluder, ...]) -> None:
    rng = np.random.default_rng(3)
    standing = [occluder for occluder in occluders if HABITS[occluder.kind].region != "middle"]
    lefts = {place_paper((256, 128), standing, rng).left for _ in range(3000)}
    assert len(lefts) > 80
    assert {place_paper((256, 128), standing, rng, random_column=False).left for _ in range(300)} == {0}


def test_paper_mode_draws_all_rows_of_the_middle() -> None:
    rng = np.random.default_rng(4)
    rows = [place_paper((256, 128), [solid("bag", 60, 60)], rng).top for _ in range(3000)]
    assert min(rows) == 0
    assert max(rows) > 60


@pytest.mark.parametrize("place", [place_paper, place_release])
def test_all_kinds_are_equally_frequent(occluders: tuple[Occluder, ...], place: object) -> None:
    rng = np.random.default_rng(6)
    assert callable(place)
    counts = Counter(place((256, 128), occluders, rng).occluder.kind for _ in range(15_000))
    chi_squared = sum((counts[kind] - 1000) ** 2 / 1000 for kind in HABITS)
    assert chi_squared < 36.1  # 14 degrees of freedom, one in a thousand


def test_occluders_that_cannot_fit_give_way_to_others() -> None:
    plank, crate = solid("bench", 10, 200), solid("car", 100, 100)
    rng = np.random.default_rng(7)
    assert {place_paper((256, 128), [plank, crate], rng).occluder.name for _ in range(50)} == {"car-solid"}
    with pytest.raises(ValueError, match="no occluder covers 10% of a picture of 256 x 128 from inside"):
        place_paper((256, 128), [plank], rng)


@pytest.mark.parametrize("occlude", [occlude_paper, occlude_release])
def test_the_same_seed_gives_the_same_pixels(occluders: tuple[Occluder, ...], image: Image, occlude: object) -> None:
    assert callable(occlude)
    before = image.copy()
    one, same, other = (occlude(image, occluders, np.random.default_rng(seed)) for seed in (8, 8, 9))
    assert np.array_equal(one.image, same.image)
    assert (one.kind, one.name, one.xyxy) == (same.kind, same.name, same.xyxy)
    assert not np.array_equal(one.image, other.image)
    assert np.array_equal(image, before)


def test_pasting_follows_alpha(occluders: tuple[Occluder, ...], image: Image) -> None:
    rng = np.random.default_rng(10)
    for place in (place_paper, place_release):
        for _ in range(60):
            placement = place((256, 128), occluders, rng)
            alpha = alpha_of(placement, (256, 128))
            done = paste(image, placement)
            assert np.array_equal(done.image[alpha == 0], image[alpha == 0])
            assert np.array_equal(done.mask, alpha > 0.5)
            assert done.covered_ratio == pytest.approx(alpha.mean(), abs=1e-6)
            assert 0 < done.covered_ratio < done.box_ratio
            x1, y1, x2, y2 = done.xyxy
            assert done.box_ratio == pytest.approx((x2 - x1) * (y2 - y1) / (256 * 128))
            assert not np.delete(np.delete(alpha, np.s_[y1:y2], 0), np.s_[x1:x2], 1).any()
            under = np.full_like(image, 40)
            mixed = paste(np.zeros_like(image), placement).image + (1 - alpha)[..., None] * under
            assert np.abs(paste(under, placement).image - mixed).max() <= 1


def test_edges_of_a_scaled_cut_out_keep_its_colour() -> None:
    red = np.zeros((90, 90, 4), np.uint8)
    red[30:60, 30:60] = (255, 0, 0, 255)
    done = paste(np.zeros((64, 64, 3), np.uint8), Placement(Occluder("stone-red", "stone", red), 3, 5, 47, 41))
    assert done.image[..., 0].max() == 255
    assert not done.image[..., 1:].any()


def test_release_mode_puts_every_kind_where_it_always_is(occluders: tuple[Occluder, ...]) -> None:
    rng = np.random.default_rng(11)
    seen = set()
    for _ in range(600):
        placement = place_release((256, 128), occluders, rng)
        tall, wide, habit = placement.height, placement.width, HABITS[placement.occluder.kind]
        seen.add(placement.occluder.name)
        share = habit.release_share * 256 * 128
        assert (tall - 0.5) * (wide - 0.5) <= share <= (tall + 0.5) * (wide + 0.5)
        assert (placement.left == 0) if habit.release_side == "left" else (placement.left + wide == 128)
        lower = placement.top + tall
        assert {"up": placement.top == 0, "middle": lower == 128, "bottom": lower == 256}[habit.release_region]
    assert len(seen) == len(occluders)


def test_release_mode_has_the_published_shares() -> None:
    published = (
        "bench 40, bike 60, car 45, card 20, chair 65, fire_hydrant 20, motorbike 50, pedestrian 50, post 50, "
        "road_sign 40, stone 15, bag 20, kite 40, suitcase 10, umbrella 25"
    )
    assert {f"{kind} {habit.release_share * 100:.0f}" for kind, habit in HABITS.items()} == set(published.split(", "))
    right = {kind for kind, habit in HABITS.items() if habit.release_side == "right"}
    assert right == {"road_sign", "fire_hydrant", "pedestrian", "suitcase"}


def test_what_reaches_beyond_the_picture_is_cut_off(image: Image) -> None:
    wide = Placement(solid("car", 50, 100), top=206, left=-20, height=50, width=200)
    done = paste(image, wide)
    assert done.xyxy == (0, 206, 128, 256)
    assert done.box_ratio == done.covered_ratio == 50 / 256
    assert (done.image[206:] == 255).all()
    assert np.array_equal(done.image[:206], image[:206])


def test_occluders_compare_by_name_and_cannot_be_painted_over() -> None:
    one = solid("car", 4, 4)
    assert one == solid("car", 5, 5)
    assert one != solid("bag", 4, 4)
    with pytest.raises(ValueError, match="read-only"):
        one.rgba[0, 0] = 0


def test_a_kind_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"tree-1: expected a kind out of bag, .*, got 'tree'"):
        Occluder("tree-1", "tree", np.zeros((4, 4, 4), np.uint8))
    with pytest.raises(ValueError, match=r"bag-1: expected uint8 of shape \(h, w, 4\), got uint8 of \(4, 4, 3\)"):
        Occluder("bag-1", "bag", np.zeros((4, 4, 3), np.uint8))


def test_unusable_libraries_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"expected a folder of cut-outs named KIND-NAME\.png, found none"):
        load_occluders(tmp_path)
    (tmp_path / "bag-1.png").write_bytes(b"")
    with pytest.raises(RecordError, match="expected a PNG with 8-bit colours and transparency"):
        load_occluders(tmp_path)
    cv2.imwrite(str(tmp_path / "bag-1.png"), np.zeros((5, 5, 3), np.uint8))
    with pytest.raises(RecordError, match="expected a PNG with 8-bit colours and transparency"):
        load_occluders(tmp_path)
    cv2.imwrite(str(tmp_path / "bag-1.png"), np.zeros((5, 5, 4), np.uint16))
    with pytest.raises(RecordError, match="expected uint8"):
        load_occluders(tmp_path)
    (tmp_path / "bag-1.png").rename(tmp_path / "tree-1.png")
    cv2.imwrite(str(tmp_path / "tree-1.png"), np.zeros((5, 5, 4), np.uint8))
    with pytest.raises(RecordError, match="tree-1: expected a kind out of"):
        load_occluders(tmp_path)
