"""What a gallery remembers of how alike people are on its site: numbers by pairs of cameras, of nobody at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from reid_pipeline.gallery.database import Rows
from reid_pipeline.gallery.meta import read_meta, write_meta
from reid_pipeline.types import SiteLikeness


def read_likeness(meta: Mapping[str, str]) -> tuple[SiteLikeness, ...]:
    """From the gallery's notes, by cameras, strangers first."""
    noted = json.loads(meta.get("likeness", "[]"))
    return tuple(SiteLikeness((a, b), same, count, total, squares) for a, b, same, count, total, squares in noted)


def write_likeness(rows: Rows, news: Iterable[SiteLikeness]) -> None:
    """Replace what is noted of the pairs of cameras in `news`, and leave the others."""
    noted = {(known.cameras, known.same): known for known in (*read_likeness(read_meta(rows)), *news)}
    lines = [[*k.cameras, k.same, k.count, k.total, k.squares] for _, k in sorted(noted.items())]
    write_meta(rows, likeness=json.dumps(lines))
