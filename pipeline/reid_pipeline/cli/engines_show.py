"""`reid-pipeline engines show`: everything that is known of one model, and what was measured of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from reid_pipeline.cli.options import AsJson
from reid_pipeline.cli.terminal import print_json, print_table
from reid_pipeline.cli.text import short_count, short_path

if TYPE_CHECKING:
    from reid_engines.spec import FigureSpec, ModelSpec
    from reid_engines.store import ModelStatus


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: reid-pipeline engines show saga-s")(show)


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from `engines list`.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show what is known of a model.

    Where it is, what it learned from and on which terms, and what was measured of it.
    """
    from reid_engines.spec import shipped_specs

    spec = shipped_specs()[known_model(name).name]
    if as_json:
        print_json(spec.model_dump(mode="json", exclude_defaults=True))
        return
    facts = list(_facts(spec))
    widest = max(len(key) for key, _ in facts)
    for key, value in facts:
        typer.echo(f"{key:{widest}}  {value}")
    if spec.figures:
        typer.echo("")
        print_table(("DATA", "QUERIES", "PART", "RANK-1", "MAP", "CAPTURED"), [_row(figure) for figure in spec.figures])


def known_model(name: str) -> ModelStatus:
    """The model of that name. Raises `UnknownModel`, with the nearest known name."""
    from difflib import get_close_matches

    from reid_engines.errors import UnknownModel
    from reid_engines.store import list_models

    models = {model.name: model for model in list_models()}
    if name in models:
        return models[name]
    near = get_close_matches(name, models, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(models)}"
    raise UnknownModel(f"{name}: no model of that name; {hint}")


def _facts(spec: ModelSpec) -> Iterator[tuple[str, str]]:
    from reid_engines.store import path_of

    yield "name", spec.name
    yield "what", spec.description
    yield "kind", spec.kind
    yield "licence", spec.licence
    for key, file in (("file", spec.file), ("weights", spec.weights)):
        if file is not None:
            path = path_of(spec, file)
            state = "" if path.is_file() else ", not pulled"
            yield key, f"{short_path(path)} ({short_count(file.size)}B{state})"
            yield "sha256", file.sha256
    if spec.encoder is not None:
        yield "match", f"{spec.encoder.match} (cosine from which two looks are one person)"
    if spec.training is not None:
        yield "recipe", spec.training.recipe
        yield "start", spec.training.start
        yield "teacher", spec.training.teacher
        for source in spec.training.data:
            yield "learned from", source


def _row(figure: FigureSpec) -> tuple[str, ...]:
    captured = "-" if figure.captured is None else f"{figure.captured:.1f} %"
    return (
        figure.data,
        figure.queries or "as they are",
        figure.part or "all",
        f"{figure.rank1:.1f}",
        f"{figure.map:.1f}",
        captured,
    )
