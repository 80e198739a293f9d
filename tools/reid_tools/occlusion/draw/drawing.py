"""A thing to draw and how to look at it."""

from __future__ import annotations

from typing import NamedTuple

from reid_tools.occlusion.draw.render import Shot
from reid_tools.occlusion.draw.solids import Model


class Drawing(NamedTuple):
    """One cut-out to be."""

    model: Model
    shot: Shot
