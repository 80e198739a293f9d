"""What a person looks like, as plain data. Heights are those of the reference body (see `body`), colours sRGB 0..1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reid_tools.footage.body import REFERENCE_ANKLE, REFERENCE_WAIST, Build
from reid_tools.footage.gait import GaitStyle

Colour = tuple[float, float, float]
Pattern = Literal[
    "plain",
    "stripes",
    "pinstripes",
    "checks",
    "plaid",
    "dots",
    "logo",
    "block",
    "denim",
    "print",
    "quilted",
    "heather",
    "bands",
]
HairStyle = Literal["bald", "buzz", "short", "medium", "afro", "bob", "long", "ponytail", "bun"]


@dataclass(frozen=True, slots=True)
class Fabric:
    """A cloth: the first colour is its ground, the others make the pattern; `scale_m` is the size of one repeat."""

    colours: tuple[Colour, ...]
    pattern: Pattern = "plain"
    scale_m: float = 0.08


@dataclass(frozen=True, slots=True)
class Top:
    """What covers the trunk. `sleeve` is how far along the arm it reaches (0 shoulder, 1 elbow, 2 wrist).

    `open_m` is half the width of an open front that shows `inner`; `tail_z` is the hem of a coat or dress that hangs
    below the hips, `flare_m` how much wider it gets there. `sleeves` is their cloth where it is another; a `hood` lies
    on the nape.
    """

    fabric: Fabric
    sleeve: float = 0.5
    neck_z: float = 1.37
    hem_z: float = 0.93
    thickness_m: float = 0.012
    inner: Fabric | None = None
    open_m: float = 0.0
    tail_z: float | None = None
    flare_m: float = 0.05
    sleeves: Fabric | None = None
    hood: bool = False


@dataclass(frozen=True, slots=True)
class Bottom:
    """Trousers or shorts down to `hem_z`, `loose_m` wider at the hem; or a skirt that flares by `loose_m`.

    `stripe` is the colour of a stripe along the outer seams of trousers.
    """

    fabric: Fabric
    hem_z: float = REFERENCE_ANKLE
    loose_m: float = 0.015
    skirt: bool = False
    tights: Colour | None = None
    stripe: Colour | None = None


@dataclass(frozen=True, slots=True)
class Shoes:
    colour: Colour
    sole: Colour = (0.9, 0.9, 0.88)
    top_z: float = 0.085


@dataclass(frozen=True, slots=True)
class Hat:
    kind: Literal["cap", "beanie", "brim", "scarf"]
    colour: Colour


@dataclass(frozen=True, slots=True)
class Bag:
    kind: Literal["backpack", "shoulder", "hand"]
    colour: Colour
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that covers a body."""

    skin: Colour
    hair: Colour
    hair_style: HairStyle
    top: Top
    bottom: Bottom
    shoes: Shoes
    hat: Hat | None = None
    bag: Bag | None = None
    beard: bool = False
    scarf: Colour | None = None
    waist_z: float = REFERENCE_WAIST
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Person:
    """One identity: a body, what it wears and how it walks."""

    build: Build
    look: Look
    gait: GaitStyle
