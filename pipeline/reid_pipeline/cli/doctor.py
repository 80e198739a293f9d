"""`reid-pipeline doctor`: what works on this machine, what does not, and the command that mends it."""

from __future__ import annotations

import typer

from reid_pipeline.cli.options import AsJson
from reid_pipeline.cli.terminal import print_json


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: reid-pipeline doctor")(doctor)


def doctor(as_json: AsJson = False) -> None:
    """Check what works on this machine.

    Looks at packages, backends (each really executes a network), models, folders and codecs. Exit
    status 1 when something essential is broken; what is merely missing is said with the command that installs it.
    """
    from reid_pipeline.cli.checks import State, all_checks

    checks = []
    for check in all_checks():
        checks.append(check)
        if not as_json:
            typer.echo(f"{check.state.value:<8}{check.name:<24}{check.detail}".rstrip())
            if check.fix:
                typer.echo(f"{'':<8}{'':<24}-> {check.fix}")
    broken = [check.name for check in checks if check.state is State.BROKEN]
    if as_json:
        print_json({"ok": not broken, "checks": [check.to_dict() for check in checks]})
    else:
        typer.echo(f"\nbroken: {', '.join(broken)}" if broken else "\nready to run")
    if broken:
        raise typer.Exit(1)
