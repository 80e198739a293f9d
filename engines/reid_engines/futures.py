"""One step on top of `concurrent.futures`: work that goes on where a result arrives."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def then(given: Future[Given], make: Callable[[Given], Made]) -> Future[Made]:
    """The future of `make(given)`, computed in the thread that completes `given`; failures of both pass through."""
    made: Future[Made] = Future()

    def complete(done: Future[Given]) -> None:
        try:
            made.set_result(make(done.result()))
        except Exception as error:
            made.set_exception(error)

    given.add_done_callback(complete)
    return made


def completed(value: Made) -> Future[Made]:
    """A future that already has its result."""
    made: Future[Made] = Future()
    made.set_result(value)
    return made
