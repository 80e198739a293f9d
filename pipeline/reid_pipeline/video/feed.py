"""Takes a source's pictures out of a thread that may wait for the network for as long as it likes.

libav cannot be interrupted from outside, and its objects must stay in one thread. So each connection is read in a
thread of its own, a few pictures ahead; whoever takes them waits no longer than it wants to and can leave at any time.
A thread that was left behind ends on its own when its read returns, at the latest by the timeout that libav was given.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from reid_pipeline.video.libav import Stalled

T = TypeVar("T")


@dataclass(slots=True)
class _Reading(Generic[T]):
    """One connection's state, shared by its thread and the taker under the feed's lock."""

    items: deque[T] = field(default_factory=deque)
    ended: bool = False
    error: Exception | None = None


class Feed(Generic[T]):
    """At most `ahead` items wait; the thread stops reading until there is room."""

    def __init__(self, *, ahead: int) -> None:
        self._ahead = ahead
        self._changed = threading.Condition()
        self._reading: _Reading[T] = _Reading(ended=True, error=RuntimeError("open() comes before frames()"))
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def start(self, items: Callable[[], Generator[T, None, None]], name: str) -> None:
        """Read anew, in a new thread, leaving behind what was read so far. Does nothing once closed."""
        with self._changed:
            if self._closed:
                return
            self._reading = _Reading()
            self._changed.notify_all()
            threading.Thread(target=self._run, args=(self._reading, items), name=name, daemon=True).start()

    def take(self, timeout_s: float | None) -> T | None:
        """The next item; None at the end and once closed.

        Raises what the reading thread raised, and `Stalled` when there was nothing for `timeout_s`.
        """
        with self._changed:
            reading = self._reading
            self._changed.wait_for(lambda: self._closed or reading.items or reading.ended, timeout_s)
            if self._closed:
                return None
            if reading.items:
                self._changed.notify_all()
                return reading.items.popleft()
            if reading.error is not None:
                raise reading.error
            if reading.ended:
                return None
        raise Stalled

    def close(self) -> None:
        """Stop for good; `take` returns None from now on, also where it is waiting. May come from any thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self, reading: _Reading[T], items: Callable[[], Generator[T, None, None]]) -> None:
        error: Exception | None = None
        try:
            with closing(items()) as iterator:
                for item in iterator:
                    if not self._hand_over(reading, item):
                        return
        except Exception as raised:
            error = raised
        finally:
            with self._changed:
                reading.error, reading.ended = error, True
                self._changed.notify_all()

    def _hand_over(self, reading: _Reading[T], item: T) -> bool:
        """Wait for room and add the item; False when nobody wants it any more."""

        def left_behind() -> bool:
            return self._closed or reading is not self._reading

        with self._changed:
            self._changed.wait_for(lambda: left_behind() or len(reading.items) < self._ahead)
            if left_behind():
                return False
            reading.items.append(item)
            self._changed.notify_all()
            return True
