"""`reid-pipeline gallery`: look at the people that runs remember."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reid_pipeline.cli import curation
from reid_pipeline.cli.gallery_place import GalleryKey, GalleryPlace, gallery_address
from reid_pipeline.cli.options import AsJson
from reid_pipeline.cli.terminal import note, print_json, print_table
from reid_pipeline.cli.text import moment, short_count, short_path

if TYPE_CHECKING:
    from reid_pipeline.gallery.evidence import Dossier, Sighting
    from reid_pipeline.gallery.sql_gallery import SqlGallery
    from reid_pipeline.types import Identity

app = typer.Typer(name="gallery", help="Look at, correct and erase the people that runs remember.")

NS_PER_S = 1_000_000_000

PersonId = Annotated[str, typer.Argument(metavar="ID", help="An identity, such as P0003.")]


@app.command("list", epilog="Example: reid-pipeline gallery list out")
def list_(gallery: GalleryPlace, key: GalleryKey = None, as_json: AsJson = False) -> None:
    """List the people in a gallery."""
    with _opened(gallery, key) as store:
        snapshot = store.snapshot()
    looks = Counter(prototype.identity for prototype in snapshot.prototypes)
    if as_json:
        print_json([_as_dict(identity, looks[identity.id]) for identity in snapshot.identities])
        return
    rows = [
        (
            i.id,
            i.state.value,
            moment(i.first_seen_ns),
            moment(i.last_seen_ns),
            str(looks[i.id]),
            " ".join(i.cameras),
        )
        for i in snapshot.identities
    ]
    print_table(("ID", "STATE", "FIRST SEEN", "LAST SEEN", "LOOKS", "CAMERAS"), rows)
    note(f"{len(rows)} people")


@app.command(epilog="Example: reid-pipeline gallery show out P0003")
def show(
    gallery: GalleryPlace,
    identity: PersonId,
    key: GalleryKey = None,
    as_json: AsJson = False,
) -> None:
    """Show one person.

    Where and when the person was seen, what each of these tracks was linked on, and the looks that are remembered.
    """
    with _opened(gallery, key) as store:
        dossier = _dossier(store, gallery, identity)
    if as_json:
        print_json(_dossier_as_dict(dossier))
    else:
        _print_dossier(dossier)


@app.command(epilog="Example: reid-pipeline gallery similar out P0003")
def similar(
    gallery: GalleryPlace,
    identity: PersonId,
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, help="List so many people.")] = 10,
    key: GalleryKey = None,
    as_json: AsJson = False,
) -> None:
    """List who looks most like a person.

    For finding two ids of one person, which `gallery merge` makes one. Who was seen by one camera at the same time is
    somebody else, however alike they are.
    """
    from reid_pipeline.cli.similar import print_similar
    from reid_pipeline.gallery.similar import most_similar

    with _opened(gallery, key) as store:
        dossier, runs = _dossier(store, gallery, identity), store.runs()
        found = most_similar(store, dossier, count)
    if not dossier.prototypes:
        note(f"{identity}: no looks are remembered, so nobody is found to be like them")
    print_similar(found, runs, as_json=as_json)


@app.command(epilog="Example: reid-pipeline gallery stats out")
def stats(gallery: GalleryPlace, key: GalleryKey = None, as_json: AsJson = False) -> None:
    """Show how much a gallery holds, and which encoder filled it."""
    with _opened(gallery, key) as store:
        found = store.stats()
    if as_json:
        print_json(asdict(found))
        return
    rows = [
        ("people", str(found.identities)),
        ("looks", str(found.prototypes)),
        ("encoder", found.encoder or "none yet"),
        ("dimensions", str(found.dim or "-")),
        ("tracklets", str(found.tracklets)),
        ("runs", str(found.runs)),
        ("sealed", "yes" if found.sealed else "no"),
        ("size", f"{short_count(found.bytes)}B"),
    ]
    print_table(("WHAT", "VALUE"), rows)


@app.command(epilog="Example: reid-pipeline gallery audit out")
def audit(gallery: GalleryPlace, key: GalleryKey = None, as_json: AsJson = False) -> None:
    """List what was done by hand and by retention.

    Says what was merged, split, erased and purged, and how much that was, without names.
    """
    with _opened(gallery, key) as store:
        lines = store.audit()
    if as_json:
        print_json([{"time": line.at_ns / NS_PER_S, "action": line.action, **line.counts} for line in lines])
        return
    counts = [", ".join(f"{count} {name}" for name, count in line.counts.items() if count) for line in lines]
    print_table(
        ("TIME", "ACTION", "HOW MUCH"),
        [(moment(line.at_ns), line.action, text) for line, text in zip(lines, counts, strict=True)],
    )


@app.command(epilog="Example: reid-pipeline gallery backup out people-2026-03-01.db")
def backup(
    gallery: GalleryPlace,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The gallery file to make.")],
    key: GalleryKey = None,
    as_json: AsJson = False,
) -> None:
    """Copy a gallery to a new file.

    The copy is a gallery file as of one moment, from a database too; runs may go on meanwhile.
    """
    with _opened(gallery, key) as store:
        store.backup(file.absolute())
    if as_json:
        print_json({"file": str(file), "bytes": file.stat().st_size})
    else:
        typer.echo(short_path(file))


curation.register(app)


@contextmanager
def _opened(place: str, key: str | None) -> Iterator[SqlGallery]:
    from reid_pipeline.gallery.stores import open_gallery

    store = open_gallery(gallery_address(place), encoder=None, key=key)
    try:
        yield store
    finally:
        store.close()


def _dossier(store: SqlGallery, place: str, identity: str) -> Dossier:
    from reid_pipeline.errors import ConfigError

    dossier = store.dossier(identity)
    if dossier is None:
        raise ConfigError(f"{place}: holds nobody called {identity}; `reid-pipeline gallery list {place}` lists all")
    return dossier


def _print_dossier(dossier: Dossier) -> None:
    person = dossier.identity
    typer.echo(f"{person.id}  {person.state.value}")
    typer.echo(f"seen {moment(person.first_seen_ns)} to {moment(person.last_seen_ns)} by {', '.join(person.cameras)}")
    if dossier.also_known_as:
        typer.echo(f"also known as {', '.join(dossier.also_known_as)}")
    if dossier.never_same_as:
        typer.echo(f"by hand: never {', '.join(dossier.never_same_as)}")
    typer.echo("")
    if dossier.sightings:
        print_table(
            ("TRACKLET", "FROM", "TO", "SCORE", "MARGIN", "DECIDED", "RUN"),
            [_sighting_row(one) for one in dossier.sightings],
        )
        typer.echo("")
    if dossier.links:
        print_table(
            ("LINK FROM", "TO", "SCORE", "EVIDENCE"),
            [
                (str(one.link.source), str(one.link.target), f"{one.link.score:.2f}", _evidence(one.link.evidence))
                for one in dossier.links
            ],
        )
        typer.echo("")
    looks = [(p.camera, moment(p.timestamp_ns), f"{p.quality:.2f}") for p in dossier.prototypes]
    print_table(("LOOK OF", "TIME", "QUALITY"), looks)


def _sighting_row(one: Sighting) -> tuple[str, ...]:
    times = (moment(one.start_ns), moment(one.end_ns))
    return str(one.tracklet), *times, f"{one.score:.2f}", f"{one.margin:.2f}", one.reason, one.run


def _evidence(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in sorted(parts.items()))


def _dossier_as_dict(dossier: Dossier) -> dict[str, Any]:
    looks = dossier.prototypes
    return {
        **_as_dict(dossier.identity, len(looks)),
        "also_known_as": list(dossier.also_known_as),
        "never_same_as": list(dossier.never_same_as),
        "prototypes": [
            {"camera": p.camera, "time": p.timestamp_ns / NS_PER_S, "quality": round(p.quality, 4)} for p in looks
        ],
        "tracklets": [
            {
                "id": str(one.tracklet),
                "run": one.run,
                "start": one.start_ns / NS_PER_S,
                "end": one.end_ns / NS_PER_S,
                "score": round(one.score, 4),
                "margin": round(one.margin, 4),
                "state": one.state.value,
                "reason": one.reason,
            }
            for one in dossier.sightings
        ],
        "links": [
            {
                "run": one.run,
                "from": str(one.link.source),
                "to": str(one.link.target),
                "score": round(one.link.score, 4),
                "evidence": {name: round(value, 4) for name, value in one.link.evidence.items()},
            }
            for one in dossier.links
        ],
    }


def _as_dict(identity: Identity, looks: int) -> dict[str, Any]:
    return {
        "id": identity.id,
        "state": identity.state.value,
        "cameras": list(identity.cameras),
        "first_seen": identity.first_seen_ns / NS_PER_S,
        "last_seen": identity.last_seen_ns / NS_PER_S,
        "looks": looks,
    }
