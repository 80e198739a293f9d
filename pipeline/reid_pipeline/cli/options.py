"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The cameras.yaml.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Mirror = Annotated[
    Path | None,
    typer.Option("--mirror", metavar="DIR", help="Take model files from this folder before asking the network."),
]
Limit = Annotated[
    float | None,
    typer.Option("--limit", metavar="SECONDS", min=0, help="End every camera after so many seconds of its own time."),
]
