"""People as they pass real cameras: mostly dark, grey, blue and muted clothes, told apart by details.

Beside `casting`, whose small casts are colourful so that viewers can follow them, this draws crowds in which many wear
nearly the same and differ in a sleeve, a print, a bag, shoes, hair or build.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reid_tools.footage.casting import PATTERN_SCALE_M, draw_build, draw_hair, draw_skin, vary
from reid_tools.footage.gait import GaitStyle
from reid_tools.footage.wardrobe import Bag, Bottom, Colour, Fabric, Hat, Look, Pattern, Person, Shoes, Top

Odds = Sequence[tuple[Colour, float]]

BLACK: Colour = (0.07, 0.07, 0.08)
WHITE: Colour = (0.90, 0.89, 0.87)
# sRGB and how often people wear it; dyes vary it further
TOP_COLOURS: Odds = (
    (BLACK, 22),
    ((0.16, 0.16, 0.17), 9),  # charcoal
    ((0.33, 0.33, 0.34), 7),
    ((0.55, 0.55, 0.55), 6),
    (WHITE, 11),
    ((0.08, 0.11, 0.22), 11),  # navy
    ((0.15, 0.24, 0.45), 6),
    ((0.36, 0.46, 0.60), 4),
    ((0.62, 0.72, 0.83), 3),
    ((0.28, 0.20, 0.15), 5),  # brown
    ((0.52, 0.43, 0.32), 4),
    ((0.76, 0.68, 0.55), 4),
    ((0.20, 0.24, 0.16), 5),  # olive
    ((0.36, 0.08, 0.12), 3),  # burgundy
    ((0.60, 0.10, 0.12), 3),
    ((0.78, 0.48, 0.54), 2),
    ((0.15, 0.34, 0.37), 2),
    ((0.14, 0.36, 0.20), 1.5),
    ((0.82, 0.66, 0.20), 1.5),
    ((0.80, 0.38, 0.12), 1),
    ((0.33, 0.18, 0.37), 1.5),
)
TROUSER_COLOURS: Odds = (
    (BLACK, 36),
    ((0.17, 0.17, 0.19), 12),
    ((0.34, 0.34, 0.35), 9),
    ((0.09, 0.12, 0.21), 12),
    ((0.62, 0.54, 0.41), 9),
    ((0.27, 0.21, 0.16), 5),
    ((0.24, 0.26, 0.18), 5),
    ((0.82, 0.80, 0.76), 5),
    ((0.52, 0.52, 0.53), 5),
    ((0.34, 0.12, 0.14), 2),
)
# ground and worn parts of jeans, from raw to bleached
DENIM: Sequence[tuple[Colour, Colour]] = (
    ((0.09, 0.11, 0.19), (0.15, 0.18, 0.28)),
    ((0.13, 0.18, 0.31), (0.26, 0.33, 0.47)),
    ((0.21, 0.29, 0.44), (0.42, 0.50, 0.63)),
    ((0.38, 0.47, 0.60), (0.60, 0.67, 0.76)),
    ((0.10, 0.10, 0.11), (0.24, 0.24, 0.25)),
)
SHOE_COLOURS: Odds = ((BLACK, 45), ((0.88, 0.88, 0.87), 22), ((0.33, 0.22, 0.14), 12), ((0.35, 0.36, 0.40), 14))
BAG_COLOURS: Odds = ((BLACK, 50), ((0.30, 0.20, 0.13), 14), ((0.32, 0.32, 0.34), 12), ((0.1, 0.13, 0.26), 10))
PATTERN_ODDS: Sequence[tuple[Pattern, float]] = (
    ("plain", 0.46),
    ("heather", 0.10),
    ("logo", 0.16),
    ("stripes", 0.08),
    ("plaid", 0.05),
    ("checks", 0.03),
    ("block", 0.06),
    ("print", 0.03),
    ("dots", 0.01),
    ("pinstripes", 0.02),
)
# what people put on when it is warm, mild and cold
GARMENTS = ("tee", "shirt", "sweater", "hoodie", "jacket", "vest", "padded", "coat", "suit", "workwear")
GARMENT_ODDS = (
    (0.58, 0.20, 0.04, 0.05, 0.03, 0.02, 0.00, 0.00, 0.05, 0.03),
    (0.16, 0.16, 0.14, 0.18, 0.18, 0.04, 0.03, 0.03, 0.06, 0.02),
    (0.01, 0.03, 0.08, 0.12, 0.22, 0.04, 0.26, 0.20, 0.03, 0.01),
)
WARM, MILD, COLD = range(3)


def everyday(seed: int) -> Person:
    """The person with that seed."""
    rng = np.random.default_rng((seed, 77))
    woman = bool(rng.random() < 0.5)
    build = draw_build(rng, woman)
    season = int(rng.choice(3, p=(0.4, 0.32, 0.28)))
    style, hair = draw_hair(rng, build, woman)
    dress = woman and rng.random() < (0.16, 0.08, 0.03)[season]
    top = _dress(rng) if dress else _top(rng, season, woman)
    return Person(
        build,
        Look(
            skin=draw_skin(rng, build),
            hair=vary(rng, hair),
            hair_style=style,
            top=top,
            bottom=_under_dress(rng) if dress else _bottom(rng, season, woman, top),
            shoes=_shoes(rng, woman),
            hat=_hat(rng, woman, season),
            bag=_bag(rng, woman),
            beard=bool(not woman and rng.random() < 0.35),
            scarf=_dyed(rng, TOP_COLOURS) if rng.random() < (0.01, 0.05, 0.22)[season] else None,
            waist_z=float(rng.uniform(0.97, 1.03)),
            seed=int(rng.integers(1 << 30)),
        ),
        GaitStyle.sample(rng),
    )


def _drawn(rng: np.random.Generator, odds: Odds) -> Colour:
    weight = np.array([share for _, share in odds])
    return odds[int(rng.choice(len(odds), p=weight / weight.sum()))][0]


def _dyed(rng: np.random.Generator, odds: Odds) -> Colour:
    return vary(rng, _drawn(rng, odds))


def _beside(rng: np.random.Generator, ground: Colour) -> Colour:
    """A second colour for a pattern: often a shade of the ground, else one that stands out against it."""
    if rng.random() < 0.45:
        change = rng.uniform(0.08, 0.2) * (1 if sum(ground) < 1.4 else -1)
        r, g, b = (float(np.clip(value + change, 0.03, 0.97)) for value in ground)
        return (r, g, b)
    for _ in range(20):
        colour = _dyed(rng, TOP_COLOURS)
        if abs(sum(colour) - sum(ground)) > 0.6:
            return colour
    return WHITE if sum(ground) < 1.4 else BLACK


def _fabric(rng: np.random.Generator, odds: Odds, pattern: Pattern) -> Fabric:
    ground = _dyed(rng, odds)
    scale = {"quilted": (0.06, 0.13), "heather": (0.08, 0.12), "bands": (0.26, 0.3)}.get(pattern)
    low, high = scale or PATTERN_SCALE_M[pattern]
    colours = (ground, _beside(rng, ground), _beside(rng, ground))
    return Fabric(colours[:1] if pattern in {"plain", "quilted"} else colours, pattern, float(rng.uniform(low, high)))


def _pattern(rng: np.random.Generator, *, woven_in: bool) -> Pattern:
    """A pattern; `woven_in` leaves out what is only printed on."""
    odds = [share * (not woven_in or name not in {"logo", "block"}) for name, share in PATTERN_ODDS]
    return PATTERN_ODDS[int(rng.choice(len(odds), p=np.array(odds) / sum(odds)))][0]


def _top(rng: np.random.Generator, season: int, woman: bool) -> Top:
    kind = GARMENTS[int(rng.choice(len(GARMENTS), p=GARMENT_ODDS[season]))]
    hem = float(rng.uniform(0.86, 0.95))
    if kind == "tee":
        fabric = _fabric(rng, TOP_COLOURS, _pattern(rng, woven_in=False))
        low, high = (0.12, 0.7) if woman else (0.4, 0.95)
        sleeves = _fabric(rng, TOP_COLOURS, "plain") if rng.random() < 0.07 else None
        return Top(fabric, float(rng.uniform(low, high)), hem_z=hem, sleeves=sleeves)
    if kind == "shirt":
        fabric = _fabric(rng, TOP_COLOURS, _pattern(rng, woven_in=True))
        tucked = rng.random() < 0.4
        return Top(fabric, float(rng.choice([0.75, 1.15, 1.92])), hem_z=1.0 if tucked else hem)
    if kind in {"sweater", "hoodie"}:
        fabric = _fabric(rng, TOP_COLOURS, _pattern(rng, woven_in=False))
        sleeves = _fabric(rng, TOP_COLOURS, "plain") if rng.random() < 0.1 else None
        return Top(fabric, 1.93, 1.385, hem, 0.022, sleeves=sleeves, hood=kind == "hoodie")
    return _outer(rng, kind, hem)


def _outer(rng: np.random.Generator, kind: str, hem: float) -> Top:
    """What is worn over something else."""
    inner = _fabric(rng, TOP_COLOURS, "plain" if rng.random() < 0.8 else "stripes")
    opened = float(rng.choice([0.0, 0.035, 0.06], p=[0.5, 0.25, 0.25]))
    if kind == "suit":
        dark = _fabric(rng, TROUSER_COLOURS[:4], "plain")
        shirt = Fabric((vary(rng, WHITE if rng.random() < 0.7 else (0.62, 0.72, 0.83)),))
        return Top(dark, 1.9, 1.39, 0.86, 0.02, inner=shirt, open_m=0.045)
    if kind == "workwear":
        signal: Colour = (0.84, 0.86, 0.16) if rng.random() < 0.5 else (0.90, 0.38, 0.10)
        vest = Fabric((vary(rng, signal), (0.74, 0.75, 0.74)), "bands", 0.28)
        return Top(vest, 1.93, 1.37, 0.87, 0.026, sleeves=_fabric(rng, TOP_COLOURS, "plain"))
    if kind == "vest":
        body = _fabric(rng, TOP_COLOURS, "quilted" if rng.random() < 0.7 else "plain")
        under = _fabric(rng, TOP_COLOURS, "plain")
        return Top(body, float(rng.choice([0.6, 1.93])), 1.38, hem, 0.032, inner=under, open_m=opened, sleeves=under)
    if kind == "padded":
        long = rng.random() < 0.25
        tail = float(rng.uniform(0.5, 0.65)) if long else None
        cloth = _fabric(rng, TOP_COLOURS, "quilted")
        hood = bool(rng.random() < 0.6)
        return Top(cloth, 1.95, 1.4, hem, float(rng.uniform(0.035, 0.05)), inner, opened, tail, 0.03, hood=hood)
    if kind == "coat":
        cloth = _fabric(rng, TOP_COLOURS, "plain" if rng.random() < 0.8 else "checks")
        tail = float(rng.uniform(0.42, 0.68))
        hood = bool(rng.random() < 0.25)
        return Top(cloth, 1.94, 1.4, 0.9, 0.03, inner, opened, tail, float(rng.uniform(0.01, 0.06)), hood=hood)
    cloth = _fabric(rng, TOP_COLOURS, "plain" if rng.random() < 0.7 else "block")
    sleeves = _fabric(rng, TOP_COLOURS, "plain") if rng.random() < 0.12 else None
    hood = bool(rng.random() < 0.35)
    return Top(cloth, 1.94, 1.39, hem, 0.027, inner=inner, open_m=opened, sleeves=sleeves, hood=hood)


def _dress(rng: np.random.Generator) -> Top:
    fabric = _fabric(rng, TOP_COLOURS, _pattern(rng, woven_in=True))
    return Top(fabric, float(rng.choice([0.08, 0.5, 1.9])), tail_z=float(rng.uniform(0.22, 0.62)), flare_m=0.1)


def _under_dress(rng: np.random.Generator) -> Bottom:
    return Bottom(Fabric((BLACK,)), 0.75, 0.0, tights=BLACK if rng.random() < 0.4 else None)


def _bottom(rng: np.random.Generator, season: int, woman: bool, top: Top) -> Bottom:
    if woman and top.tail_z is None and rng.random() < (0.16, 0.12, 0.06)[season]:
        fabric = _fabric(rng, TOP_COLOURS, str(rng.choice(["plain", "plain", "plaid", "print"])))  # type: ignore[arg-type]
        tights = BLACK if rng.random() < (0.15, 0.5, 0.9)[season] else None
        return Bottom(fabric, float(rng.uniform(0.2, 0.62)), float(rng.uniform(0.03, 0.12)), skirt=True, tights=tights)
    if rng.random() < (0.34, 0.05, 0.0)[season]:
        hem = float(rng.uniform(0.44, 0.64))
        return Bottom(_fabric(rng, TROUSER_COLOURS, "plain"), hem, float(rng.uniform(0.01, 0.035)))
    hem = float(rng.uniform(0.05, 0.14))
    loose = float(rng.uniform(0.0, 0.02) if woman else rng.uniform(0.006, 0.04))
    kind = rng.choice(["jeans", "cloth", "sport"], p=[0.4, 0.48, 0.12])
    if kind == "jeans":
        ground, worn = DENIM[int(rng.choice(len(DENIM), p=[0.25, 0.3, 0.2, 0.1, 0.15]))]
        return Bottom(Fabric((vary(rng, ground), vary(rng, worn)), "denim", float(rng.uniform(0.2, 0.32))), hem, loose)
    cloth = Bottom(_fabric(rng, TROUSER_COLOURS, "plain"), hem, loose)
    return (
        replace(cloth, stripe=vary(rng, WHITE if rng.random() < 0.7 else (0.6, 0.1, 0.12)))
        if kind == "sport"
        else cloth
    )


def _shoes(rng: np.random.Generator, woman: bool) -> Shoes:
    colour = _dyed(rng, SHOE_COLOURS) if rng.random() < 0.9 else _dyed(rng, TOP_COLOURS)
    boots = rng.random() < (0.2 if woman else 0.1)
    sole: Colour = (0.88, 0.88, 0.86) if rng.random() < 0.4 else (0.1, 0.1, 0.1)
    return Shoes(colour, sole, float(rng.uniform(0.14, 0.36)) if boots else 0.085)


def _hat(rng: np.random.Generator, woman: bool, season: int) -> Hat | None:
    if rng.random() > (0.14, 0.10, 0.30)[season]:
        return None
    odds = ((0.45, 0.0, 0.2, 0.35) if woman else (0.85, 0.05, 0.1, 0.0)) if season == WARM else (0.3, 0.5, 0.02, 0.18)
    kind = str(rng.choice(["cap", "beanie", "brim", "scarf"], p=odds))
    if kind == "scarf" and not woman:
        kind = "beanie"
    return Hat(kind, _dyed(rng, TOP_COLOURS))  # type: ignore[arg-type]


def _bag(rng: np.random.Generator, woman: bool) -> Bag | None:
    if rng.random() > 0.45:
        return None
    kind = rng.choice(["backpack", "shoulder", "hand"], p=[0.32, 0.48, 0.2] if woman else [0.62, 0.2, 0.18])
    colour = _dyed(rng, BAG_COLOURS) if rng.random() < 0.8 else _dyed(rng, TOP_COLOURS)
    return Bag(str(kind), colour, float(rng.uniform(0.7, 1.2)))  # type: ignore[arg-type]
