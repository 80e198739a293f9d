"""`reid-pipeline train`: weights of one's own, by a recipe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from reid_pipeline.cli.options import AsJson
from reid_pipeline.cli.terminal import print_json, progress
from reid_pipeline.cli.text import short_path


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: reid-pipeline train saga-b-market1501 --data DIR --output trained")(train)


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            help="A recipe's YAML file, or the name of one that comes with the project, such as saga-b-market1501.",
            show_default=False,
        ),
    ],
    *,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The data set's folder, in the place of the recipe's data.root."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write weights, checkpoint and logs to this folder; by default out/ and the name."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train an encoder.

    What was interrupted goes on where it stopped when the same command is given again. Weights are those after the last
    step; use them by their path, such as encoder: {model: trained/saga-b.safetensors}. Several GPUs train together
    under torchrun: torchrun --no-python --nproc-per-node 4 reid-pipeline train RECIPE. Needs the extra [train].
    """
    from reid_tools.train.recipe import load_recipe

    loaded = load_recipe(recipe, data=data)
    carry_out = loaded.method.load()
    folder = output or Path("out", loaded.name)
    with progress() as bars:
        weights = carry_out(loaded.recipe, folder, bars)
    if os.environ.get("RANK", "0") != "0":
        return  # the first process of torchrun speaks for all
    if as_json:
        print_json({"recipe": loaded.name, "weights": str(weights)})
    else:
        typer.echo(f"weights  {short_path(weights)}")
