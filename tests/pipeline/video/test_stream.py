from __future__ import annotations

import threading
import time
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from reid_pipeline.errors import SourceError
from reid_pipeline.video.libav import Input
from reid_pipeline.video.options import SourceEvent, SourceOptions
from reid_pipeline.video.sources import open_source
from reid_pipeline.video.stream import StreamSource

if TYPE_CHECKING:
    from tests.pipeline.video.conftest import Camera, MakeClip

CANARY = "C4n@ry/#1"
QUICK = SourceOptions(timeout_s=1.0, backoff_s=0.05, max_backoff_s=0.2)


def rtsp_source(camera: Camera, events: list[SourceEvent], user: str = "") -> StreamSource:
    source = open_source("gate", f"rtsp://{user}127.0.0.1:{camera.port}/s", options=QUICK, report=events.append)
    assert isinstance(source, StreamSource)
    return source


def kinds(events: list[SourceEvent]) -> list[str]:
    return [event.type for event in events]


def test_a_stream_gives_frames_stamped_by_the_clock(rtsp: Camera) -> None:
    events: list[SourceEvent] = []
    source = rtsp_source(rtsp, events)
    begin_ns = time.time_ns()
    opened = source.open()
    assert (opened.width, opened.height, opened.fps, opened.frames) == (160, 120, 50.0, None)
    frames = list(islice(source.frames(), 60))
    stamps = [frame.timestamp_ns for frame in frames]
    assert [frame.index for frame in frames] == list(range(60))
    assert stamps == sorted(set(stamps))
    assert begin_ns <= stamps[0] < stamps[-1] <= time.time_ns()
    assert events == []
    assert source.live


def test_a_stream_that_breaks_off_is_opened_again(rtsp: Camera) -> None:
    rtsp.plan(frames=30)
    rtsp.plan(frames=30)
    events: list[SourceEvent] = []
    source = rtsp_source(rtsp, events)
    source.open()
    frames = list(islice(source.frames(), 70))
    stamps = [frame.timestamp_ns for frame in frames]
    assert kinds(events) == ["lost", "reconnect", "lost", "reconnect"]
    assert [frame.index for frame in frames] == list(range(70))
    assert stamps == sorted(set(stamps))
    assert (source.health.reconnects, source.health.stalls, source.health.frames) == (2, 0, 70)


def test_a_stream_that_falls_silent_is_a_stall(rtsp: Camera) -> None:
    rtsp.plan(frames=30, then="stall")
    events: list[SourceEvent] = []
    source = rtsp_source(rtsp, events)
    source.open()
    assert len(list(islice(source.frames(), 40))) == 40
    assert kinds(events) == ["stall", "reconnect"]
    assert (source.health.stalls, source.health.reconnects) == (1, 1)
    assert "gave nothing in time; next try in 0.05 s" in events[0].message


def test_a_stream_that_never_answers_is_refused_in_time(rtsp: Camera) -> None:
    rtsp.plan(answer=False)
    source = rtsp_source(rtsp, [])
    begin_s = time.monotonic()
    with pytest.raises(
        SourceError, match=r"^gate: rtsp://127.*: expected a stream, but it gave nothing in time; check"
    ):
        source.open()
    assert 0.9 < time.monotonic() - begin_s < 2
    assert source.health.stalls == 1


def test_closing_ends_the_wait_for_an_answer(rtsp: Camera) -> None:
    rtsp.plan(answer=False)
    source = open_source("gate", f"rtsp://127.0.0.1:{rtsp.port}/s", options=SourceOptions(timeout_s=30))
    closer = threading.Timer(0.2, source.close)
    closer.start()
    with pytest.raises(SourceError, match="it was closed before its first picture"):
        source.open()
    closer.join()


def test_pauses_double_up_to_the_limit_and_start_afresh(rtsp: Camera) -> None:
    for frames in (30, 0, 0, 0, 0, 30):  # those in the middle are refused before they see a frame
        rtsp.plan(frames)
    pauses: list[float] = []

    def wait(pause_s: float) -> bool:
        rtsp.credentials = ("viewer", "secret") if len(pauses) < 4 else None
        pauses.append(pause_s)
        return len(pauses) == 6

    events: list[SourceEvent] = []
    url = f"rtsp://127.0.0.1:{rtsp.port}/s"
    address = Input(url, url, options={"rtsp_transport": "tcp"}, timeout_s=5)
    options = SourceOptions(backoff_s=1, max_backoff_s=5)
    source = StreamSource("gate", address, options=options, report=events.append, wait=wait)
    source.open()
    assert len(list(source.frames())) == 60
    assert pauses == [1, 2, 4, 5, 5, 1]
    assert kinds(events) == ["lost"] * 5 + ["reconnect", "lost"]
    assert events[1].message == f"{url}: user name or password was refused (401); next try in 2 s"


