"""Crops of people for encoders: who is drawn, which cameras see them, what the command writes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from reid_pipeline.errors import ConfigError, MissingExtra
from reid_tools.footage.__main__ import main
from reid_tools.footage.camera import Camera
from reid_tools.footage.cloth import BODY, paint, scarf_zone
from reid_tools.footage.geometry import Array
from reid_tools.footage.identities import crop_names, produce_identities
from reid_tools.footage.identities_cameras import (
    MAX_HEIGHT_PX,
    MIN_HEIGHT_PX,
    PERSON_M,
    SITE_CAMERAS,
    SITE_PEOPLE,
    Processing,
    camera_numbers,
    light_of_the_day,
    post,
)
from reid_tools.footage.identities_crops import CROP_HEIGHT_PX, camera_of, delivered, metered
from reid_tools.footage.identities_people import everyday
from reid_tools.footage.identities_places import place
from reid_tools.footage.wardrobe import Bottom, Colour, Fabric, Look, Shoes, Top

RED: Colour = (0.8, 0.1, 0.1)
GREY: Colour = (0.4, 0.4, 0.4)
CROPS = 6


def test_names_tell_person_camera_and_number() -> None:
    names = crop_names(12, CROPS)
    assert all(re.fullmatch(rf"0000012_c\d+_{number:03d}\.jpg", name) for number, name in enumerate(names))
    assert crop_names(12, CROPS + 3)[:CROPS] == names
    assert crop_names(12, CROPS) != [name.replace("0000013", "0000012") for name in crop_names(13, CROPS)]


def test_a_person_passes_many_cameras_of_one_site() -> None:
    for identity in (0, 7, SITE_PEOPLE, 1_000_123):
        first, last = camera_numbers(identity)
        seen = [camera_of(identity, number) for number in range(SITE_CAMERAS)]
        assert sorted(seen) == list(range(first, last + 1))
    assert camera_numbers(SITE_PEOPLE - 1) == camera_numbers(0) == (1, SITE_CAMERAS)
    assert camera_numbers(SITE_PEOPLE)[0] == SITE_CAMERAS + 1


def test_people_are_repeatable_and_all_different() -> None:
    people = [everyday(seed) for seed in range(300)]
    assert people[5] == everyday(5)
    assert len({person.look for person in people}) == len({person.build for person in people}) == 300


def test_clothes_are_mostly_dark_or_muted() -> None:
    people = [everyday(seed) for seed in range(600)]
    tops = np.array([person.look.top.fabric.colours[0] for person in people])
    trousers = np.array([person.look.bottom.fabric.colours[0] for person in people])
    assert 0.15 < np.median(tops.mean(axis=1)) < 0.4
    assert np.median(trousers.mean(axis=1)) < 0.3
    vivid = tops.max(axis=1) - tops.min(axis=1) > 0.35
    assert 0.03 < vivid.mean() < 0.25
    look_alikes = (tops.max(axis=1) < 0.25) & (trousers.max(axis=1) < 0.25)
    assert 0.1 < look_alikes.mean() < 0.5


def test_people_carry_and_wear_all_kinds_of_things() -> None:
    looks = [everyday(seed).look for seed in range(600)]
    assert {look.bag.kind for look in looks if look.bag} == {"backpack", "shoulder", "hand"}
    assert {look.hat.kind for look in looks if look.hat} == {"cap", "beanie", "brim", "scarf"}
    assert {look.top.fabric.pattern for look in looks} >= {"plain", "heather", "logo", "stripes", "quilted", "bands"}
    for worn in (
        [look.scarf for look in looks],
        [look.top.hood or None for look in looks],
        [look.top.sleeves for look in looks],
        [look.top.tail_z for look in looks],
        [look.bottom.stripe for look in looks],
        [look.bottom.skirt or None for look in looks],
    ):
        assert 0.01 < sum(thing is not None for thing in worn) / len(worn) < 0.4


def painted(look: Look, *points: tuple[float, float, float, float]) -> Array:
    coords = np.array([(*point, BODY) for point in points], np.float32)
    return paint(look)(coords, np.zeros((len(points), 3), np.float32))


def test_sleeves_stripes_and_scarves_are_painted_where_they_belong() -> None:
    grey = Fabric((GREY,))
    look = Look(
        skin=GREY,
        hair=GREY,
        hair_style="short",
        top=Top(grey, sleeve=1.9, sleeves=Fabric((RED,))),
        bottom=Bottom(grey, stripe=RED),
        shoes=Shoes(GREY),
        scarf=RED,
    )
    sleeve, outer_seam, neck = (0.3, 0.0, 1.1, 0.9), (0.16, -0.03, 0.6, -0.4), (0.0, -0.1, 1.37, -0.4)
    chest, inner_seam, shin = (0.0, -0.12, 1.2, -0.4), (0.05, -0.03, 0.6, -0.4), (0.15, -0.1, 0.4, -0.4)
    colours = painted(look, sleeve, outer_seam, neck, chest, inner_seam, shin)
    redness = colours[:, 0] / colours[:, 1]
    assert (redness[:3] > 10).all()
    np.testing.assert_allclose(redness[3:], 1, atol=1e-3)
    assert scarf_zone(np.array([(*neck, BODY), (*chest, BODY)], np.float32)).tolist() == [True, False]


def test_a_window_sees_what_the_whole_picture_shows_there() -> None:
    camera = Camera("wide", (0.0, 0.0, 3.0), (1.0, 8.0, 1.0), 70.0, 640, 360)
    points = np.array([[1.2, 6.0, 0.5], [-2.0, 9.0, 1.7]])
    window = camera.window(400, -20, 460, 130)
    assert (window.width, window.height) == (60, 150)
    np.testing.assert_allclose(window.project(points)[0], camera.project(points)[0] - (400, -20), atol=1e-6)
    np.testing.assert_allclose(window.rays([10.5], [30.5]), camera.rays([410.5], [10.5]), atol=1e-6)
    again = window.window(10, 20, 40, 60)
    np.testing.assert_allclose(again.project(points)[0], camera.project(points)[0] - (410, 0), atol=1e-6)


def test_places_are_furnished_and_leave_the_camera_free() -> None:
    for seed in range(12):
        here = place(np.random.default_rng(seed), reach_m=6.0)
        assert len(here.meshes) >= 2
        for mesh in here.meshes:
            colours = mesh.surface(mesh.coords[:8], np.tile(np.array([[0, 0, 1]], np.float32), (8, 1)))
            assert colours.shape == (8, 3)
            assert np.isfinite(colours).all()
        for prop in here.props:
            assert np.hypot(*prop.at[:2]) > 1.6


def test_light_comes_from_above_in_every_mood() -> None:
    rng = np.random.default_rng(0)
    lights = [light_of_the_day(rng, indoors=bool(number % 2)) for number in range(60)]
    assert all(light.direction()[2] > 0.2 for light in lights)
    assert all(min(*light.sky, *light.bounce) > 0 for light in lights)
    suns = np.array([light.direction()[:2] for light in lights[::2]])
    assert (np.abs(suns.mean(axis=0)) < 0.35).all()


def test_a_black_picture_is_exposed_longer_and_a_normal_one_left_alone() -> None:
    dark, normal = np.full((8, 4, 3), 0.01, np.float32), np.full((8, 4, 3), 0.3, np.float32)
    assert metered(dark).mean() == pytest.approx(0.07, rel=1e-4)
    np.testing.assert_allclose(metered(normal), normal)


def test_delivered_crops_keep_their_aspect() -> None:
    frame = np.random.default_rng(1).integers(0, 255, (60, 25, 3)).astype(np.uint8)
    processing = Processing(gamma=1.1, contrast=0.9, haze=0.02, sharpening=0.6, jpeg_quality=60)
    picture = delivered(frame, processing)
    assert picture.shape == (CROP_HEIGHT_PX, round(25 * CROP_HEIGHT_PX / 60), 3)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize(
    ("option", "value"), [("--people", "0"), ("--crops", "0"), ("--crops", "1001"), ("--first-seed", "-1")]
)
def test_the_command_refuses_what_is_out_of_range(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str, value: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["identities", "--output", str(tmp_path / "out"), f"{option}={value}"])
    assert stopped.value.code == 2
    assert re.search(rf"{option}: expected \d+ to \d+, got {value}\n$", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file_is_one_clear_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    assert main(["identities", "--output", str(tmp_path / "taken"), "--people", "1"]) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"{tmp_path / 'taken'}: cannot be written")
    assert message.count("\n") == 1


def test_people_whose_files_exist_are_skipped(tmp_path: Path) -> None:
    # without a body model to load, which needs the extra and half a minute
    for identity in (40, 41):
        for name in crop_names(identity, 3):
            (tmp_path / name).touch()
    seen: list[tuple[int, int]] = []
    produce_identities(tmp_path, people=2, crops=3, first_seed=40, progress=lambda *step: seen.append(step))
    assert seen == [(1, 2), (2, 2)]


def test_bad_counts_are_refused_by_the_function_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--people: expected 1 to 10000000, got -3"):
        produce_identities(tmp_path, people=-3, crops=1)


@pytest.mark.slow  # needs the extra [footage]
def test_cameras_have_room_for_people_they_see_well() -> None:
    for number in (1, 2, 3, 4, 5):
        here = post(number)
        assert len(here.spots) >= 40
        distance = np.hypot(np.linalg.norm(here.spots, axis=1), here.camera.position[2] - 1)
        tall_px = here.camera.focal_px * PERSON_M / distance
        assert (tall_px > 0.95 * MIN_HEIGHT_PX).all()
        assert (tall_px < 1.05 * MAX_HEIGHT_PX).all()
        pixel, depth = here.camera.project(np.concatenate([here.spots, np.ones((len(here.spots), 1))], axis=1))
        assert (depth > 0).all()
        assert (pixel[:, 0] > 0).all()
        assert (pixel[:, 0] < here.camera.width).all()


@pytest.mark.slow  # needs the extra [footage]
def test_crops_are_repeatable_and_runs_go_on_where_they_stopped(tmp_path: Path) -> None:
    def render(folder: str, people: int, crops: int) -> dict[str, bytes]:
        arguments = ["--people", str(people), "--crops", str(crops), "--first-seed", "90"]
        assert main(["identities", "--output", str(tmp_path / folder), *arguments]) == 0
        return {file.name: file.read_bytes() for file in (tmp_path / folder).iterdir()}

    whole = render("whole", 2, 3)
    assert sorted(whole) == sorted(name for identity in (90, 91) for name in crop_names(identity, 3))
    for content in whole.values():
        picture = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR))
        assert picture.shape[0] == CROP_HEIGHT_PX
        assert 40 < picture.shape[1] < 400
        assert picture.std() > 5
    render("parts", 1, 2)
    (tmp_path / "parts" / crop_names(90, 2)[0]).unlink()
    assert render("parts", 2, 3) == whole


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"reid-pipeline\[footage\]"):
        produce_identities(tmp_path, people=1, crops=1)
    assert list(tmp_path.iterdir()) == []
