"""Truth files, clips, wardrobes, and the renderer end to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import av
import numpy as np
import pytest

from reid_pipeline.errors import MissingExtra, RecordError
from reid_tools.footage.__main__ import main
from reid_tools.footage.camera import Camera
from reid_tools.footage.casting import cast
from reid_tools.footage.clip import ClipWriter
from reid_tools.footage.cloth import hairline, zones
from reid_tools.footage.extras import footage_module
from reid_tools.footage.finishes import FINISHES
from reid_tools.footage.geometry import Array, Mesh, box
from reid_tools.footage.patterns import weave
from reid_tools.footage.plaza import plaza
from reid_tools.footage.props import build
from reid_tools.footage.render import Sighting, View
from reid_tools.footage.stage import Light, Solid, Stage
from reid_tools.footage.truth import truth_row, write_boxes, write_cameras, write_floor
from reid_tools.footage.wardrobe import Bottom, Fabric, Look, Pattern, Shoes, Top

RED = Fabric(((0.8, 0.1, 0.1), (0.9, 0.9, 0.9)))


def sighting(xyxy: tuple[float, float, float, float], visible: float) -> Sighting:
    return Sighting(xyxy, area_px=1000.0, visible_px=1000.0 * visible)


def test_a_box_is_clipped_to_the_picture() -> None:
    row = truth_row(3, 7, sighting((-20, 300, 40, 400), 0.5), width=640, height=360)
    assert row is not None
    assert row.line() == "3,7,0.0,300.0,40.0,60.0,1,1,0.500"


@pytest.mark.parametrize(
    ("box", "visible", "scored"),
    [((10, 10, 40, 100), 0.3, True), ((10, 10, 40, 100), 0.2, False), ((10, 10, 40, 33), 1.0, False)],
)
def test_hidden_and_small_people_are_not_scored(
    box: tuple[float, float, float, float], visible: float, scored: bool
) -> None:
    row = truth_row(1, 1, sighting(box, visible), width=640, height=360)
    assert row is not None
    assert row.scored is scored


def test_nobody_outside_of_the_picture_has_a_row() -> None:
    assert truth_row(1, 1, sighting((650, 10, 700, 90), 0.0), width=640, height=360) is None


def test_truth_files(tmp_path: Path) -> None:
    row = truth_row(1, 2, sighting((10, 20, 40, 100), 1.0), width=640, height=360)
    assert row is not None
    write_boxes(tmp_path / "gt.txt", [row, row])
    assert (tmp_path / "gt.txt").read_text() == "1,2,10.0,20.0,30.0,80.0,1,1,1.000\n" * 2
    write_floor(tmp_path / "floor.csv", [np.zeros((2, 2)), np.ones((2, 2))])
    assert (tmp_path / "floor.csv").read_text().splitlines() == [
        "frame,id,x_m,y_m",
        "1,1,0.000,0.000",
        "1,2,1.000,1.000",
        "2,1,0.000,0.000",
        "2,2,1.000,1.000",
    ]


def test_cameras_json_holds_matching_matrices(tmp_path: Path) -> None:
    scene = plaza()
    write_cameras(tmp_path / "cameras.json", scene, frames=7)
    cameras = json.loads((tmp_path / "cameras.json").read_text())["cameras"]
    assert list(cameras) == ["entrance", "lobby", "arcade", "street"]
    assert cameras["entrance"]["overlaps"] == ["lobby"]
    assert cameras["street"]["overlaps"] == []
    for camera in cameras.values():
        assert camera["frames"] == 7
        x, y, w = np.array(camera["projection"]) @ (1.5, 2.5, 0.0, 1.0)
        back = np.array(camera["homography"]) @ (x / w, y / w, 1.0)
        np.testing.assert_allclose(back[:2] / back[2], (1.5, 2.5), atol=1e-4)


def test_a_clip_has_its_frames_at_a_constant_rate(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    shades = [np.full((48, 64, 3), 20 * n, np.uint8) for n in range(7)]
    with ClipWriter(path, width=64, height=48, fps=10) as clip:
        for shade in shades:
            clip.write(shade)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.average_rate == 10
        assert stream.codec_context.name == "h264"
    assert [round(float(frame.time) * 10) for frame in frames] == list(range(7))
    assert abs(float(frames[5].to_ndarray(format="bgr24").mean()) - 100) < 4
    assert [file.name for file in tmp_path.iterdir()] == ["clip.mp4"]


def test_an_unfinished_clip_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupted() -> None:
        with ClipWriter(tmp_path / "clip.mp4", width=64, height=48, fps=10) as clip:
            clip.write(np.zeros((48, 64, 3), np.uint8))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"clip\.mp4: expected a file that can be written"):
        ClipWriter(tmp_path / "absent" / "clip.mp4", width=64, height=48, fps=10)


def test_a_missing_package_names_the_extra() -> None:
    with pytest.raises(MissingExtra, match=r"'no_such_renderer'.*reid-pipeline\[footage\]"):
        footage_module("no_such_renderer.core")


def test_the_command_refuses_a_bad_frame_count(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["plaza", "--output", str(tmp_path), "--frames", "0"])
    assert stopped.value.code == 2
    assert "--frames: expected 1 or more, got 0" in capsys.readouterr().err


def test_a_cast_is_repeatable_and_grows_at_its_end() -> None:
    few, many = cast(5, seed=4), cast(9, seed=4)
    assert many[:5] == few
    assert len({person.look for person in many}) == 9
    assert cast(5, seed=5) != few


def test_garments_lie_where_they_belong() -> None:
    look = Look(
        skin=(0.8, 0.6, 0.5),
        hair=(0.2, 0.1, 0.1),
        hair_style="short",
        top=Top(RED, sleeve=0.5),
        bottom=Bottom(RED, hem_z=0.5),
        shoes=Shoes((0.1, 0.1, 0.1)),
    )
    crown, face, chest, upper, lower, thigh, shin, toe = np.array(
        [
            [0.0, -0.03, 1.62, -0.4],
            [0.0, -0.14, 1.48, -0.4],
            [0.0, -0.12, 1.2, -0.4],
            [0.22, 0.0, 1.2, 0.3],
            [0.3, 0.0, 1.1, 0.9],
            [0.1, 0.0, 0.7, -0.4],
            [0.1, 0.0, 0.3, -0.4],
            [0.1, -0.1, 0.03, -0.4],
        ],
        np.float32,
    )
    zone = zones(np.array([crown, face, chest, upper, lower, thigh, shin, toe]), look)
    assert zone.hair.tolist() == [True] + [False] * 7
    assert zone.top.tolist() == [False, False, True, True] + [False] * 4
    assert zone.bottom.tolist() == [False] * 5 + [True, False, False]
    assert zone.shoes.tolist() == [False] * 7 + [True]
    assert hairline(crown[None])[0] > 0 > hairline(face[None])[0]


def test_patterns_use_the_colours_of_their_fabric() -> None:
    across = np.linspace(-0.5, 0.5, 400, dtype=np.float32)
    plain = weave(RED, across, across, seed=1)
    assert len(np.unique(plain, axis=0)) == 1
    stripes = weave(Fabric(RED.colours, "stripes", 0.1), across, across, seed=1)
    assert len(np.unique(stripes.round(4), axis=0)) == 2
    for pattern in sorted({*get_args(Pattern)} - {"plain", "stripes"}):
        colours = weave(Fabric((*RED.colours, (0.1, 0.1, 0.8)), pattern, 0.1), across, across[::-1], seed=3)
        assert colours.shape == (400, 3)
        assert len(np.unique(colours.round(4), axis=0)) > 1, pattern


def test_finishes_are_colours() -> None:
    points = np.random.default_rng(0).uniform(-5, 5, (200, 3)).astype(np.float32)
    normals = np.tile(np.array([[0, 1, 0]], np.float32), (200, 1))
    for name, finish in FINISHES.items():
        albedo = finish((0.4, 0.3, 0.2))(points, normals)
        assert albedo.shape == (200, 3), name
        assert (albedo >= 0).all(), name
        assert albedo.max() < 1.2, name


def test_props_stand_on_the_floor() -> None:
    for mesh in build(plaza().props):
        assert mesh.vertices[:, 2].min() > -0.3
        assert mesh.faces.max() < len(mesh.vertices)


def grey(points: Array, normals: Array) -> Array:
    return np.full_like(points, 0.4)


def block_mesh(size: tuple[float, float, float], centre: tuple[float, float, float]) -> Mesh:
    shape = box(size, centre=centre)
    return Mesh(shape.vertices, shape.faces, shape.vertices, grey)


@pytest.mark.slow  # needs the extra [footage]
def test_silhouettes_visibility_and_shadows_are_exact() -> None:
    camera = Camera("test", (0.0, -10.0, 1.0), (0.0, 0.0, 1.0), 60.0, 320, 180)
    floor = block_mesh((30, 30, 0.1), (0, 0, -0.05))
    view = View(Stage([floor], Light(sun_to=(-1, 0, 1))), camera)
    near, far = block_mesh((1, 1, 2), (0, 0, 1)), block_mesh((2, 1, 2), (0, 5, 1))
    picture = view.render([Solid(near), Solid(far), Solid(block_mesh((1, 1, 1), (0, -30, 1)))])
    front, back, behind = picture.sightings
    assert behind is None
    assert front is not None
    assert back is not None
    scale = camera.focal_px / 9.5
    np.testing.assert_allclose(front.xyxy, (160 - scale / 2, 90 - scale, 160 + scale / 2, 90 + scale), atol=0.51)
    assert front.visible_px == front.area_px == pytest.approx(2 * scale**2, rel=0.03)
    # the near block hides what its own width covers of the far one
    hidden = (scale / 2) / (camera.focal_px / 14.5)
    assert back.visible_px / back.area_px == pytest.approx(1 - hidden, abs=0.03)
    assert back.area_px == pytest.approx(4 * (camera.focal_px / 14.5) ** 2, rel=0.03)
    pixel = camera.project(np.array([[1.2, 0.0, 0.0], [-1.2, 0.0, 0.0]]))[0].astype(int)
    shadow, sun = (picture.light[row, column].mean() for column, row in pixel)
    assert shadow < 0.7 * sun


@pytest.mark.slow  # needs the extra [footage]
def test_two_rendered_frames_agree_with_their_truth(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        assert main(["plaza", "--output", str(tmp_path / folder), "--frames", "2"]) == 0
    names = ["cameras.json", "floor.csv", *(f"gt_{camera.name}.txt" for camera in plaza().cameras)]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    for camera in plaza().cameras:
        rows = np.loadtxt(tmp_path / "one" / f"gt_{camera.name}.txt", delimiter=",", ndmin=2)
        assert set(rows[:, 0]) <= {1.0, 2.0}
        assert (rows[:, 2:4] >= 0).all()
        assert (rows[:, 2] + rows[:, 4] <= 640).all()
        assert (rows[:, 3] + rows[:, 5] <= 360).all()
        with av.open(str(tmp_path / "one" / f"{camera.name}.mp4")) as container:
            assert sum(1 for _ in container.decode(video=0)) == 2
