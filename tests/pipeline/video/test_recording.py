from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from reid_pipeline.errors import SourceError
from reid_pipeline.types import NS_PER_S, Frame
from reid_pipeline.video.options import SourceEvent
from reid_pipeline.video.sources import open_source

MS = 1_000_000
MakeClip = Callable[..., Path]


def read_all(path: Path, *, start_ns: int = 0) -> list[Frame]:
    source = open_source("lobby", str(path), start_ns=start_ns)
    source.open()
    return list(source.frames())


def brightness(frames: list[Frame]) -> list[int]:
    """The index that each picture was drawn with."""
    return [round((float(np.median(frame.image[..., 1])) - 20) / 8) for frame in frames]


def test_every_frame_comes_in_order_at_its_time(make_clip: MakeClip) -> None:
    source = open_source("lobby", str(make_clip("a.mp4", frames=20)), start_ns=5)
    opened = source.open()
    assert (opened.width, opened.height, opened.fps, opened.frames) == (160, 120, 10.0, 20)
    frames = list(source.frames())
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.timestamp_ns for frame in frames] == [5 + n * 100 * MS for n in range(20)]
    assert brightness(frames) == list(range(20))
    assert (source.live, source.health.frames, source.health.dropped) == (False, 20, 0)


@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.mkv"])
def test_variable_frame_rate_is_kept_exactly(make_clip: MakeClip, name: str) -> None:
    pts = [0, 33, 67, 100, 400, 433, 2000, 2001, 2034]
    frames = read_all(make_clip(name, pts=pts))
    assert [frame.timestamp_ns for frame in frames] == [n * MS for n in pts]


def test_frames_coded_out_of_order_come_in_order(make_clip: MakeClip) -> None:
    frames = read_all(make_clip("b.mp4", frames=24, b_frames=3))
    assert brightness(frames) == list(range(24))
    assert [frame.timestamp_ns for frame in frames] == [n * 100 * MS for n in range(24)]


def test_the_first_frame_starts_the_clock_wherever_the_container_starts(make_clip: MakeClip) -> None:
    frames = read_all(make_clip("late.mkv", pts=[7000, 7100, 7200]), start_ns=3 * NS_PER_S)
    assert [frame.timestamp_ns for frame in frames] == [3000 * MS, 3100 * MS, 3200 * MS]


def test_sound_is_ignored_even_where_it_is_longer(make_clip: MakeClip) -> None:
    assert len(read_all(make_clip("sound.mp4", frames=10, audio=True))) == 10
    assert len(read_all(make_clip("sound.mkv", frames=10, audio=True))) == 10


def test_video_without_times_runs_at_its_rate(make_clip: MakeClip) -> None:
    frames = read_all(make_clip("raw.264", frames=20, b_frames=2))
    assert brightness(frames) == list(range(20))
    assert [frame.timestamp_ns for frame in frames] == [n * 100 * MS for n in range(20)]


def test_a_turned_picture_is_set_upright(make_clip: MakeClip) -> None:
    path = make_clip("a.mp4", frames=1)
    stored = read_all(path)[0].image
    content = path.read_bytes()
    track = content.index(b"tkhd")
    straight = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    clockwise = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)  # as phones held upright write it
    path.write_bytes(content[:track] + content[track:].replace(straight, clockwise, 1))
    turned = read_all(path)[0].image
    assert turned.shape == (160, 120, 3)
    assert np.array_equal(turned, np.rot90(stored, -1))


def test_a_change_of_size_is_delivered(make_clip: MakeClip, tmp_path: Path) -> None:
    joined = tmp_path / "joined.264"
    small, large = make_clip("small.264", frames=5), make_clip("large.264", frames=5, size=(320, 240))
    joined.write_bytes(small.read_bytes() + large.read_bytes())
    assert [frame.image.shape[:2] for frame in read_all(joined)] == [(120, 160)] * 5 + [(240, 320)] * 5


