from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from reid_pipeline.cli import main


class Outcome(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


Invoke = Callable[..., Outcome]


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str]) -> Invoke:
    """Runs the program in this process, with the status and streams that a shell would see."""

    def run(*arguments: object) -> Outcome:
        words: Sequence[str] = [str(argument) for argument in arguments]
        status = main(words)
        out, err = capsys.readouterr()
        return Outcome(status, out, err)

    return run
