"""`reid-pipeline evaluate`: score results against truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from reid_pipeline.cli import evaluate_reid
from reid_pipeline.cli.options import AsJson, ConfigFile
from reid_pipeline.cli.terminal import print_json

app = typer.Typer(name="evaluate", help="Score results against truth.")

_EXAMPLE = (
    "Example: reid-pipeline evaluate tracks out/tracks.json --truth lobby=gt_lobby.txt street=gt_street.txt --oracle"
)
_ABLATION_EXAMPLE = (
    "Example: reid-pipeline evaluate ablation cameras.yaml --journal out/run.journal --truth lobby=gt_lobby.txt"
)


@app.callback()
def _group() -> None:
    """Score results against truth."""


@app.command(epilog=_EXAMPLE)
def tracks(
    tracks_file: Annotated[Path, typer.Argument(metavar="TRACKS.json", help="What a run wrote.")],
    truth: Annotated[
        list[str],
        typer.Option(
            metavar="CAMERA=FILE...", help="Truth of each camera, MOTChallenge rows; one --truth for all, or one each."
        ),
    ],
    more_truth: Annotated[Optional[list[str]], typer.Argument(metavar="CAMERA=FILE", hidden=True)] = None,  # noqa: UP045
    oracle: Annotated[
        bool, typer.Option("--oracle", help="Also score the same tracklets under their true identities, the ceiling.")
    ] = False,
    iou: Annotated[float, typer.Option(help="Overlap from which a box matches a true one.")] = 0.5,
    ignore_unlabelled: Annotated[
        bool, typer.Option("--ignore-unlabelled", help="Leave out boxes that overlap no true one, for partial truth.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score the tracks.json of a run.

    IDF1 over all cameras with one identity map, HOTA, MCTA, id switches, and each camera for itself.
    """
    from reid_tools.evaluate.tracks import evaluate_tracks

    found = evaluate_tracks(
        tracks_file,
        _by_camera([*truth, *(more_truth or ())]),
        iou=iou,
        oracle=oracle,
        ignore_unlabelled=ignore_unlabelled,
    )
    if as_json:
        print_json(found.to_dict())
    else:
        typer.echo(found.table())


@app.command(epilog=_ABLATION_EXAMPLE)
def ablation(
    config: ConfigFile,
    *,
    journal: Annotated[Path, typer.Option(metavar="FILE", help="What was seen: the journal of a run.")],
    truth: Annotated[list[str], typer.Option(metavar="CAMERA=FILE...", help="Truth of each camera, as for `tracks`.")],
    more_truth: Annotated[Optional[list[str]], typer.Argument(metavar="CAMERA=FILE", hidden=True)] = None,  # noqa: UP045
    ignore_unlabelled: Annotated[
        bool, typer.Option("--ignore-unlabelled", help="Leave out boxes that overlap no true one, for partial truth.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what each part of the evidence is worth.

    The journal is associated by appearance only, then with more and more of what the configuration says of the site.
    Prints pooled IDF1 and AssA of each, as a live run gives them and after the last look at the whole recording.
    """
    from reid_pipeline.config.loader import load_config
    from reid_tools.evaluate.ablation import ablate
    from reid_tools.evaluate.recording import Recording

    loaded = load_config(config)
    files = _by_camera([*truth, *(more_truth or ())])
    found = ablate(loaded, [Recording.read(journal, files, ignore_unlabelled=ignore_unlabelled)])
    if as_json:
        print_json(found.to_dict())
    else:
        typer.echo(found.table())


evaluate_reid.register(app)


def _by_camera(values: list[str]) -> dict[str, Path]:
    from reid_pipeline.errors import ConfigError

    files: dict[str, Path] = {}
    for value in values:
        camera, separator, file = value.partition("=")
        if not (camera and separator and file):
            raise ConfigError(f"--truth: expected CAMERA=FILE, got {value!r}")
        if camera in files:
            raise ConfigError(f"--truth: camera {camera} is given twice; keep one")
        files[camera] = Path(file)
    return files
