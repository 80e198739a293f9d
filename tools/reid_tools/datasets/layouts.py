"""Data sets by the name of their layout."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from reid_pipeline.errors import ConfigError
from reid_tools.datasets.dataset import Dataset
from reid_tools.datasets.folders import find_pictures, named_pictures
from reid_tools.datasets.market import dukemtmc, market1501, occluded_duke, occluded_market
from reid_tools.datasets.msmt17 import msmt17
from reid_tools.datasets.occluded import occluded_reid, p_dukemtmc
from reid_tools.datasets.published import mismatch


def flat(root: Path) -> Dataset:
    """Files PERSON_cCAMERA... in one folder: each is a query against all pictures of other cameras; no train part.

    Person 0 is a person as any other here.
    """
    home = find_pictures(root)
    pictures = named_pictures(home, distractors=False)
    return Dataset("flat", home, (), pictures, pictures, other_cameras_only=True)


LAYOUTS: dict[str, Callable[[Path], Dataset]] = {
    "flat": flat,
    "market1501": market1501,
    "dukemtmc": dukemtmc,
    "msmt17": msmt17,
    "occluded-duke": occluded_duke,
    "occluded-reid": occluded_reid,
    "p-dukemtmc": p_dukemtmc,
    "occluded-market": occluded_market,
}


def load_dataset(
    root: Path, layout: str, *, strict: bool = False, note: Callable[[str], None] = lambda line: None
) -> Dataset:
    """Read a data set's folders; pictures are not opened.

    Args:
        root: The set's folder, the folder around it, or one of those inside.
        layout: A key of `LAYOUTS`.
        strict: Refuse a set that is not the published one; else `note` is told, since a subset is of use too.
        note: Takes a line for people.

    Raises:
        ConfigError: An unknown layout, folders that are missing, a file or list that is not what the layout says, no
            query, no gallery, one camera only, nobody seen by two cameras, or with `strict` other counts than were
            published.
    """
    loader = LAYOUTS.get(layout)
    if loader is None:
        near = get_close_matches(layout.lower(), LAYOUTS, n=1)
        hint = f"did you mean {near[0]}? Known are" if near else "known are"
        raise ConfigError(f"layout {layout}: unknown; {hint} {', '.join(LAYOUTS)}")
    dataset = loader(root)
    _check(dataset)
    difference = mismatch(dataset)
    if difference and strict:
        raise ConfigError(difference)
    if difference:
        note(f"warning: {difference}; figures are not comparable with published ones")
    return dataset


def _check(dataset: Dataset) -> None:
    for part, pictures in (("query", dataset.query), ("gallery", dataset.gallery)):
        if not pictures:
            raise ConfigError(f"{dataset.folder}: expected pictures for the {part} of {dataset.layout}, found none")
    cameras = {picture.camera for picture in (*dataset.query, *dataset.gallery)}
    if len(cameras) == 1:
        raise ConfigError(
            f"{dataset.folder}: every picture is of camera {cameras.pop()}; a query is matched with pictures of other "
            "cameras, so expected at least two"
        )
    cameras_of: dict[int, set[int]] = {}
    for picture in dataset.gallery:
        cameras_of.setdefault(picture.person, set()).add(picture.camera)
    if not any(cameras_of.get(query.person, set()) - {query.camera} for query in dataset.query):
        raise ConfigError(
            f"{dataset.folder}: no person of a query is in the gallery under another camera; expected at least one"
        )
