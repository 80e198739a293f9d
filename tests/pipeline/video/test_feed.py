from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest

from reid_pipeline.video.feed import Feed
from reid_pipeline.video.libav import Stalled


def numbers(count: int, ended: threading.Event | None = None) -> Generator[int, None, None]:
    try:
        yield from range(count)
    finally:
        if ended is not None:
            ended.set()


def test_items_come_in_order_and_then_none() -> None:
    feed: Feed[int] = Feed(ahead=2)
    feed.start(lambda: numbers(100), "test")
    assert [feed.take(None) for _ in range(101)] == [*range(100), None]


def test_it_reads_no_further_ahead_than_asked() -> None:
    read = []

    def items() -> Generator[int, None, None]:
        for number in range(10):
            read.append(number)
            yield number

    feed: Feed[int] = Feed(ahead=2)
    feed.start(items, "test")
    assert feed.take(None) == 0
    time.sleep(0.05)
    assert len(read) <= 4  # one taken, two waiting, one in hand
    feed.close()


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        raise ValueError("broken")

    feed: Feed[int] = Feed(ahead=4)
    feed.start(items, "test")
    assert feed.take(None) == 1
    with pytest.raises(ValueError, match="broken"):
        feed.take(None)


def test_nothing_in_time_is_a_stall() -> None:
    never = threading.Event()

    def items() -> Generator[int, None, None]:
        never.wait()
        yield 1

    feed: Feed[int] = Feed(ahead=1)
    feed.start(items, "test")
    with pytest.raises(Stalled):
        feed.take(0.01)
    never.set()


def test_closing_wakes_the_taker_and_ends_the_reader() -> None:
    feed: Feed[int] = Feed(ahead=1)
    ended = threading.Event()
    feed.start(lambda: numbers(100, ended), "test")
    threading.Timer(0.05, feed.close).start()
    while feed.take(None) is not None:
        time.sleep(0.01)
    assert ended.wait(1)
    feed.start(lambda: numbers(1), "test")
    assert feed.take(None) is None


def test_starting_anew_leaves_the_old_reader_behind() -> None:
    feed: Feed[int] = Feed(ahead=1)
    ended = threading.Event()
    feed.start(lambda: numbers(100, ended), "old")
    assert feed.take(None) == 0
    feed.start(lambda: numbers(3), "new")
    assert [feed.take(None) for _ in range(4)] == [0, 1, 2, None]
    assert ended.wait(1)


def test_taking_before_starting_is_a_mistake() -> None:
    feed: Feed[int] = Feed(ahead=1)
    with pytest.raises(RuntimeError, match="open"):
        feed.take(None)
