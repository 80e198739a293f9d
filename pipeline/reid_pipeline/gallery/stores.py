"""From the address of a gallery, as the configuration gives it, to the open gallery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reid_pipeline.errors import ConfigError
from reid_pipeline.gallery.memory import MemoryGallery
from reid_pipeline.gallery.protocol import Gallery
from reid_pipeline.gallery.sqlite import SqliteGallery
from reid_pipeline.gallery.stamp import EncoderStamp


def open_gallery(url: str, *, encoder: EncoderStamp | None, base: Path = Path()) -> Gallery:
    """Open the gallery at `url`: `memory://`, `sqlite:///relative.db` or `sqlite:////absolute.db`.

    Args:
        encoder: fills the gallery; None opens it for looking only, which a running writer does not hinder.
        base: the folder that relative files are in.

    Raises:
        ConfigError: the address is not one of these.
        EncoderMismatch: the gallery holds vectors of another encoder.
        GalleryError: the gallery is locked by another process, damaged, missing or not writable.
    """
    scheme, place = _parts(url)
    return _STORES[scheme](place, encoder, base)


def check_gallery(url: str, *, encoder: EncoderStamp | None, base: Path = Path()) -> None:
    """Raise what `open_gallery` would raise for writing, and make nothing.

    For those who have slow work to do before they open it. `encoder` None leaves out which encoder filled the gallery.
    """
    scheme, place = _parts(url)
    if scheme == "sqlite":
        SqliteGallery.check(_sqlite_path(place, base), encoder)


def _parts(url: str) -> tuple[str, str]:
    scheme, separator, place = url.partition("://")
    if scheme not in _STORES or not separator:
        # only the scheme: what follows may hold a password
        raise ConfigError(
            f"gallery store {scheme + separator!r}: unknown kind; expected memory:// or sqlite:///FILE "
            "(sqlite:////FILE from the root)"
        )
    return scheme, place


def _open_memory(place: str, encoder: EncoderStamp | None, base: Path) -> Gallery:
    if place:
        raise ConfigError(f"gallery store 'memory://{place}': expected memory:// alone; use sqlite:///FILE for a file")
    if encoder is None:
        raise ConfigError("gallery store 'memory://': ends with its run, nothing to look at; use sqlite:///FILE")
    return MemoryGallery(encoder)


def _open_sqlite(place: str, encoder: EncoderStamp | None, base: Path) -> Gallery:
    path = _sqlite_path(place, base)
    return SqliteGallery.open_for_reading(path) if encoder is None else SqliteGallery.open_for_writing(path, encoder)


def _sqlite_path(place: str, base: Path) -> Path:
    name = place.removeprefix("/")
    if name in ("", place):
        raise ConfigError(
            f"gallery store 'sqlite://{place}': expected sqlite:///FILE beside the configuration "
            "or sqlite:////FILE from the root"
        )
    return (base / name).resolve()


_STORES: dict[str, Callable[[str, EncoderStamp | None, Path], Gallery]] = {
    "memory": _open_memory,
    "sqlite": _open_sqlite,
}
