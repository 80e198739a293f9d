"""Where the cameras' threads hand over their frames.

Recordings wait until their frame is taken, so nothing is lost; their frames are taken in the order of their time, which
makes a live run over recordings see the same sequence as a replay. Live cameras do not wait: the newest frame takes the
place of one that nobody took in time, and that one is counted as skipped.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from reid_pipeline.runtime.cameras import CameraRun
from reid_pipeline.types import NS_PER_S, Frame

AHEAD_FRAMES = 4
CLOSE_S = 1.0
RETRY_S = 2.0
LONGEST_RETRY_S = 30.0


@dataclass(slots=True)
class Arrival:
    """A frame of a camera, or None for the camera's end."""

    camera: CameraRun
    frame: Frame | None


@dataclass(slots=True)
class _Lane:
    camera: CameraRun
    order: int
    frames: deque[Frame] = field(default_factory=deque)
    over: bool = False
    absent: bool = False
    turn: int = 0
    last_s: float = field(default_factory=time.monotonic)


class Inbox:
    """One lane and one thread per camera.

    `realtime` makes recordings behave as live cameras at their own pace, as they do beside live cameras anyway. Zero of
    their clocks is now, which is `now_ns` on the run's clock.
    """

    def __init__(
        self, cameras: Mapping[str, CameraRun], *, realtime: bool, limit_s: float | None, now_ns: int = 0
    ) -> None:
        self.paced = realtime or any(camera.source.live for camera in cameras.values())
        self._now_ns = now_ns
        self._start_s = time.monotonic()
        self._turn = 0
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._limit_s = limit_s
        self._error: Exception | None = None
        self._lanes = [_Lane(camera, order) for order, camera in enumerate(cameras.values())]
        self._threads = [
            threading.Thread(target=self._run, args=(lane,), name=f"camera {lane.camera.name}", daemon=True)
            for lane in self._lanes
        ]
        for thread in self._threads:
            thread.start()

    def take(self, timeout_s: float) -> Arrival | None:
        """The next frame or camera's end; None when nothing came in time. Raises what a camera's thread raised."""
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None or self._next() is not None, timeout_s)
            if self._error is not None:
                raise self._error
            lane = self._next()
            if lane is None:
                return None
            self._changed.notify_all()
            self._turn += 1
            lane.turn = self._turn
            if lane.frames:
                return Arrival(lane.camera, lane.frames.popleft())
            self._lanes.remove(lane)
            return Arrival(lane.camera, None)

    @property
    def over(self) -> bool:
        """Whether every camera's end has been taken; one that never came up is not waited for."""
        return all(lane.absent for lane in self._lanes)

    def silent(self, longer_than_s: float) -> list[str]:
        """Live cameras that have given nothing for so long."""
        if not self.paced:
            return []
        now_s = time.monotonic()
        with self._changed:
            quiet = [lane for lane in self._lanes if not lane.frames and not lane.over]
            return [lane.camera.name for lane in quiet if now_s - lane.last_s > longer_than_s]

    def close(self) -> None:
        """Let go of all cameras and of their threads; the ends can still be taken."""
        self._closed.set()
        for lane in list(self._lanes):
            lane.camera.source.close()
        with self._changed:
            self._changed.notify_all()
        deadline_s = time.monotonic() + CLOSE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _next(self) -> _Lane | None:
        """The lane to take from.

        Live, it is the one that was not taken from for longest: on a busy site all lanes always have a frame, and each
        is to get its share. Of recordings it is the earliest frame, once every lane shows what it has.
        """
        ready = [lane for lane in self._lanes if lane.frames or lane.over]
        if self.paced:
            return min(ready, key=lambda lane: lane.turn, default=None)
        if len(ready) < len(self._lanes):
            return None
        return min(
            ready, key=lambda lane: (lane.frames[0].timestamp_ns if lane.frames else -1, lane.order), default=None
        )

    def _run(self, lane: _Lane) -> None:
        try:
            if lane.camera.failure and not (lane.camera.source.live and self._comes_up(lane)):
                return
            if self.paced and not lane.camera.source.live:
                self._read_paced(lane)
            else:
                self._read(lane)
        except Exception as error:
            self._error = error
        finally:
            with self._changed:
                lane.over = True
                self._changed.notify_all()

    def _comes_up(self, lane: _Lane) -> bool:
        """Keep trying a live camera that was off when the run began; whether it came up before the end."""
        lane.absent = True
        pause_s = RETRY_S
        while lane.camera.failure and not self._closed.wait(pause_s):
            lane.camera.try_again()
            pause_s = min(2 * pause_s, LONGEST_RETRY_S)
        lane.absent = bool(lane.camera.failure)
        return not lane.absent

    def _read(self, lane: _Lane) -> None:
        for frame in lane.camera.frames(self._limit_s):
            if self._closed.is_set():
                return
            self._hand_over(lane, frame)

    def _read_paced(self, lane: _Lane) -> None:
        """Each frame of a recording when its time has come: recordings that began later are waited for."""
        for frame in lane.camera.frames(self._limit_s, later_ns=self._now_ns):
            due_s = self._start_s + (frame.timestamp_ns - self._now_ns) / NS_PER_S
            if self._closed.wait(max(0.0, due_s - time.monotonic())):
                return
            self._hand_over(lane, frame)

    def _hand_over(self, lane: _Lane, frame: Frame) -> None:
        with self._changed:
            if not self.paced:
                self._changed.wait_for(lambda: self._closed.is_set() or len(lane.frames) < AHEAD_FRAMES)
            else:
                lane.camera.skipped += len(lane.frames)
                lane.frames.clear()
            lane.frames.append(frame)
            lane.last_s = time.monotonic()
            self._changed.notify_all()
