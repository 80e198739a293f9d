"""Bars on a terminal, and nothing but notes elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from reid_pipeline.cli.terminal import progress

# what a run does with its progress: a task of known length, one of unknown length, and a note
_WORK = """
import time
from reid_pipeline.cli.terminal import progress
with progress() as bars:
    bars.begin("frames", 20_000)
    bars.begin("[odd] task", None)
    for done in range(0, 20_001, 2_000):
        bars.advance("frames", done)
        bars.advance("[odd] task", done)
        time.sleep(0.02)
    bars.note("lost rtsp://u:hunter2@h/1 [soon]")
    bars.end("[odd] task")
    bars.end("frames")
print("result")
"""


def test_a_terminal_gets_bars_on_stderr_and_results_stay_apart() -> None:
    seen, out, status = _on_terminal(_WORK)
    assert (out, status) == (b"result\n", 0)
    assert "frames" in seen
    assert "/20.0k" in seen
    assert "/s" in seen
    assert "[odd] task" in seen
    assert "[soon]" in seen
    assert "hunter2" not in seen


def test_elsewhere_only_notes_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as quiet:
        quiet.begin("frames", 10)
        quiet.advance("frames", 5)
        quiet.note("lobby: rtsp://u:hunter2@h/1 is back")
        quiet.end("frames")
    assert capsys.readouterr() == ("", "lobby: rtsp://u:***@h/1 is back\n")


def _on_terminal(code: str) -> tuple[str, bytes, int]:
    """Run Python code with a terminal for stderr: what the terminal got, stdout, and the exit status."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        seen = b"".join(_chunks(ours))
        out, _ = process.communicate()
    os.close(ours)
    return seen.decode(), out, process.returncode


def _chunks(terminal: int) -> Iterator[bytes]:
    # Linux reports the end of a terminal as an error
    with suppress(OSError):
        while chunk := os.read(terminal, 65536):
            yield chunk