def test_damaged_pictures_are_left_out_counted_and_told_once_in_a_row(make_clip: MakeClip) -> None:
    path = make_clip("a.264", frames=40)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = np.random.default_rng(0).bytes(400)
    path.write_bytes(content)
    events: list[SourceEvent] = []
    source = open_source("lobby", str(path), report=events.append)
    source.open()
    frames = list(source.frames())
    assert len(frames) >= 30
    assert 1 <= source.health.dropped <= 10
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert events[0].type == "decode_error"
    assert len(events) <= source.health.dropped
    assert str(path) in source.health.last_error


@pytest.mark.parametrize(("name", "options"), [("cut.mp4", {"movflags": "faststart"}), ("cut.mkv", {})])
def test_a_file_cut_short_gives_what_it_has_and_then_says_so(
    make_clip: MakeClip, name: str, options: dict[str, str]
) -> None:
    path = make_clip(name, frames=60, options=options)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    source = open_source("lobby", str(path))
    source.open()
    frames: list[Frame] = []
    with pytest.raises(SourceError) as failure:
        frames.extend(source.frames())
    message = str(failure.value)
    assert message.startswith(f"lobby: {path}: expected more video after {len(frames)} frames, but it was cut short: ")
    assert message.endswith(" of 6.0 s are there; copy it again")
    assert 30 < len(frames) < 45
    assert brightness(frames) == [n % 25 for n in range(len(frames))]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is nothing of that name"),
        (b"", "it is not video, or it is damaged"),
        (b"just words\n" * 100, "it is not video, or it is damaged"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    source = open_source("lobby", str(path))
    with pytest.raises(SourceError) as failure:
        source.open()
    message = str(failure.value)
    assert message.startswith(f"lobby: {path}: expected a video file, but {reason}; ")
    assert "\n" not in message
    assert message.endswith(source.health.last_error)


def test_a_recording_whose_index_was_never_written_is_refused(make_clip: MakeClip) -> None:
    path = make_clip("noindex.mp4")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(SourceError, match="not video, or it is damaged"):
        open_source("lobby", str(path)).open()


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mka"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        container.mux([*stream.encode(silence), *stream.encode()])
    with pytest.raises(SourceError, match="there is no video in it"):
        open_source("lobby", str(path)).open()


def test_names_that_look_like_protocols_are_only_names(make_clip: MakeClip) -> None:
    path = make_clip("a.mp4", frames=3)
    odd = path.with_name("concat:10:30 [x]?.mp4")
    path.rename(odd)
    assert len(read_all(odd)) == 3


def test_closing_from_another_thread_ends_the_frames(make_clip: MakeClip) -> None:
    source = open_source("lobby", str(make_clip("a.mp4", frames=100)))
    source.open()
    threading.Timer(0.1, source.close).start()
    taken = 0
    for _ in source.frames():
        taken += 1
        time.sleep(0.01)
    assert 1 <= taken < 100
    assert source.health.last_error == ""


def test_two_readings_are_alike_even_of_a_damaged_file(make_clip: MakeClip) -> None:
    path = make_clip("a.264", frames=40)
    content = bytearray(path.read_bytes())
    for place in range(2000, len(content) - 100, 1500):
        content[place : place + 50] = b"\x55" * 50
    path.write_bytes(content)
    first, second = read_all(path), read_all(path)
    assert [frame.timestamp_ns for frame in first] == [frame.timestamp_ns for frame in second]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


def test_real_footage_decodes_whole() -> None:
    footage = Path(__file__).parents[4] / "shared" / "assets" / "footage"
    if not footage.is_dir():
        pytest.skip("the real footage is not part of the project")
    raw = read_all(footage / "single" / "intel_people-detection.264")
    assert (len(raw), raw[-1].timestamp_ns) == (596, 595 * NS_PER_S // 24)
    assert len(read_all(footage / "pets" / "View_001.mp4")) == 101
