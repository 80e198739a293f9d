"""A gallery's notes about itself: its encoder, the number of its last transaction, and what is still to be done."""

from __future__ import annotations

from collections.abc import Mapping

from reid_pipeline.gallery.database import Rows
from reid_pipeline.gallery.stamp import EncoderStamp


def read_meta(rows: Rows) -> dict[str, str]:
    """All notes."""
    return {str(key): str(value) for key, value in rows.query("SELECT key, value FROM meta")}


def write_meta(rows: Rows, **notes: str | int) -> None:
    """Add or replace notes."""
    rows.change_each(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        [(key, str(value)) for key, value in notes.items()],
    )


def read_stamp(meta: Mapping[str, str]) -> EncoderStamp | None:
    """Which encoder filled the gallery, None if none has yet."""
    if "encoder_sha256" not in meta:
        return None
    return EncoderStamp(meta["encoder_name"], meta["encoder_sha256"], int(meta["encoder_dim"]))


def write_stamp(rows: Rows, encoder: EncoderStamp) -> None:
    """Note which encoder fills the gallery."""
    write_meta(rows, encoder_name=encoder.name, encoder_sha256=encoder.sha256, encoder_dim=encoder.dim)


def next_change(rows: Rows) -> int:
    """The number of this transaction."""
    number = int(read_meta(rows).get("change", 0)) + 1
    write_meta(rows, change=number)
    return number


def note_erasing(rows: Rows) -> None:
    """Something was removed; the note stays until every byte of it is gone, which a killed process leaves to others."""
    write_meta(rows, erasing=1)


def clear_erasing(rows: Rows) -> None:
    """Every byte is gone."""
    rows.change("DELETE FROM meta WHERE key = 'erasing'")
