from __future__ import annotations

from pathlib import Path

import pytest

from reid_pipeline.errors import SourceError
from reid_pipeline.video.images import ImageSource
from reid_pipeline.video.options import SourceOptions
from reid_pipeline.video.recording import RecordingSource
from reid_pipeline.video.sources import open_source
from reid_pipeline.video.stream import StreamSource


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        (0, StreamSource, "/dev/video0"),
        ("2", StreamSource, "/dev/video2"),
        ("/dev/v4l/by-id/usb-cam", StreamSource, "/dev/v4l/by-id/usb-cam"),
        ("rtsp://u:pw@host/s", StreamSource, "rtsp://u:***@host/s"),
        ("rtsp://u:p w@host/s", StreamSource, "rtsp://u:***@host/s"),
        ("HTTP://host/live.m3u8", StreamSource, "HTTP://host/live.m3u8"),
        ("http://host/cam.cgi?pwd=pw", StreamSource, "http://host/cam.cgi?pwd=***"),
        ("https://u:pw@host/a/clip.MP4?x=1", RecordingSource, "https://u:***@host/a/clip.MP4?x=1"),
        ("clip.mp4", RecordingSource, "clip.mp4"),
        ("frames/*.jpg", ImageSource, "frames/*.jpg"),
    ],
)
def test_the_source_is_chosen_by_what_it_is(text: str | int, kind: type, name: str) -> None:
    source = open_source("lobby", text)
    assert type(source) is kind
    assert (source.camera, source.name, source.live) == ("lobby", name, kind is StreamSource)


def test_a_folder_is_images_and_a_file_with_glob_signs_is_a_file(tmp_path: Path) -> None:
    clip = tmp_path / "clip[1].mp4"
    clip.touch()
    assert type(open_source("lobby", str(tmp_path))) is ImageSource
    assert type(open_source("lobby", str(clip))) is RecordingSource


def test_an_unknown_kind_of_address_is_refused_without_its_password() -> None:
    with pytest.raises(SourceError, match=r"^lobby: ftp://u:\*\*\*@host/x: expected an address .* got ftp;"):
        open_source("lobby", "ftp://u:C4nary@host/x")


def test_a_device_that_is_not_there_is_refused() -> None:
    source = open_source("lobby", "/dev/video97")
    with pytest.raises(SourceError, match=r"^lobby: /dev/video97: expected a stream, but there is nothing of that"):
        source.open()


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_options_must_make_sense(value: float) -> None:
    with pytest.raises(ValueError, match=r"SourceOptions\.timeout_s: expected a number above 0"):
        SourceOptions(timeout_s=value)
    with pytest.raises(ValueError, match=r"SourceOptions\.fps"):
        SourceOptions(fps=value)
