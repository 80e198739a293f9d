"""The pictures of one input, read ahead in a thread, with the damaged ones counted on the way."""

from __future__ import annotations

import time

from reid_pipeline.video.feed import Feed
from reid_pipeline.video.ledger import Ledger
from reid_pipeline.video.libav import DEFAULT_FPS, Damage, Input, Item, Opened, Picture, ReadError, read
from reid_pipeline.video.protocol import SourceInfo


class Intake:
    """Opens an input, as often as asked, and gives its pictures one by one. `fps` is the nominal rate, once open."""

    def __init__(self, source: Input, ledger: Ledger, *, ahead: int) -> None:
        self._source = source
        self._ledger = ledger
        self._feed: Feed[Item] = Feed(ahead=ahead)
        self._first: Picture | None = None
        self.fps = DEFAULT_FPS

    @property
    def closed(self) -> bool:
        return self._feed.closed

    def open(self) -> SourceInfo:
        """Open the input and wait for its first picture, which only then is known to exist and how large it is.

        Raises `ReadError`.
        """
        self._feed.start(lambda: read(self._source, self._ledger.clock), name=f"read {self._source.name}")
        deadline_s = self._deadline_s()
        opened = self._take(deadline_s)
        self._first = self._next_picture(deadline_s)
        if self.closed:
            raise ReadError("it was closed before its first picture", "start again")
        if self._first is None or not isinstance(opened, Opened):
            raise ReadError("no picture in it can be decoded", "see whether it plays")
        self.fps = opened.fps
        height, width, _ = self._first.image.shape
        return SourceInfo(width=width, height=height, fps=float(opened.fps), frames=opened.frames)

    def next(self) -> Picture | None:
        """The next picture; None at the end and once closed. Raises `ReadError`."""
        picture, self._first = self._first, None
        return picture or self._next_picture(self._deadline_s())

    def close(self) -> None:
        """May come from any thread; `next` then returns None."""
        self._feed.close()

    def _next_picture(self, deadline_s: float | None) -> Picture | None:
        """Damaged pictures do not count as a sign of life: they do not put off the deadline."""
        while (item := self._take(deadline_s)) is not None:
            if isinstance(item, Picture):
                self._ledger.intact()
                return item
            if isinstance(item, Damage):
                self._ledger.damaged(f"{self._source.name}: a picture is damaged and was left out")
        return None

    def _take(self, deadline_s: float | None) -> Item | None:
        return self._feed.take(None if deadline_s is None else max(0.0, deadline_s - time.monotonic()))

    def _deadline_s(self) -> float | None:
        return None if self._source.timeout_s is None else time.monotonic() + self._source.timeout_s
