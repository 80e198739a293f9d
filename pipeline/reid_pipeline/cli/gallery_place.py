"""How the gallery commands are told which gallery is meant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

GalleryPlace = Annotated[
    str,
    typer.Argument(
        metavar="GALLERY", help="A run's folder, a gallery file, or an address (sqlite:///FILE, postgresql://...)."
    ),
]

GalleryKey = Annotated[
    str | None,
    typer.Option("--key", metavar="PLACE", help="Where the key of a sealed gallery is: env:NAME or file:PATH."),
]


def gallery_address(place: str) -> str:
    """The address of the gallery at a place."""
    if "://" in place:
        return place
    return f"sqlite:///{gallery_folder(place) / _file(place).name}"


def gallery_folder(place: str) -> Path:
    """The folder that the gallery is in; the working folder for one that is no file."""
    scheme, separator, file = place.partition(":///")
    if separator and scheme == "sqlite":
        return Path(file).absolute().parent
    return Path.cwd() if "://" in place else _file(place).parent


def _file(place: str) -> Path:
    path = Path(place).absolute()
    return path / "gallery.db" if path.is_dir() else path
