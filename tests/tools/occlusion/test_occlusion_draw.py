"""Drawing the library: the committed files are what the models look like."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from reid_pipeline.types import Image
from reid_tools.occlusion.draw import graphics
from reid_tools.occlusion.draw.__main__ import MODELS, coded, draw, main
from reid_tools.occlusion.draw.paints import bricks, checked, cloud, gores, mottled, picture, plain, striped, wooden
from reid_tools.occlusion.draw.render import Shot, render
from reid_tools.occlusion.draw.solids import ball, block, extrude, lathe, moved, smooth_path, tube, turned
from reid_tools.occlusion.library import CUTOUTS, HABITS, load_occluders

QUICK = "kite"
FRONT = Shot(100, pitch_deg=0)
GREY = plain((0.5, 0.5, 0.5), wear=0)


def assert_reproduced(kind: str) -> None:
    committed = [occluder.rgba for occluder in load_occluders() if occluder.kind == kind]
    drawn = draw(kind)
    assert [image.shape for image in drawn] == [image.shape for image in committed]
    for image, known in zip(drawn, committed, strict=True):
        # where two surfaces are equally near, another processor may round in favour of the other one
        assert (image != known).any(axis=-1).mean() < 0.01


def test_quick_drawings_are_the_committed_ones() -> None:
    assert_reproduced(QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(set(MODELS) - {QUICK}))
def test_drawings_are_the_committed_ones(kind: str) -> None:
    assert_reproduced(kind)


def test_every_kind_has_its_drawings() -> None:
    assert {*MODELS, "pedestrian"} == set(HABITS)
    assert {path.name.partition("-")[0] for path in CUTOUTS.glob("*.png")} == set(HABITS)


def test_drawing_again_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert main([QUICK, "--output", str(tmp_path / name)]) == 0
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == [f"{QUICK}-{number}.png" for number in range(1, len(files) + 1)]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_what_cannot_be_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["tree"])
    assert stopped.value.code == 2
    (tmp_path / "file").write_text("")
    assert main([QUICK, "--output", str(tmp_path / "file")]) == 1
    assert "file: cannot write the cut-outs: " in capsys.readouterr().err


def test_files_hold_what_was_drawn() -> None:
    image = np.random.default_rng(1).integers(0, 256, (31, 17, 4), np.uint8)
    read = cv2.imdecode(np.frombuffer(coded(image), np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(cv2.cvtColor(read, cv2.COLOR_BGRA2RGBA), image)


def shares(image: Image) -> tuple[float, float]:
    """Width over height, and how much of the box is covered."""
    alpha = image[..., 3] / 255
    return image.shape[1] / image.shape[0], float(alpha.mean())


def test_shapes_look_like_what_they_are() -> None:
    aspect, covered = shares(render(ball((1, 1, 1), GREY), FRONT))
    assert aspect == pytest.approx(1, abs=0.03)
    assert covered == pytest.approx(np.pi / 4, abs=0.03)
    aspect, covered = shares(render(block((2, 1, 1), GREY), FRONT))
    assert aspect == pytest.approx(2, abs=0.08)
    assert covered > 0.97
    aspect, covered = shares(render(lathe([(1, 0), (0, 2)], GREY), FRONT))
    assert aspect == pytest.approx(1, abs=0.12)
    assert covered == pytest.approx(0.5, abs=0.05)
    aspect, _ = shares(render(tube([(0, 0, 0), (0, 0, 3)], 0.25, GREY), FRONT))
    assert aspect == pytest.approx(0.5 / 3, abs=0.03)
    _, covered = shares(render(extrude([(-1, 0), (1, 0), (0, 2)], 0.1, GREY), FRONT))
    assert covered == pytest.approx(0.5, abs=0.05)


def test_what_is_nearer_hides_what_is_behind() -> None:
    red, blue = plain((0.8, 0.1, 0.1), wear=0), plain((0.1, 0.1, 0.8), wear=0)
    front = moved(block((1, 0.2, 1), red), (0, -1, 0))
    for model in ([*front, *block((1, 0.2, 1), blue)], [*block((1, 0.2, 1), blue), *front]):
        image = render(model, FRONT)
        middle = image[len(image) // 2, image.shape[1] // 2]
        assert middle[0] > 3 * middle[2]


def test_the_sun_shines_from_its_side_and_casts_shadows() -> None:
    image = render(ball((1, 1, 1), GREY), Shot(100, pitch_deg=0, sun_deg=-60))
    middle = image[50, :, 0].astype(int)
    assert middle[25] > middle[75] + 25
    floor = block((4, 4, 0.1), GREY)
    seen_from_above = Shot(100, pitch_deg=80, sun_deg=-60)
    lone, shaded = (
        render(m, seen_from_above) for m in (floor, [*floor, *moved(block((1, 1, 1.5), GREY), (0, 0, 0.8))])
    )
    assert shaded[..., 0][shaded[..., 3] > 0].min() < lone[..., 0][lone[..., 3] > 0].min() - 25


def test_turning() -> None:
    pin = turned(tube([(0, 0, 0), (0, 0, 1)], 0.01, GREY)[:1], "y", 90)
    assert pin[0].points[..., 0].max() == pytest.approx(1, abs=0.02)
    assert np.abs(pin[0].points[..., 2]).max() < 0.02


def test_curves_pass_through_their_points() -> None:
    points = np.array([(0, 0, 0), (1, 0, 1), (2, 0, 0), (3, 1, 0)], float)
    curve = smooth_path(points, steps=8)
    assert np.allclose(curve[::8], points)


def test_paints_give_a_colour_to_every_place() -> None:
    red, blue = (0.8, 0.1, 0.1), (0.1, 0.1, 0.8)
    places = np.random.default_rng(2).uniform(0, 1, (500, 3))
    for paint in (
        plain(red),
        striped((red, blue), 0.1, (0, 0, 1)),
        checked((red, blue), 0.2),
        mottled((red, blue), 0.1),
        wooden(red, 0),
        bricks(red, blue),
        gores((red, blue), 8, border=(1, 1, 1)),
    ):
        colours = paint(places)
        assert colours.shape == (500, 3)
        assert np.isfinite(colours).all()
    assert np.abs(cloud(places, 0.1, 1)).max() < 4


def test_a_picture_lies_the_right_way_up() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image[:20, 20:] = 255  # upper right
    colours = picture(image)(np.array([(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]))
    assert colours[:, 0].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("name", ["no_entry", "warning", "chalk_menu", "concert", "directions"])
def test_graphics_are_not_empty(name: str) -> None:
    image = getattr(graphics, name)()
    assert image.dtype == np.uint8
    assert image.std() > 20
