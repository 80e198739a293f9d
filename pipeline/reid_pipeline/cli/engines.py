"""`reid-pipeline engines`: the models that can be named in a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from reid_pipeline.cli import engines_show
from reid_pipeline.cli.bench import SAMPLE
from reid_pipeline.cli.engines_show import known_model
from reid_pipeline.cli.options import AsJson, Mirror
from reid_pipeline.cli.terminal import note, print_json, print_table, progress
from reid_pipeline.cli.text import short_count, short_path
from reid_pipeline.errors import ConfigError

if TYPE_CHECKING:
    from reid_engines.parity import Report
    from reid_engines.store import ModelStatus
    from reid_pipeline.runtime.report import Progress

app = typer.Typer(name="engines", help="List and pull models, build and check what backends execute.")

# Enough for a nearest neighbour to mean something, few enough for a large model on a CPU.
CHECKED_CROPS = 256

Name = TypeVar("Name", bound=str)


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


engines_show.register(app)


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

    models = [known_model(name) for name in names]
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


@app.command(epilog="Example: reid-pipeline engines build saga-s.safetensors --backend openvino --precision fp16")
def build(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Weights of an encoder (.safetensors), an .onnx file built from them, or a YOLO checkpoint (.pt).",
        ),
    ],
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="openvino (.xml and .bin), onnxruntime (.onnx) or tensorrt (.engine).")
    ] = "onnxruntime",
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="TYPE", help="fp32, fp16 or int8; by default fp16 for tensorrt, else fp32.", show_default=False
        ),
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Pictures of people for int8.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write; by default beside the model.", show_default=False),
    ] = None,
) -> None:
    """Build what a backend executes.

    An encoder's file says itself what it expects, so a configuration just names it. Needs the extra [train]; int8 also
    [int8]. A YOLO checkpoint becomes ONNX, which needs the extra [ultralytics].
    """
    if model.endswith(".pt"):
        typer.echo(short_path(_build_detector(Path(model), backend, precision, output)))
        return
    from reid_engines.build import TARGETS, Order, build, default_output
    from reid_engines.contract import PRECISIONS
    from reid_engines.quantize import MOST_CROPS
    from reid_engines.store import resolve_weights
    from reid_pipeline.cli.crops import read_crops

    target = _one_of("--backend", backend, TARGETS)
    kind = _one_of("--precision", precision, PRECISIONS) if precision else None
    if (kind == "int8") != (calibration is not None):
        raise ConfigError("--precision int8 and --calibration DIR go together; give both or neither")
    crops = read_crops(calibration, most=MOST_CROPS) if calibration else []
    order = Order(target, kind, crops)
    source = resolve_weights(model)
    # What is built from a known model is for whoever asked, not for the folder that it is kept in.
    path = output or default_output(source.path if Path(model).is_file() else Path(source.path.name), order)
    build(source, path, order, note=note)
    typer.echo(short_path(path))


@app.command(epilog="Example: reid-pipeline engines check saga-s.safetensors --crops crops")
def check(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="An encoder: its name, or the path of its file.")],
    crops: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help=f"Pictures of people; by default cut out of {SAMPLE}.", show_default=False),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The .safetensors file that MODEL was built from.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare what backends make of the same crops with float32.

    Every backend that works here, in batches of 1, 7, 32 and 256. Compared with torch where there are weights, else
    with the model's own file in float32. Exit status 1 when a backend differs too much.
    """
    from reid_engines.parity import check_model
    from reid_engines.store import resolve
    from reid_pipeline.cli.crops import read_crops, sample_crops

    source = resolve(model, kind="encoder")
    pictures = read_crops(crops, most=CHECKED_CROPS) if crops else sample_crops(SAMPLE, most=CHECKED_CROPS)
    report = check_model(source, pictures, weights=weights, note=note)
    if as_json:
        print_json(report.to_dict())
    else:
        _print_parity(report)
    if not report.passed:
        raise typer.Exit(1)


def _build_detector(checkpoint: Path, backend: str, precision: str | None, output: Path | None) -> Path:
    from reid_pipeline.detect.export import export_checkpoint

    if backend != "onnxruntime" or precision not in (None, "fp32"):
        raise ConfigError(f"{checkpoint}: a YOLO checkpoint becomes fp32 ONNX; leave out --backend and --precision")
    return export_checkpoint(checkpoint, output or checkpoint.with_suffix(".onnx"))


def _one_of(option: str, given: str, known: tuple[Name, ...]) -> Name:
    for name in known:
        if name == given:
            return name
    raise ConfigError(f"{option}: expected one of {', '.join(known)}, got {given}")


def _print_parity(report: Report) -> None:
    rows = [
        (
            row.backend,
            str(row.batch),
            f"{row.mean:.5f}",
            f"{row.minimum:.5f}",
            f"{100 * row.same_top1:.1f} %",
            f"{row.ms_per_crop:.1f}",
            "passed" if row.passed else "failed",
        )
        for row in report.rows
    ]
    print_table(("BACKEND", "BATCH", "MEAN", "LEAST", "SAME TOP-1", "MS/CROP", "RESULT"), rows)
    typer.echo(f"cosines of {report.crops} crops to {report.reference}")
    for name, lacking in report.left_out.items():
        note(lacking if name in lacking else f"{name}: {lacking}")


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


def _size(model: ModelStatus) -> str:
    return f"{short_count(model.size)}B" if model.size else "-"


def _as_dict(model: ModelStatus) -> dict[str, object]:
    return {name: getattr(model, name) for name in model.__slots__}
