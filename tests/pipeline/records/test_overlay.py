from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import av
import numpy as np
import pytest

from reid_pipeline.errors import RecordError, SourceError
from reid_pipeline.records.mosaic import Layout, Mark, Tile, identity_colour
from reid_pipeline.records.overlay import render_overlay
from reid_pipeline.records.tracks import TracksDocument, read_tracks
from reid_pipeline.types import NS_PER_S, Frame, Image

FRAME_NS = NS_PER_S // 10


@pytest.fixture
def document(tracks_path: Path) -> TracksDocument:
    return read_tracks(tracks_path)


def frames(
    camera: str, count: int, *, size_wh: tuple[int, int] = (320, 240), start_ns: int = 0, breaks: bool = False
) -> Iterator[Frame]:
    for index in range(count):
        image = np.full((size_wh[1], size_wh[0], 3), 90, np.uint8)
        yield Frame(camera, index, start_ns + index * FRAME_NS, image)
    if breaks:
        raise SourceError(f"{camera}: broken")


def pictures(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0)]


def has_colour(picture: Image, identity: str) -> bool:
    """Whether some of the picture is in the identity's colour, as far as video encoding lets it be."""
    distance = np.abs(picture.astype(int) - np.array(identity_colour(identity))).max(axis=2)
    return bool((distance < 40).sum() > 20)


def test_one_picture_per_frame_with_everybody_in_their_colour(document: TracksDocument, tmp_path: Path) -> None:
    done: list[int] = []
    shown = {"street": frames("street", 6, size_wh=(640, 360)), "lobby": frames("lobby", 6)}
    render_overlay(document, shown, tmp_path / "out" / "overlay.mp4", progress=done.append)
    video = pictures(tmp_path / "out" / "overlay.mp4")
    assert len(video) == 6
    assert done == [2, 4, 6, 8, 10, 12]
    street, lobby = np.split(video[3], 2, axis=1)
    assert has_colour(street, "P0001")
    assert has_colour(lobby, "P0001")
    assert has_colour(lobby, "P0002")
    assert not has_colour(street, "P0002")
    assert not has_colour(np.split(video[0], 2, axis=1)[0], "P0001")  # not there yet


def test_a_camera_without_a_picture_is_dimmed(document: TracksDocument, tmp_path: Path) -> None:
    shown = {"street": frames("street", 3, breaks=True), "lobby": frames("lobby", 25)}
    render_overlay(document, shown, tmp_path / "overlay.mp4")
    video = pictures(tmp_path / "overlay.mp4")
    assert len(video) == 25
    middle = video[2].shape[0] // 2
    assert video[2][middle, 10].max() == pytest.approx(90, abs=8)
    assert video[20][middle, 10].max() == pytest.approx(30, abs=8)
    assert video[20][middle, -10].max() == pytest.approx(90, abs=8)


def test_breaks_without_any_picture_are_left_out(document: TracksDocument, tmp_path: Path) -> None:
    hour = 3600 * NS_PER_S
    shown = {"street": frames("street", 5), "lobby": frames("lobby", 5, start_ns=hour)}
    render_overlay(document, shown, tmp_path / "overlay.mp4")
    assert len(pictures(tmp_path / "overlay.mp4")) == 10


def test_no_frames_at_all_is_one_line(document: TracksDocument, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="expected frames of at least one camera, got none"):
        render_overlay(document, {"street": frames("street", 0, breaks=True)}, tmp_path / "overlay.mp4")
    assert not (tmp_path / "overlay.mp4").exists()


def test_a_folder_that_cannot_be_written_is_one_line(document: TracksDocument, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match=r"overlay\.mp4: cannot be written"):
        render_overlay(document, {"street": frames("street", 2)}, tmp_path / "file" / "overlay.mp4")


def test_a_full_disk_is_one_line_and_keeps_the_old_video(
    document: TracksDocument, tmp_path: Path, small_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "overlay.mp4"
    path.write_bytes(b"old")
    noise = np.random.default_rng(0).integers(0, 255, (20, 240, 320, 3), np.uint8)
    shown = {"street": [Frame("street", index, index * FRAME_NS, image) for index, image in enumerate(noise)]}
    with small_disk(), pytest.raises(RecordError, match=r"overlay\.mp4: cannot be written: File too large"):
        render_overlay(document, shown, path)
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.glob(".*")] == []


@pytest.mark.parametrize(
    ("sizes_wh", "grid", "size_wh"),
    [
        ([(641, 361)], (1, 1), (640, 386)),
        ([(640, 360)] * 2, (2, 1), (1284, 386)),
        ([(640, 360)] * 4, (2, 2), (1284, 776)),
        ([(320, 240), (640, 360), (320, 240)], (2, 2), (1284, 776)),
    ],
)
def test_small_cameras_are_not_enlarged(
    sizes_wh: list[tuple[int, int]], grid: tuple[int, int], size_wh: tuple[int, int]
) -> None:
    layout = Layout.of(sizes_wh)
    assert (layout.columns, layout.rows) == grid
    assert layout.size_wh == size_wh


@pytest.mark.parametrize("count", range(1, 26))
def test_any_number_of_large_cameras_fits_full_hd_in_even_sizes(count: int) -> None:
    width, height = Layout.of([(3840, 2160)] * count).size_wh
    assert width <= 1920
    assert height <= 1080
    assert width % 2 == height % 2 == 0


def test_colours_of_neighbours_are_far_apart() -> None:
    colours = np.array([identity_colour(f"P{number:04d}") for number in range(1, 13)])
    distance = np.abs(colours[:, None] - colours[None]).max(axis=2) + 1000 * np.eye(12)
    assert distance.min() >= 40
    assert identity_colour("anna") == identity_colour("anna")


def test_provisional_people_have_corners_only_and_labels_stay_inside() -> None:
    def draw(*, sure: bool) -> Image:
        mark = Mark(np.array([100.0, -20.0, 60.0, 120.0]), np.zeros((1, 2)), 3, "P0003", sure)
        image = np.zeros((240, 320, 3), np.uint8)
        return Layout.of([(320, 240)]).draw([Tile("lobby", "0:01.0", image, [mark], live=True)])

    side = (26 + 40, 100)  # below the caption, half-way down the left side of the box
    assert draw(sure=True)[side].tolist() == list(identity_colour("P0003"))
    assert draw(sure=False)[side].tolist() == [0, 0, 0]
    assert has_colour(draw(sure=False)[26:46, 100:150], "P0003")
