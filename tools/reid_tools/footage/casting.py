"""Inventing people: bodies, wardrobes and walks drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reid_tools.footage.body import Build
from reid_tools.footage.gait import GaitStyle
from reid_tools.footage.wardrobe import Bag, Bottom, Colour, Fabric, HairStyle, Hat, Look, Pattern, Person, Shoes, Top

# sRGB, in an order that keeps neighbours apart: a small cast takes a stretch of it and looks varied
CLOTH_COLOURS: tuple[Colour, ...] = (
    (0.72, 0.10, 0.12),  # red
    (0.93, 0.92, 0.89),  # white
    (0.10, 0.16, 0.36),  # navy
    (0.90, 0.74, 0.18),  # yellow
    (0.08, 0.08, 0.09),  # black
    (0.22, 0.48, 0.28),  # green
    (0.56, 0.72, 0.86),  # light blue
    (0.44, 0.16, 0.42),  # purple
    (0.86, 0.46, 0.14),  # orange
    (0.48, 0.49, 0.50),  # grey
    (0.90, 0.58, 0.66),  # pink
    (0.36, 0.24, 0.16),  # brown
    (0.10, 0.46, 0.50),  # teal
    (0.78, 0.70, 0.55),  # beige
    (0.15, 0.32, 0.72),  # blue
    (0.36, 0.38, 0.20),  # olive
    (0.42, 0.07, 0.16),  # burgundy
    (0.68, 0.62, 0.80),  # lilac
)
NEUTRALS = (1, 2, 4, 9, 11, 13)  # of `CLOTH_COLOURS`: what many people wear
TROUSER_COLOURS: tuple[Colour, ...] = (
    (0.16, 0.22, 0.38),
    (0.10, 0.10, 0.11),
    (0.66, 0.58, 0.44),
    (0.36, 0.37, 0.39),
    (0.45, 0.55, 0.68),
    (0.30, 0.24, 0.18),
    (0.85, 0.83, 0.78),
    (0.30, 0.33, 0.22),
    (0.40, 0.12, 0.16),
)
SKIN_TONES: tuple[Colour, ...] = (
    (0.93, 0.78, 0.68),
    (0.86, 0.68, 0.56),
    (0.78, 0.58, 0.44),
    (0.64, 0.45, 0.33),
    (0.48, 0.32, 0.23),
    (0.34, 0.22, 0.16),
)
HAIR_COLOURS: tuple[Colour, ...] = (
    (0.07, 0.06, 0.06),
    (0.17, 0.11, 0.08),
    (0.34, 0.21, 0.12),
    (0.72, 0.56, 0.32),
    (0.50, 0.22, 0.10),
    (0.62, 0.61, 0.60),
)
SHOE_COLOURS: tuple[Colour, ...] = (
    (0.08, 0.08, 0.08),
    (0.92, 0.92, 0.92),
    (0.36, 0.22, 0.13),
    (0.6, 0.12, 0.14),
    (0.3, 0.32, 0.4),
)
PATTERNS: tuple[Pattern, ...] = ("plain", "stripes", "logo", "plaid", "block", "checks", "print", "dots", "pinstripes")
PATTERN_SCALE_M: dict[Pattern, tuple[float, float]] = {
    "plain": (0.1, 0.1),
    "stripes": (0.05, 0.12),
    "pinstripes": (0.04, 0.08),
    "checks": (0.06, 0.11),
    "plaid": (0.12, 0.20),
    "dots": (0.06, 0.10),
    "logo": (0.15, 0.24),
    "block": (0.12, 0.2),
    "denim": (0.2, 0.3),
    "print": (0.12, 0.22),
}


def cast(count: int, *, seed: int) -> tuple[Person, ...]:
    """`count` different people; the first ones stay the same when `count` grows."""
    return tuple(person(seed, number) for number in range(count))


def person(seed: int, number: int) -> Person:
    """Person `number` (from 0) of the cast with that seed; neighbours mostly differ in the colours they wear."""
    rng = np.random.default_rng((seed, number))
    shift = np.random.default_rng(seed).permutation(len(CLOTH_COLOURS))
    woman = bool(rng.random() < 0.5)
    build = draw_build(rng, woman)
    neutral = rng.random() < 0.35
    choice = rng.choice(NEUTRALS) if neutral else shift[number % len(shift)]
    top_colour = CLOTH_COLOURS[int(choice)]
    look = _look(rng, woman=woman, build=build, top_colour=top_colour, number=number)
    return Person(build, look, GaitStyle.sample(rng))


def draw_build(rng: np.random.Generator, woman: bool) -> Build:
    """A random body."""
    origin = rng.dirichlet((0.35, 0.35, 0.35))
    return Build(
        gender=float(rng.uniform(0.85, 1.0) if woman else rng.uniform(0.0, 0.15)),
        age=float(rng.choice([rng.uniform(0.6, 0.75), rng.uniform(0.75, 0.95)], p=[0.65, 0.35])),
        muscle=float(rng.uniform(0.35, 0.75)),
        weight=float(np.clip(rng.normal(0.52, 0.16), 0.25, 0.95)),
        height=float(np.clip(rng.normal(0.52, 0.17), 0.15, 0.92)),
        proportions=float(rng.uniform(0.35, 0.75)),
        african=float(origin[0]),
        asian=float(origin[1]),
        caucasian=float(origin[2]),
    )


def _look(rng: np.random.Generator, *, woman: bool, build: Build, top_colour: Colour, number: int) -> Look:
    skin = draw_skin(rng, build)
    style, hair = draw_hair(rng, build, woman)
    dressed = woman and rng.random() < 0.45
    top = _top(rng, top_colour, number, dress=bool(dressed and rng.random() < 0.5))
    bottom = _bottom(rng, number, skirt=bool(dressed and top.tail_z is None), under_dress=bool(dressed and top.tail_z))
    return Look(
        skin=skin,
        hair=vary(rng, hair),
        hair_style=style,
        top=top,
        bottom=bottom,
        shoes=_shoes(rng, woman),
        hat=_hat(rng, woman),
        bag=_bag(rng, woman),
        beard=bool(not woman and rng.random() < 0.3),
        seed=int(rng.integers(1 << 30)),
    )


def draw_skin(rng: np.random.Generator, build: Build) -> Colour:
    """A skin tone that suits the body."""
    tone = float(
        np.clip(1 + 3.4 * build.african + 1.0 * build.asian - 0.6 * build.caucasian + rng.normal(0, 0.5), 0, 5)
    )
    low = int(tone)
    return _mix(SKIN_TONES[low], SKIN_TONES[min(low + 1, 5)], tone - low)


def draw_hair(rng: np.random.Generator, build: Build, woman: bool) -> tuple[HairStyle, Colour]:
    """How the hair is worn, and its colour."""
    styles, odds = _HAIR[woman]
    style: HairStyle = styles[int(rng.choice(len(styles), p=odds))]
    if style in {"long", "bob", "ponytail"} and build.african > 0.7:
        style = "afro"
    grey = build.age > 0.88
    return style, HAIR_COLOURS[5] if grey else HAIR_COLOURS[int(rng.choice(5, p=_hair_odds(build)))]


_HAIR: dict[bool, tuple[Sequence[HairStyle], Sequence[float]]] = {
    False: (("short", "buzz", "medium", "bald", "afro", "long"), (0.45, 0.17, 0.18, 0.10, 0.06, 0.04)),
    True: (("long", "bob", "ponytail", "bun", "short", "medium", "afro"), (0.30, 0.20, 0.18, 0.12, 0.08, 0.06, 0.06)),
}


def _hair_odds(build: Build) -> Sequence[float]:
    return (0.12, 0.30, 0.26, 0.22, 0.10) if build.caucasian > 0.6 else (0.68, 0.26, 0.04, 0.01, 0.01)


def _mix(a: Colour, b: Colour, share: float) -> Colour:
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share)


def vary(rng: np.random.Generator, colour: Colour) -> Colour:
    """The colour as another dyer would have made it."""
    r, g, b = np.clip(np.array(colour) * rng.uniform(0.85, 1.15) + rng.normal(0, 0.02, 3), 0.03, 0.97)
    return (float(r), float(g), float(b))


def _fabric(rng: np.random.Generator, colour: Colour, pattern: Pattern) -> Fabric:
    others = [CLOTH_COLOURS[int(i)] for i in rng.permutation(len(CLOTH_COLOURS))]
    # a pattern needs a colour that stands out against its ground
    contrast = [other for other in others if abs(sum(other) - sum(colour)) > 0.7][:2]
    low, high = PATTERN_SCALE_M[pattern]
    return Fabric((vary(rng, colour), *contrast), pattern, float(rng.uniform(low, high)))


def _top(rng: np.random.Generator, colour: Colour, number: int, *, dress: bool) -> Top:
    pattern = PATTERNS[(number * 4 + int(rng.integers(3))) % len(PATTERNS)] if rng.random() < 0.75 else "plain"
    fabric = _fabric(rng, colour, pattern)
    if dress:
        plain = fabric if pattern not in {"logo", "block"} else Fabric(fabric.colours)
        return Top(plain, sleeve=float(rng.choice([0.08, 0.5, 1.9])), tail_z=float(rng.uniform(0.3, 0.62)), flare_m=0.1)
    kind = rng.choice(["tee", "shirt", "jacket", "coat", "hoodie"], p=[0.34, 0.22, 0.2, 0.1, 0.14])
    if kind == "tee":
        return Top(fabric, sleeve=float(rng.uniform(0.4, 0.8)), hem_z=float(rng.uniform(0.88, 0.94)))
    if kind == "shirt":
        return Top(fabric, sleeve=float(rng.choice([1.1, 1.92])), hem_z=float(rng.choice([0.9, 1.0])))
    if kind == "hoodie":
        return Top(fabric, sleeve=1.93, neck_z=1.39, hem_z=0.9, thickness_m=0.024)
    inner = _fabric(rng, CLOTH_COLOURS[int(rng.integers(len(CLOTH_COLOURS)))], "plain")
    opened = float(rng.choice([0.0, 0.04, 0.065]))
    if kind == "coat":
        plain = Fabric(fabric.colours) if pattern in {"logo", "block"} else fabric
        tail = float(rng.uniform(0.45, 0.68))
        return Top(plain, 1.94, 1.4, 0.9, 0.03, inner=inner, open_m=opened, tail_z=tail, flare_m=0.03)
    return Top(fabric, 1.94, 1.39, float(rng.uniform(0.88, 0.95)), 0.027, inner=inner, open_m=opened)


def _bottom(rng: np.random.Generator, number: int, *, skirt: bool, under_dress: bool) -> Bottom:
    colour = TROUSER_COLOURS[(number * 2 + int(rng.integers(2))) % len(TROUSER_COLOURS)]
    if skirt:
        pattern: Pattern = str(rng.choice(["plain", "plaid", "print", "checks"]))  # type: ignore[assignment]
        tights = (0.08, 0.08, 0.09) if rng.random() < 0.5 else None
        skirt_colour = CLOTH_COLOURS[int(rng.integers(len(CLOTH_COLOURS)))]
        hem = float(rng.uniform(0.3, 0.6))
        return Bottom(
            _fabric(rng, skirt_colour, pattern), hem, float(rng.uniform(0.06, 0.13)), skirt=True, tights=tights
        )
    if under_dress:
        bare = rng.random() < 0.5
        return Bottom(Fabric(((0.08, 0.08, 0.09),)), 0.75, 0.0, tights=None if bare else (0.1, 0.1, 0.12))
    if rng.random() < 0.14:
        return Bottom(_fabric(rng, colour, "plain"), float(rng.uniform(0.5, 0.6)), 0.03)
    denim = number % 3 == 0
    fabric = Fabric(((0.15, 0.21, 0.36), (0.36, 0.44, 0.60)), "denim", 0.25) if denim else _fabric(rng, colour, "plain")
    return Bottom(fabric, float(rng.uniform(0.05, 0.1)), float(rng.uniform(0.006, 0.04)))


def _shoes(rng: np.random.Generator, woman: bool) -> Shoes:
    colour = vary(rng, SHOE_COLOURS[int(rng.integers(len(SHOE_COLOURS)))])
    boots = rng.random() < (0.25 if woman else 0.1)
    sole = (0.9, 0.9, 0.88) if rng.random() < 0.4 else (0.1, 0.1, 0.1)
    return Shoes(colour, sole, float(rng.uniform(0.2, 0.36)) if boots else 0.085)


def _hat(rng: np.random.Generator, woman: bool) -> Hat | None:
    if rng.random() > 0.22:
        return None
    kind = rng.choice(["cap", "beanie", "brim", "scarf"], p=[0.25, 0.2, 0.2, 0.35] if woman else [0.55, 0.35, 0.1, 0.0])
    return Hat(str(kind), vary(rng, CLOTH_COLOURS[int(rng.integers(len(CLOTH_COLOURS)))]))  # type: ignore[arg-type]


def _bag(rng: np.random.Generator, woman: bool) -> Bag | None:
    if rng.random() > 0.5:
        return None
    kind = rng.choice(["backpack", "shoulder", "hand"], p=[0.3, 0.5, 0.2] if woman else [0.6, 0.2, 0.2])
    colour = CLOTH_COLOURS[int(rng.choice([0, 2, 4, 5, 9, 11, 12, 13, 16]))]
    return Bag(str(kind), vary(rng, colour), float(rng.uniform(0.8, 1.15)))  # type: ignore[arg-type]
