"""`reid-pipeline gallery`: look at the people that runs remember."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reid_pipeline.cli.options import AsJson
from reid_pipeline.cli.terminal import note, print_json, print_table
from reid_pipeline.cli.text import short_count

if TYPE_CHECKING:
    from reid_pipeline.gallery.protocol import Gallery
    from reid_pipeline.types import GallerySnapshot, Identity

app = typer.Typer(name="gallery", help="Look at the people that runs remember.")

GalleryPlace = Annotated[
    str, typer.Argument(metavar="GALLERY", help="A run's folder, a gallery file, or its address (sqlite:///FILE).")
]
NS_PER_S = 1_000_000_000
# times before this many seconds are counted from the start of a recording whose wall time nobody knew
FIRST_WALL_TIME_S = 315_532_800


@app.command("list", epilog="Example: reid-pipeline gallery list out")
def list_(gallery: GalleryPlace, as_json: AsJson = False) -> None:
    """List the people in a gallery."""
    snapshot = _snapshot(gallery)
    looks = Counter(prototype.identity for prototype in snapshot.prototypes)
    if as_json:
        print_json([_as_dict(identity, looks[identity.id]) for identity in snapshot.identities])
        return
    rows = [
        (i.id, i.state.value, _time(i.first_seen_ns), _time(i.last_seen_ns), str(looks[i.id]), " ".join(i.cameras))
        for i in snapshot.identities
    ]
    print_table(("ID", "STATE", "FIRST SEEN", "LAST SEEN", "LOOKS", "CAMERAS"), rows)
    note(f"{len(rows)} people")


@app.command(epilog="Example: reid-pipeline gallery show out P0003")
def show(
    gallery: GalleryPlace,
    identity: Annotated[str, typer.Argument(metavar="ID", help="An identity, such as P0003.")],
    as_json: AsJson = False,
) -> None:
    """Show one person.

    Where and when the person was seen, and the looks that are remembered.
    """
    from reid_pipeline.errors import ConfigError

    snapshot = _snapshot(gallery)
    person = next((known for known in snapshot.identities if known.id == identity), None)
    if person is None:
        raise ConfigError(
            f"{gallery}: holds nobody called {identity}; `reid-pipeline gallery list {gallery}` lists all"
        )
    looks = [prototype for prototype in snapshot.prototypes if prototype.identity == identity]
    if as_json:
        seen = [{"camera": p.camera, "time": p.timestamp_ns / NS_PER_S, "quality": round(p.quality, 4)} for p in looks]
        print_json({**_as_dict(person, len(looks)), "prototypes": seen})
        return
    typer.echo(f"{person.id}  {person.state.value}")
    typer.echo(f"seen {_time(person.first_seen_ns)} to {_time(person.last_seen_ns)} by {', '.join(person.cameras)}\n")
    rows = [(p.camera, _time(p.timestamp_ns), f"{p.quality:.2f}") for p in looks]
    print_table(("LOOK OF", "TIME", "QUALITY"), rows)


@app.command(epilog="Example: reid-pipeline gallery stats out")
def stats(gallery: GalleryPlace, as_json: AsJson = False) -> None:
    """Show how much a gallery holds, and which encoder filled it."""
    store = _open(gallery)
    try:
        found = store.stats()
    finally:
        store.close()
    if as_json:
        print_json({name: getattr(found, name) for name in found.__slots__})
        return
    rows = [
        ("people", str(found.identities)),
        ("looks", str(found.prototypes)),
        ("encoder", found.encoder or "none yet"),
        ("dimensions", str(found.dim or "-")),
        ("size", f"{short_count(found.bytes)}B"),
    ]
    print_table(("WHAT", "VALUE"), rows)


def _snapshot(place: str) -> GallerySnapshot:
    store = _open(place)
    try:
        return store.snapshot()
    finally:
        store.close()


def _open(place: str) -> Gallery:
    from reid_pipeline.gallery.stores import open_gallery

    if "://" in place:
        return open_gallery(place, encoder=None)
    path = Path(place).absolute()
    if path.is_dir():
        path /= "gallery.db"
    return open_gallery(f"sqlite:///{path}", encoder=None)


def _as_dict(identity: Identity, looks: int) -> dict[str, Any]:
    return {
        "id": identity.id,
        "state": identity.state.value,
        "cameras": list(identity.cameras),
        "first_seen": identity.first_seen_ns / NS_PER_S,
        "last_seen": identity.last_seen_ns / NS_PER_S,
        "looks": looks,
    }


def _time(timestamp_ns: int) -> str:
    seconds = timestamp_ns / NS_PER_S
    if seconds < FIRST_WALL_TIME_S:
        return f"{seconds:.1f} s"
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