def test_the_right_password_opens_whatever_is_in_it(rtsp: Camera) -> None:
    rtsp.credentials = ("viewer", CANARY)
    source = rtsp_source(rtsp, [], user=f"viewer:{quote(CANARY, safe='')}@")
    source.open()
    assert len(list(islice(source.frames(), 3))) == 3


@pytest.mark.parametrize("password", ["C4nary", "C4nary%40%2F", "C4nary@", "C4/nary#", "1/C4nary?"])
def test_a_refused_password_is_never_shown(rtsp: Camera, capfd: pytest.CaptureFixture[str], password: str) -> None:
    rtsp.credentials = ("viewer", "secret")
    source = rtsp_source(rtsp, [], user=f"viewer:{password}@")
    with pytest.raises(SourceError) as failure:
        source.open()
    shown = [str(failure.value), source.name, source.health.last_error, *capfd.readouterr()]
    shown += [str(cause) for cause in (failure.value.__cause__, failure.value.__context__)]
    assert not any("nary" in text for text in shown)
    assert f"viewer:***@127.0.0.1:{rtsp.port}/s" in source.name


def test_a_wrong_password_says_so(rtsp: Camera, http: Camera) -> None:
    for camera, path in ((rtsp, "rtsp://viewer:no@127.0.0.1:{}/s"), (http, "http://viewer:no@127.0.0.1:{}/live.mjpg")):
        camera.credentials = ("viewer", "secret")
        with pytest.raises(SourceError, match=r"user name or password was refused \(401\); check them"):
            open_source("gate", path.format(camera.port), options=QUICK).open()


def test_passwords_stay_out_of_events_of_a_running_stream(rtsp: Camera, capfd: pytest.CaptureFixture[str]) -> None:
    rtsp.credentials = ("viewer", CANARY)
    rtsp.plan(frames=30)
    events: list[SourceEvent] = []
    source = rtsp_source(rtsp, events, user=f"viewer:{quote(CANARY, safe='')}@")
    source.open()
    list(islice(source.frames(), 35))
    assert kinds(events) == ["lost", "reconnect"]
    assert not any("nary" in text for text in (str(events), source.health.last_error, *capfd.readouterr()))


def test_unknown_hosts_and_closed_ports_are_told_apart() -> None:
    with pytest.raises(SourceError, match="the connection was refused"):
        open_source("gate", "rtsp://127.0.0.1:1/s", options=QUICK).open()
    with pytest.raises(SourceError, match="its host name is not known"):
        open_source("gate", "rtsp://camera.invalid/s", options=SourceOptions(timeout_s=5)).open()


@pytest.mark.parametrize("backoff_s", [0.05, 60.0])
def test_closing_ends_a_silent_stream_and_a_long_pause(rtsp: Camera, backoff_s: float) -> None:
    rtsp.plan(frames=30, then="stall" if backoff_s < 1 else "drop")
    options = SourceOptions(timeout_s=30, backoff_s=backoff_s, max_backoff_s=60)
    source = open_source("gate", f"rtsp://127.0.0.1:{rtsp.port}/s", options=options)
    source.open()
    closer = threading.Timer(1.0, source.close)
    begin_s = time.monotonic()
    closer.start()
    assert len(list(source.frames())) >= 29  # the decoder learns from the next frame that one is complete
    assert time.monotonic() - begin_s < 2
    closer.join()


def test_multipart_jpeg_is_stamped_on_arrival_and_opened_again(http: Camera) -> None:
    http.plan(frames=10)
    events: list[SourceEvent] = []
    address = f"http://127.0.0.1:{http.port}/live.mjpg"
    source = open_source("gate", address, options=QUICK, report=events.append)
    source.open()
    frames = list(islice(source.frames(), 25))
    assert kinds(events) == ["lost", "reconnect"]
    span_s = (frames[9].timestamp_ns - frames[0].timestamp_ns) / 1e9
    assert 0.15 < span_s < 1  # ten frames at fifty a second, not at the 25 that libav assumes


def test_a_file_behind_an_address_is_a_recording(http: Camera, make_clip: MakeClip) -> None:
    http.files["/clip.mp4"] = make_clip("clip.mp4", frames=12).read_bytes()
    source = open_source("gate", f"http://127.0.0.1:{http.port}/clip.mp4?x=1", options=QUICK, start_ns=9)
    source.open()
    assert [frame.timestamp_ns for frame in source.frames()] == [9 + n * 100_000_000 for n in range(12)]


def test_an_address_without_a_stream_says_so(http: Camera) -> None:
    for path in ("nothing", "nothing.mp4"):
        with pytest.raises(SourceError, match=r"there is no such stream \(404\)"):
            open_source("gate", f"http://127.0.0.1:{http.port}/{path}", options=QUICK).open()
