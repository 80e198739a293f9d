"""`reid-pipeline evaluate reid`: how well encoders find people again, also partly hidden ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from reid_pipeline.cli.options import AsJson, Mirror
from reid_pipeline.cli.terminal import note, print_json, progress
from reid_pipeline.errors import ConfigError

ELLIPSIS = ("..", "...")
_MOST_MASKED, _MOST_COVERED = 99, 50


Data = Annotated[Path, typer.Option(metavar="DIR", help="The data set's folder.", show_default=False)]
Layout = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="How its folders are laid out: flat (files PERSON_cCAMERA... in one folder, each a query against all of "
        "other cameras), market1501, dukemtmc, msmt17, occluded-duke, occluded-reid, p-dukemtmc or occluded-market.",
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODEL", help="An encoder, a name or a file; may be given again. By default that of a new site."
    ),
]
Parts = Annotated[bool, typer.Option("--parts", help="Also score each part of SAGA weights (.safetensors) alone.")]
Mask = Annotated[
    str | None, typer.Option(metavar="LEVELS", help="Hide so many percent of each query, such as 10,..,60.")
]
MaskFamilies = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="What hides it: rectangle, strip or cells; by default each of them."),
]
Distractor = Annotated[
    str | None,
    typer.Option(metavar="LEVELS", help="Put another person over so many percent of each query, such as 10,..,50."),
]
Donors = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Pictures of people to put there who are not in the gallery; by default those for training, if any.",
    ),
]
Seeds = Annotated[int, typer.Option(metavar="N", min=1, help="How often each level is drawn anew.")]
Rerank = Annotated[bool, typer.Option("--rerank", help="Re-rank by k-reciprocal neighbours (20, 6, 0.3).")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse a set with other counts than published.")]
Backend = Annotated[str, typer.Option(metavar="NAME", help="What executes the encoder.")]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: reid-pipeline evaluate reid --data crops --model saga-s --mask 10,..,60")(reid)


def reid(
    *,
    data: Data,
    layout: Layout = "flat",
    model: Models = None,
    parts: Parts = False,
    mask: Mask = None,
    mask_family: MaskFamilies = None,
    distractor: Distractor = None,
    donors: Donors = None,
    seeds: Seeds = 3,
    rerank: Rerank = False,
    strict: Strict = False,
    backend: Backend = "auto",
    mirror: Mirror = None,
    as_json: AsJson = False,
) -> None:
    """Score encoders on a data set of people.

    Rank-1/5/10, mAP and mINP by the rules of the set, as it is and with queries masked or with other people in front
    of them.
    """
    masks, distractors = _levels("--mask", mask, _MOST_MASKED), _levels("--distractor", distractor, _MOST_COVERED)
    if donors is not None and distractor is None:
        raise ConfigError("--donors: goes with --distractor LEVELS, such as --distractor 10,..,50")
    if mask_family and mask is None:
        raise ConfigError("--mask-family: goes with --mask LEVELS, such as --mask 10,..,60")
    from reid_pipeline.config.models import Encoder
    from reid_tools.datasets import load_dataset
    from reid_tools.evaluate.reid import evaluate_reid, outside_donors
    from reid_tools.evaluate.reid_models import Opener
    from reid_tools.evaluate.reid_trial import Stress
    from reid_tools.evaluate.rerank import Reranking

    dataset = load_dataset(data, layout, strict=strict, note=note)
    stress = Stress(
        masks=masks,
        families=_families(mask_family or []),
        distractors=distractors,
        donors=outside_donors(donors, dataset) if distractors else (),
        seeds=seeds,
    )
    with progress() as bars:
        found = evaluate_reid(
            dataset,
            model or [Encoder().model],
            Opener(backend, mirror, bars.note, parts),
            stress=stress,
            reranking=Reranking() if rerank else None,
            progress=bars,
        )
    if as_json:
        print_json(found.to_dict())
    else:
        typer.echo(found.table())


def _families(names: Sequence[str]) -> tuple[str, ...]:
    from difflib import get_close_matches

    from reid_tools.evaluate.stress import MASKS

    for name in names:
        if name not in MASKS:
            near = get_close_matches(name, MASKS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(MASKS)}"
            raise ConfigError(f"--mask-family {name}: unknown; {hint}")
    return tuple(name for name in MASKS if name in names or not names)


def _levels(option: str, text: str | None, most: int) -> tuple[int, ...]:
    """Percentages above 0 in order, of a list such as 0,10,..,60; 0 is always there, as the clean figures."""
    if text is None:
        return ()
    words = [word.strip() for word in text.split(",")]
    levels = [0]
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        if word in ELLIPSIS and following.isdecimal() and len(levels) > 1 and levels[-1] > levels[-2]:
            levels += range(levels[-1], int(following), levels[-1] - levels[-2])
        elif word.isdecimal() and int(word) <= most:
            levels.append(int(word))
        else:
            raise ConfigError(
                f"{option}: expected percentages from 0 to {most} such as 0,10,20 or 10,..,50, got {text!r}"
            )
    return tuple(sorted(set(levels) - {0}))
