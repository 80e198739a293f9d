"""`reid-pipeline config`: check a cameras.yaml, print its schema, write a first one."""

from __future__ import annotations

from typing import Annotated

import typer

from reid_pipeline.cli.options import AsJson, ConfigFile
from reid_pipeline.cli.terminal import note, print_json

app = typer.Typer(name="config", help="Check cameras.yaml, print its schema, write a first one.")


@app.command(epilog="Example: reid-pipeline config check cameras.yaml")
def check(config: ConfigFile, as_json: AsJson = False) -> None:
    """Check a cameras.yaml and print it with every default filled in.

    Reads that file only: no video, model or network. Passwords are left out.
    """
    import yaml

    from reid_pipeline.config.loader import load_config

    loaded = load_config(config)
    for warning in loaded.warnings:
        note(f"warning: {warning}")
    if as_json:
        print_json({"config": loaded.public, "sha256": loaded.sha256, "warnings": list(loaded.warnings)})
        return
    text = yaml.safe_dump(loaded.public, sort_keys=False, allow_unicode=True)
    typer.echo(text.rstrip())
    count = len(loaded.config.cameras)
    note(f"{config}: correct, {count} camera{'' if count == 1 else 's'}")


@app.command(epilog="Example: reid-pipeline config schema > cameras.schema.json")
def schema() -> None:
    """Print the JSON Schema of cameras.yaml.

    Editors complete and check a file as one types when they know its schema.
    """
    from reid_pipeline.config.schema import config_schema

    print_json(config_schema())


@app.command(epilog="Example: reid-pipeline config init lobby.mp4 rtsp://user@10.0.0.5/stream1 > cameras.yaml")
def init(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Files, folders, globs, addresses or device numbers.")
    ],
) -> None:
    """Print a commented cameras.yaml with one camera per source."""
    from reid_pipeline.config.starter import starter

    start = starter(sources)
    typer.echo(start.text, nl=False)
    for variable in start.passwords:
        note(f"the password was replaced by ${{{variable}}}; set that environment variable")
