"""Where camera threads hand over: recordings lose nothing, live cameras keep the newest, nobody waits for the dead."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from reid_pipeline.errors import SourceError
from reid_pipeline.runtime import inbox as inbox_module
from reid_pipeline.runtime.cameras import CameraRun
from reid_pipeline.runtime.inbox import AHEAD_FRAMES, Arrival, Inbox
from reid_pipeline.types import NS_PER_S, Frame
from reid_pipeline.video.protocol import SourceHealth, SourceInfo
from tiny_site import own_threads

PICTURE = np.zeros((4, 4, 3), np.uint8)


class Scripted:
    """A source whose frames come as a script says."""

    def __init__(self, camera: str, script: Callable[[Scripted], Iterator[int]], *, live: bool = False) -> None:
        self.camera = self.name = camera
        self.live = live
        self.health = SourceHealth()
        self.closed = threading.Event()
        self.given = 0
        self._script = script

    def open(self) -> SourceInfo:
        return SourceInfo(4, 4, 10.0, None)

    def frames(self) -> Iterator[Frame]:
        for time_ms in self._script(self):
            frame = Frame(self.camera, self.given, time_ms * 1_000_000, PICTURE)
            self.given += 1
            yield frame
            if self.closed.is_set():
                return

    def close(self) -> None:
        self.closed.set()


def counting(count: int, every_ms: int = 100, start_ms: int = 0) -> Callable[[Scripted], Iterator[int]]:
    return lambda source: iter(range(start_ms, start_ms + count * every_ms, every_ms))


def silent(source: Scripted) -> Iterator[int]:
    source.closed.wait()
    yield from ()


def breaking(source: Scripted) -> Iterator[int]:
    yield 0
    yield 100
    raise SourceError("c: the cable was cut")


def _again(source: Scripted) -> Scripted:
    return source


def cameras(*sources: Scripted) -> Mapping[str, CameraRun]:
    return {source.camera: CameraRun(source.camera, partial(_again, source), source) for source in sources}


@pytest.fixture
def opened() -> Iterator[Callable[..., Inbox]]:
    """Opens inboxes that are closed in the end."""
    inboxes: list[Inbox] = []

    def open_(*sources: Scripted, realtime: bool = False, limit_s: float | None = None, now_ns: int = 0) -> Inbox:
        inboxes.append(Inbox(cameras(*sources), realtime=realtime, limit_s=limit_s, now_ns=now_ns))
        return inboxes[-1]

    yield open_
    for inbox in inboxes:
        inbox.close()


def take_all(inbox: Inbox, *, pause_s: float = 0.0, within_s: float = 10.0) -> list[Arrival]:
    arrivals: list[Arrival] = []
    deadline_s = time.monotonic() + within_s
    while not inbox.over:
        assert time.monotonic() < deadline_s, f"still not over after {len(arrivals)} arrivals"
        arrival = inbox.take(0.02)
        if arrival is not None:
            arrivals.append(arrival)
            time.sleep(pause_s)
    return arrivals


def seen(arrivals: list[Arrival]) -> list[tuple[str, int]]:
    return [(a.camera.name, a.frame.timestamp_ns // 1_000_000) for a in arrivals if a.frame is not None]


def test_recordings_lose_nothing_and_come_in_the_order_of_their_time(opened: Callable[..., Inbox]) -> None:
    def hesitant(source: Scripted) -> Iterator[int]:
        for time_ms in range(0, 3000, 70):
            time.sleep(0.004)
            yield time_ms

    arrivals = take_all(
        opened(Scripted("a", counting(30)), Scripted("b", hesitant), Scripted("c", counting(5, 10, 950)))
    )
    expected = [("a", t) for t in range(0, 3000, 100)] + [("b", t) for t in range(0, 3000, 70)]
    expected += [("c", t) for t in range(950, 1000, 10)]
    assert seen(arrivals) == sorted(expected, key=lambda item: (item[1], item[0]))
    assert [a.camera.name for a in arrivals if a.frame is None].count("a") == 1
    assert all(a.camera.skipped == 0 for a in arrivals)


def test_recordings_are_not_read_far_ahead(opened: Callable[..., Inbox]) -> None:
    source = Scripted("a", counting(1000))
    inbox = opened(source)
    assert inbox.take(5.0) is not None
    time.sleep(0.1)
    assert source.given <= AHEAD_FRAMES + 2


def test_a_live_camera_keeps_the_newest_frame_and_counts_the_others(opened: Callable[..., Inbox]) -> None:
    source = Scripted("a", counting(50), live=True)
    inbox = opened(source)
    arrivals = take_all(inbox, pause_s=0.01)
    assert source.given == 50
    assert seen(arrivals)[-1] == ("a", 4900)
    (camera,) = {id(a.camera): a.camera for a in arrivals}.values()
    assert len(seen(arrivals)) + camera.skipped == 50
    assert camera.skipped > 0


def test_on_a_busy_site_every_camera_gets_its_share(opened: Callable[..., Inbox]) -> None:
    def endless(source: Scripted) -> Iterator[int]:
        time_ms = 0
        while not source.closed.wait(0.0005):
            time_ms += 1
            yield time_ms

    inbox = opened(*(Scripted(name, endless, live=True) for name in "abc"))
    taken: list[str] = []
    while len(taken) < 60:
        time.sleep(0.003)
        arrival = inbox.take(1.0)
        assert arrival is not None
        taken.append(arrival.camera.name)
    assert min(taken.count(name) for name in "abc") >= 15


def test_a_dead_camera_does_not_stall_the_others(opened: Callable[..., Inbox]) -> None:
    inbox = opened(Scripted("dead", silent, live=True), Scripted("a", counting(40, 10), live=False))
    begun_s = time.monotonic()
    arrivals: list[Arrival] = []
    while sum(a.frame is None for a in arrivals) < 1:
        assert time.monotonic() - begun_s < 5.0
        arrival = inbox.take(0.02)
        arrivals += [arrival] if arrival is not None else []
    assert {name for name, _ in seen(arrivals)} == {"a"}
    assert inbox.silent(0.05) == ["dead"]
    assert not inbox.over


def test_a_camera_that_breaks_ends_alone(opened: Callable[..., Inbox]) -> None:
    arrivals = take_all(opened(Scripted("a", counting(20)), Scripted("c", breaking)))
    assert [t for name, t in seen(arrivals) if name == "a"] == list(range(0, 2000, 100))
    (broken,) = [a.camera for a in arrivals if a.camera.name == "c" and a.frame is None]
    assert broken.failure == "c: the cable was cut"


def test_a_camera_that_never_opened_is_over_at_once() -> None:
    sites = cameras(Scripted("a", counting(3)), Scripted("b", counting(3)))
    sites["b"].failure = "b: not there"
    inbox = Inbox(sites, realtime=False, limit_s=None)
    assert {name for name, _ in seen(take_all(inbox))} == {"a"}
    inbox.close()


def test_what_a_camera_thread_raises_reaches_the_taker(opened: Callable[..., Inbox]) -> None:
    def buggy(source: Scripted) -> Iterator[int]:
        yield 0
        raise ZeroDivisionError("a bug")

    inbox = opened(Scripted("a", buggy))
    with pytest.raises(ZeroDivisionError, match="a bug"):
        take_all(inbox)


@pytest.mark.parametrize("live", [True, False])
def test_closing_ends_all_threads_within_a_second(live: bool) -> None:
    def endless(source: Scripted) -> Iterator[int]:
        time_ms = 0
        while not source.closed.wait(0.001):
            time_ms += 10
            yield time_ms

    before = threading.enumerate()
    inbox = Inbox(
        cameras(Scripted("a", endless, live=live), Scripted("b", silent, live=live), Scripted("c", counting(9))),
        realtime=False,
        limit_s=None,
    )
    time.sleep(0.05)
    begun_s = time.monotonic()
    inbox.close()
    assert time.monotonic() - begun_s < 1.0
    assert own_threads(before, within_s=0.0) == []


def test_closing_interrupts_the_wait_for_a_frames_time() -> None:
    before = threading.enumerate()
    inbox = Inbox(cameras(Scripted("a", counting(3, 60_000))), realtime=True, limit_s=None)
    assert inbox.take(2.0) is not None
    begun_s = time.monotonic()
    inbox.close()
    assert time.monotonic() - begun_s < 1.0
    assert own_threads(before, within_s=0.0) == []


def test_recordings_play_at_their_own_pace(opened: Callable[..., Inbox]) -> None:
    begun_s = time.monotonic()
    inbox = opened(Scripted("a", counting(11)), Scripted("late", counting(3, 100, 500)), realtime=True)
    came: dict[tuple[str, int], float] = {}
    while not inbox.over:
        arrival = inbox.take(0.02)
        if arrival is not None and arrival.frame is not None:
            came[arrival.camera.name, arrival.frame.timestamp_ns] = time.monotonic() - begun_s
    assert len(came) >= 9, "some frames may be late on a busy machine"
    for (_, timestamp_ns), at_s in came.items():
        assert -0.01 < at_s - timestamp_ns / NS_PER_S < 1.0
    assert "late" in {name for name, _ in came}, "one that began later is waited for, on the same clock"


def test_beside_live_cameras_a_recording_is_filmed_now(opened: Callable[..., Inbox]) -> None:
    """The models took seven seconds to open; live frames are stamped from then on, so recordings must be too."""
    inbox = opened(Scripted("a", counting(3)), Scripted("camera", silent, live=True), now_ns=7 * NS_PER_S)
    times = []
    for _ in range(3):
        arrival = inbox.take(5.0)
        assert arrival is not None
        assert arrival.frame is not None
        times.append(arrival.frame.timestamp_ns / NS_PER_S)
    assert times == [7.0, 7.1, 7.2]


def test_a_limit_is_counted_on_each_cameras_own_clock(opened: Callable[..., Inbox], tmp_path: Path) -> None:
    arrivals = take_all(opened(Scripted("a", counting(30)), Scripted("b", counting(30, 100, 5000)), limit_s=1.0))
    assert seen(arrivals) == [("a", t) for t in range(0, 1000, 100)] + [("b", t) for t in range(5000, 6000, 100)]


class Late(Scripted):
    """A live camera that is off for the first few times that somebody asks."""

    off = 2

    def open(self) -> SourceInfo:
        if self.off:
            self.off -= 1
            raise SourceError(f"{self.camera}: nobody there")
        return super().open()


def test_a_live_camera_that_was_off_at_the_start_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "RETRY_S", 0.05)
    late = Late("late", counting(3), live=True)

    def steady(source: Scripted) -> Iterator[int]:
        for time_ms in range(0, 1000, 10):
            time.sleep(0.01)
            yield time_ms

    runs = cameras(Scripted("a", steady, live=True), late)
    runs["late"].open()
    assert runs["late"].failure
    inbox = Inbox(runs, realtime=False, limit_s=None)
    try:
        arrivals = take_all(inbox)
    finally:
        inbox.close()
    assert any(camera == "late" for camera, _ in seen(arrivals))
    assert runs["late"].failure == ""
    assert late.health.reconnects == 1


def test_a_live_camera_that_never_comes_up_keeps_no_run_going() -> None:
    never = Late("never", counting(3), live=True)
    never.off = 1000
    runs = cameras(Scripted("a", counting(5), live=True), never)
    runs["never"].open()
    inbox = Inbox(runs, realtime=False, limit_s=None)
    try:
        assert {camera for camera, _ in seen(take_all(inbox))} == {"a"}
    finally:
        inbox.close()
    assert runs["never"].failure == "never: nobody there"
