"""From the address of a gallery, as the configuration gives it, to the open gallery."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reid_pipeline.errors import ConfigError, GalleryError, MissingExtra
from reid_pipeline.gallery.meta import read_meta, read_stamp
from reid_pipeline.gallery.sealing import Seal, read_seal, refuse_other_key
from reid_pipeline.gallery.sql_gallery import HAND, Access, SqlGallery, refuse_other_encoder
from reid_pipeline.gallery.sqlite import RUN, SqliteGallery, SqliteMemory
from reid_pipeline.gallery.stamp import EncoderStamp

if TYPE_CHECKING:
    from reid_pipeline.gallery.postgres import PostgresDatabase

_POSTGRES = ("postgresql", "postgres")
_KINDS = ("memory", "sqlite", *_POSTGRES)


def open_gallery(url: str, *, encoder: EncoderStamp | None, base: Path = Path(), key: str | None = None) -> SqlGallery:
    """Open the gallery at `url`: `memory://`, `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://...`.

    Args:
        encoder: fills the gallery; None opens it for looking only, which a running writer does not hinder.
        base: the folder that relative files are in.
        key: where the key is that vectors are sealed with, `env:NAME` or `file:PATH`; None leaves them open.

    Raises:
        ConfigError: the address is not one of these, or there is no key where it should be.
        EncoderMismatch: the gallery holds vectors of another encoder.
        GalleryError: the gallery is locked by another process, damaged, missing, not writable or cannot be reached.
        MissingExtra: the driver of a PostgreSQL server is not installed.
    """
    scheme, place = _parts(url)
    if scheme == "memory":
        return _open_memory(place, encoder)
    seal = read_seal(key)
    if scheme in _POSTGRES:
        return _open_postgres_to_read(url, seal) if encoder is None else _open_postgres(url, encoder, seal)
    path = _sqlite_path(place, base)
    if encoder is None:
        return SqliteGallery.open_for_reading(path, seal)
    return SqliteGallery.open_for_writing(path, encoder, seal)


def open_by_hand(url: str, *, base: Path = Path(), key: str | None = None) -> SqlGallery:
    """Open the gallery at `url` to correct by hand what it says; it has to be there.

    Raises:
        ConfigError: the address is not one of a gallery that lasts.
        GalleryError: a gallery file is written by a run, damaged or missing; a database cannot be reached or is empty.
    """
    scheme, place = _parts(url)
    if scheme == "memory":
        return _open_memory(place, None)
    if scheme in _POSTGRES:
        return _open_postgres_by_hand(url, read_seal(key))
    return SqliteGallery.open_by_hand(_sqlite_path(place, base), read_seal(key))


def check_gallery(url: str, *, encoder: EncoderStamp | None, base: Path = Path(), key: str | None = None) -> None:
    """Raise what `open_gallery` would raise for writing, and make nothing.

    For those who have slow work to do before they open it. `encoder` None leaves out which encoder filled the gallery.
    """
    scheme, place = _parts(url)
    if scheme == "sqlite":
        SqliteGallery.check(_sqlite_path(place, base), encoder, read_seal(key))
    elif scheme in _POSTGRES:
        seal = read_seal(key)
        database = _connect(url)
        try:
            if database.is_laid_out():
                _check_notes(database, encoder, seal)
        finally:
            database.close()


def _parts(url: str) -> tuple[str, str]:
    scheme, separator, place = url.partition("://")
    if scheme not in _KINDS or not separator:
        # only the scheme: what follows may hold a password
        raise ConfigError(
            f"gallery store {scheme + separator!r}: unknown kind; expected memory://, sqlite:///FILE "
            "(sqlite:////FILE from the root) or postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    return scheme, place


def _open_memory(place: str, encoder: EncoderStamp | None) -> SqlGallery:
    if place:
        raise ConfigError(f"gallery store 'memory://{place}': expected memory:// alone; use sqlite:///FILE for a file")
    if encoder is None:
        raise ConfigError("gallery store 'memory://': ends with its run, nothing to look at; use sqlite:///FILE")
    return SqlGallery(SqliteMemory(), Access(encoder=encoder, writer=RUN))


def _open_postgres(url: str, encoder: EncoderStamp, seal: Seal | None) -> SqlGallery:
    with _closed_on_error(_connect(url)) as database:
        database.lay_out(seal)
        _check_notes(database, encoder, seal)
        database.take_place(by_hand=False)
        return SqlGallery(
            database,
            Access(encoder=encoder, writer=database.writer, block=database.block, alone=database.alone, seal=seal),
        )


def _open_postgres_by_hand(url: str, seal: Seal | None) -> SqlGallery:
    with _closed_on_error(_connect(url)) as database:
        _refuse_empty(database)
        _check_notes(database, None, seal)
        database.take_place(by_hand=True)
        return SqlGallery(database, Access(writer=HAND, block=database.block, alone=database.alone, seal=seal))


def _open_postgres_to_read(url: str, seal: Seal | None) -> SqlGallery:
    with _closed_on_error(_connect(url)) as database:
        _refuse_empty(database)
        _check_notes(database, None, seal)
        return SqlGallery(database, Access(seal=seal))


@contextmanager
def _closed_on_error(database: PostgresDatabase) -> Iterator[PostgresDatabase]:
    """Whoever opens a gallery on the database takes it over; if that fails, nobody is left to close it."""
    try:
        yield database
    except BaseException:
        database.close()
        raise


def _connect(url: str) -> PostgresDatabase:
    try:
        from reid_pipeline.gallery.postgres import PostgresDatabase  # noqa: PLC0415 - its driver is optional
    except ImportError:
        raise MissingExtra(
            "gallery store postgresql://: needs psycopg; install it with: pip install 'reid-pipeline[postgres]'"
        ) from None
    return PostgresDatabase(url)


def _refuse_empty(database: PostgresDatabase) -> None:
    if not database.is_laid_out():
        raise GalleryError(f"{database.label}: holds no gallery; check the name, or run the pipeline first to fill it")


def _check_notes(database: PostgresDatabase, encoder: EncoderStamp | None, seal: Seal | None) -> None:
    with database.reading() as rows:
        meta = read_meta(rows)
    refuse_other_key(meta, seal, database.label)
    if encoder is not None:
        refuse_other_encoder(read_stamp(meta), encoder, database.label)


def _sqlite_path(place: str, base: Path) -> Path:
    name = place.removeprefix("/")
    if name in ("", place):
        raise ConfigError(
            f"gallery store 'sqlite://{place}': expected sqlite:///FILE beside the configuration "
            "or sqlite:////FILE from the root"
        )
    return (base / name).resolve()
