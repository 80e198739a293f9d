"""All commands together, and how their errors reach a person: one line each, and the exit status.

0 done, 1 failed, 2 wrong configuration or arguments.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from reid_engines.errors import EngineError, SpecError, UnknownModel
from reid_pipeline.cli import bench, config, doctor, engines, evaluate, export, gallery, run, train
from reid_pipeline.cli.terminal import error_line
from reid_pipeline.errors import ConfigError, PipelineError

FAILED, WRONG_USE = 1, 2
INTERRUPTED = 130  # what typer makes of a KeyboardInterrupt; older versions raise Abort
PROGRAM = "reid-pipeline"
DEBUG = "--debug"

# typer keeps its parser's exceptions to itself except for this one; its parent is every wrong argument
_UsageError = typer.BadParameter.__mro__[1]

app = typer.Typer(
    help="Many cameras in, one identity per person across all of them out, as JSON.",
    epilog="Example: reid-pipeline run cameras.yaml --output out",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
run.register(app)
export.register(app)
train.register(app)
app.add_typer(evaluate.app)
app.add_typer(engines.app)
app.add_typer(gallery.app)
app.add_typer(config.app)
bench.register(app)
doctor.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"{PROGRAM} {version(PROGRAM)}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option(DEBUG, help="Show the traceback of an error; works after any command.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. Arguments default to those of the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in given
    rest = [argument for argument in given if argument != DEBUG]
    try:
        status = app(rest, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:
        if debug:
            raise
        return _report(error)
    if status == INTERRUPTED:
        error_line("interrupted")
        return FAILED
    return status if isinstance(status, int) else 0


def _report(error: Exception) -> int:
    if isinstance(error, BrokenPipeError):
        # whoever read our output has gone; a closed stdout would complain once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if isinstance(error, PipelineError | EngineError):
        error_line(str(error))
        return WRONG_USE if isinstance(error, ConfigError | UnknownModel | SpecError) else FAILED
    if isinstance(error, _UsageError):
        error_line(_usage(error))
        return WRONG_USE
    if isinstance(error, typer.Abort):
        error_line("interrupted")
        return FAILED
    if isinstance(error, OSError):
        error_line(str(error))
        return FAILED
    message = " ".join(str(error).split())
    error_line(f"unexpected {type(error).__name__}: {message}; {DEBUG} shows where")
    return FAILED


def _usage(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else PROGRAM
    message = str(getattr(error, "format_message", error.__str__)()).rstrip(".")
    joint = " See" if message.endswith("?") else "; see"
    return f"{message}{joint} {command} --help"
