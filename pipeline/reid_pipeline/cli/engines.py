"""`reid-pipeline engines`: the models that can be named in a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reid_pipeline.cli.options import AsJson, Mirror
from reid_pipeline.cli.terminal import note, print_json, print_table, progress
from reid_pipeline.cli.text import short_count, short_path

if TYPE_CHECKING:
    from reid_engines.store import ModelStatus
    from reid_pipeline.runtime.report import Progress

app = typer.Typer(name="engines", help="List and pull models, build them from checkpoints.")


@app.command("list", epilog="Example: reid-pipeline engines list")
def list_(as_json: AsJson = False) -> None:
    """List the models that can be named in a configuration."""
    from reid_engines.store import list_models, model_folder

    models = list_models()
    if as_json:
        print_json([_as_dict(model) for model in models])
        return
    rows = [(m.name, m.kind, m.licence, _size(m), "ready" if m.cached else "not pulled", m.description) for m in models]
    print_table(("NAME", "KIND", "LICENCE", "SIZE", "STATE", "WHAT"), rows)
    note(f"models are kept in {model_folder()}")


@app.command(epilog="Example: reid-pipeline engines pull yolox-tiny yolo11n")
def pull(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names from `engines list`.")],
    mirror: Mirror = None,
    as_json: AsJson = False,
) -> None:
    """Fetch models into the model folder.

    Each file is checked against its sha256; prints where the files are.
    """
    from reid_engines.store import resolve

    models = [_known(name) for name in names]
    paths: dict[str, str] = {}
    with progress() as bars:
        for model in models:
            report = _Download(bars)
            resolved = resolve(model.name, kind=model.kind, mirror=mirror, progress=report)
            report.finish()
            bars.note(f"{model.name}: licence {model.licence}")
            paths[model.name] = str(resolved.path)
    if as_json:
        print_json(paths)
        return
    for path in paths.values():
        typer.echo(path)


@app.command(epilog="Example: reid-pipeline engines build best.pt --output best.onnx")
def build(
    checkpoint: Annotated[Path, typer.Argument(metavar="FILE.pt", help="An Ultralytics checkpoint.")],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE.onnx", help="Where to write; by default beside the checkpoint.", show_default=False),
    ] = None,
) -> None:
    """Export a .pt checkpoint to ONNX.

    ONNX is what the pipeline runs. Needs the extra [ultralytics].
    """
    from reid_pipeline.detect.export import export_checkpoint

    written = export_checkpoint(checkpoint, output or checkpoint.with_suffix(".onnx"))
    typer.echo(short_path(written))


class _Download:
    """The store's (name, done, total) reports as one bar per file."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._name = ""

    def __call__(self, name: str, done: int, total: int) -> None:
        if name != self._name:
            self.finish()
            self._name = name
            self._bars.begin(name, total or None)
        self._bars.advance(name, done)

    def finish(self) -> None:
        if self._name:
            self._bars.end(self._name)
            self._name = ""


def _known(name: str) -> ModelStatus:
    from difflib import get_close_matches

    from reid_engines.errors import UnknownModel
    from reid_engines.store import list_models

    models = {model.name: model for model in list_models()}
    if name in models:
        return models[name]
    near = get_close_matches(name, models, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(models)}"
    raise UnknownModel(f"{name}: no model of that name; {hint}")


def _size(model: ModelStatus) -> str:
    return f"{short_count(model.size)}B" if model.size else "-"


def _as_dict(model: ModelStatus) -> dict[str, object]:
    return {name: getattr(model, name) for name in model.__slots__}
