"""`reid-pipeline gallery merge|split|erase|purge`: what is done to a gallery by hand."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reid_pipeline.cli.gallery_place import GalleryKey, GalleryPlace, gallery_address, gallery_folder
from reid_pipeline.cli.options import AsJson
from reid_pipeline.cli.terminal import note, print_json
from reid_pipeline.cli.text import short_path

if TYPE_CHECKING:
    from reid_pipeline.gallery.sql_gallery import SqlGallery
    from reid_pipeline.runtime.erasure import Receipt

NS_PER_S = 1_000_000_000
EVERYBODY = 1 << 31

Person = Annotated[str, typer.Argument(metavar="PERSON", help="An identity, such as P0003.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: reid-pipeline gallery merge out P0003 P0007")(merge)
    app.command(epilog="Example: reid-pipeline gallery split out P0003 lobby:12 street:4")(split)
    app.command(epilog="Example: reid-pipeline gallery erase out P0003")(erase)
    app.command(epilog="Example: reid-pipeline gallery purge out --older-than 72h")(purge)


def merge(
    gallery: GalleryPlace,
    person: Person,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Who is the same person; this id goes.")],
    key: GalleryKey = None,
    as_json: AsJson = False,
) -> None:
    """Say that two ids are one person, for good.

    What is known of OTHER becomes PERSON's, and runs that still say OTHER mean PERSON from now on.
    """
    with _opened_by_hand(gallery, key) as store:
        merged = store.merge(person, other)
    if as_json:
        print_json({"id": merged.id, "merged": other})
    else:
        typer.echo(f"{other} is {merged.id} from now on")


def split(
    gallery: GalleryPlace,
    person: Person,
    tracklets: Annotated[
        list[str],
        typer.Argument(metavar="TRACKLET...", help="Tracks that are somebody else's: camera:track_id, as in `show`."),
    ],
    key: GalleryKey = None,
    as_json: AsJson = False,
) -> None:
    """Say that some tracklets of a person are somebody else's.

    They become a new person, with the looks that were taken during them. The two are never taken for one again.
    """
    with _opened_by_hand(gallery, key) as store:
        new = store.split(person, tracklets)
    if as_json:
        print_json({"id": new.id, "from": person, "tracklets": tracklets})
    else:
        typer.echo(f"{', '.join(tracklets)}: now {new.id}")


def erase(
    gallery: GalleryPlace,
    person: Person,
    receipts: Annotated[
        Path | None,
        typer.Option("--receipts", metavar="DIR", help="Where the receipt goes; default: beside the gallery."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    key: GalleryKey = None,
    as_json: AsJson = False,
) -> None:
    """Erase a person, also from what runs have written.

    Vectors, tracklets, events, crops, journals and exports; overlay videos of such runs are deleted whole. Writes a
    receipt, and a line that `gallery audit` shows, without names. Backups and copies elsewhere are yours to erase from.
    """
    from reid_pipeline.runtime.erasure import erase_person

    if not yes and sys.stdin.isatty():
        typer.confirm(f"Erase {person} for good?", abort=True, err=True)
    with _opened_by_hand(gallery, key) as store:
        receipt, path = erase_person(store, person, receipts or gallery_folder(gallery))
    for folder in receipt.missing_folders:
        note(f"{folder}: a run wrote there, but the folder is gone; erase from wherever it was moved to")
    for folder in receipt.open_folders:
        note(f"{folder}: a run still writes there; erase from it by hand when it has ended")
    if as_json:
        typer.echo(receipt.to_json(), nl=False)
    else:
        _print_receipt(receipt, path)


def purge(
    gallery: GalleryPlace,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="DURATION", help="Not seen for so long: 30m, 72h, 7d.")
    ],
    key: GalleryKey = None,
    as_json: AsJson = False,
) -> None:
    """Forget the people who were not seen for a while.

    Runs with `retention` in their configuration do this by themselves.
    """
    from reid_pipeline.config.models import Gallery
    from reid_pipeline.errors import ConfigError

    try:
        retention_s = Gallery(retention=older_than).retention_s or 0
    except ValueError:
        raise ConfigError(f"--older-than {older_than}: expected a duration such as 30m, 72h or 7d") from None
    before_ns = time.time_ns() - retention_s * NS_PER_S
    with _opened_by_hand(gallery, key) as store:
        people = len(store.purge(before_ns, limit=EVERYBODY))
    if as_json:
        print_json({"people": people})
    else:
        typer.echo(f"{people} people forgotten")


def _print_receipt(receipt: Receipt, path: Path) -> None:
    removed, files = receipt.removed, receipt.files
    typer.echo(f"gallery: {removed.vectors} vectors, {removed.tracklets} tracklets, {removed.links} links")
    typer.echo(
        f"files: {files.tracklets} tracklets, {files.events} events, {files.crops} crops, "
        f"{files.observations} observations, {files.videos} videos; {files.exports} exports made again"
    )
    typer.echo(short_path(path))


@contextmanager
def _opened_by_hand(place: str, key: str | None) -> Iterator[SqlGallery]:
    from reid_pipeline.gallery.stores import open_by_hand

    store = open_by_hand(gallery_address(place), key=key)
    try:
        yield store
    finally:
        store.close()
