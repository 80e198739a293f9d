"""The command line as a whole: help, errors, exit statuses, start-up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import typer

from reid_engines import errors as engine_errors
from reid_pipeline import errors
from reid_pipeline.cli import app as application
from reid_pipeline.cli import main
from reid_pipeline.cli.text import short_count

Invoke = Callable[..., Any]
COMMANDS = (
    *("run", "replay", "export", "train", "bench", "doctor", "evaluate tracks", "evaluate reid", "evaluate ablation"),
    *("engines list", "engines pull", "engines build", "engines check", "config check", "config schema", "config init"),
    *("gallery list", "gallery show", "gallery stats", "gallery audit", "gallery backup", "gallery merge"),
    *("gallery split", "gallery erase", "gallery purge"),
)
HEAVY = ("av", "cv2", "numpy", "onnxruntime", "openvino", "pydantic", "rich", "scipy", "torch", "trackers", "yaml")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_that_ends_in_an_example(invoke: Invoke, command: str) -> None:
    outcome = invoke(*command.split(), "--help")
    assert outcome.status == 0
    last = outcome.out.rstrip().split("\n\n")[-1]
    assert " ".join(last.split()).startswith(f"Example: reid-pipeline {command}")


def test_without_arguments_the_commands_are_listed(invoke: Invoke) -> None:
    outcome = invoke()
    assert outcome.status == 0
    for command in COMMANDS:
        assert f"\n  {command.split()[0]} " in outcome.out


def test_no_summary_in_a_list_of_commands_is_cut_off(invoke: Invoke) -> None:
    for group in ([], ["engines"], ["gallery"], ["config"], ["evaluate"]):
        assert "..." not in invoke(*group, "--help").out.split("Commands:")[1].replace("NAME...", "")


def test_version(invoke: Invoke) -> None:
    assert invoke("--version").out == f"reid-pipeline {metadata.version('reid-pipeline')}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "error: No such command 'rnu'. Did you mean 'run'? See reid-pipeline --help"),
        (["run"], "error: Missing argument 'CONFIG'; see reid-pipeline run --help"),
        (["run", "c.yaml", "--fast"], "error: No such option: --fast; see reid-pipeline run --help"),
        (["run", "c.yaml", "--limit", "x"], "error: Invalid value for '--limit': "),
        (["run", "c.yaml", "--threads", "-1"], "error: Invalid value for '--threads': "),
        (["engines"], "error: Missing command; see reid-pipeline engines --help"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(invoke: Invoke, arguments: list[str], message: str) -> None:
    outcome = invoke(*arguments)
    assert outcome.status == 2
    assert outcome.out == ""
    assert outcome.err.startswith(message)
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ConfigError("wrong"), 2),
        (engine_errors.UnknownModel("wrong"), 2),
        (engine_errors.SpecError("wrong"), 2),
        (errors.SourceError("wrong"), 1),
        (errors.GalleryError("wrong"), 1),
        (errors.MissingExtra("wrong"), 1),
        (engine_errors.FetchError("wrong"), 1),
        (OSError("wrong"), 1),
    ],
)
def test_errors_are_one_line(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int) -> None:
    _fail_with(monkeypatch, error)
    outcome = invoke("fail")
    assert (outcome.status, outcome.out, outcome.err) == (status, "", "error: wrong\n")


def test_an_error_of_several_lines_is_several_errors(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_with(monkeypatch, errors.ConfigError("a.yaml:1: x\na.yaml:2: y"))
    assert invoke("fail").err == "error: a.yaml:1: x\nerror: a.yaml:2: y\n"


def test_a_bug_is_one_line_too_unless_asked_for_more(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_with(monkeypatch, ZeroDivisionError("oh"))
    outcome = invoke("fail")
    assert outcome.status == 1
    assert outcome.err == "error: unexpected ZeroDivisionError: oh; --debug shows where\n"
    for arguments in (["fail", "--debug"], ["--debug", "fail"]):
        with pytest.raises(ZeroDivisionError):
            main(arguments)


def test_a_password_in_an_error_is_hidden(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_with(monkeypatch, errors.SourceError("rtsp://viewer:hunter2@10.0.0.5/1: no answer"))
    assert "hunter2" not in invoke("fail").err


def test_an_interrupt_is_one_line(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_with(monkeypatch, KeyboardInterrupt())
    outcome = invoke("fail")
    assert (outcome.status, outcome.err.strip()) == (1, "error: interrupted")


def test_a_reader_that_goes_away_is_no_reason_to_complain() -> None:
    command = [sys.executable, "-m", "reid_pipeline.cli", "config", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_help_imports_nothing_heavy_and_is_quick() -> None:
    code = (
        "import sys; from reid_pipeline.cli import main; status = main(['--help']);"
        f"print([name for name in {HEAVY} if name in sys.modules]); sys.exit(status)"
    )
    # the quickest of three, since other programs may keep the machine busy
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - began)
    assert done.stdout.splitlines()[-1] == "[]"
    assert min(seconds) < 0.5


def test_the_installed_program_starts(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("reid-pipeline")
    done = subprocess.run(
        [program, "run", "missing.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False, env=_environment()
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: missing.yaml: no such file; ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999.6, "1000"), (9999, "9999"), (12_345, "12.3k"), (2.5e6, "2.5M"), (3e9, "3.0G")]
)
def test_short_counts(number: float, text: str) -> None:
    assert short_count(number) == text


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


def _fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    program = typer.Typer()

    @program.command()
    def fail() -> None:
        raise error

    @program.callback()
    def root() -> None: ...

    monkeypatch.setattr(application, "app", program)
