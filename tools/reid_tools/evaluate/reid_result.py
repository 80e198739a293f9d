"""What an evaluation of encoders found, as numbers, as JSON values and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from reid_tools.datasets import Dataset
from reid_tools.evaluate.ranking import Figures, Floats
from reid_tools.evaluate.stress import Color

_NAMES = ("rank1", "rank5", "rank10", "map", "minp")
_HEADER = ("queries", "hidden", "model", "rank-1", "+-", "rank-5", "rank-10", "mAP", "+-", "mINP", "kept", "captured")


@dataclass(frozen=True, slots=True)
class Try:
    """What came of hiding every query once.

    `captured` is the share of queries whose first place goes to the person in front, where that one is in the gallery.
    """

    figures: Figures
    captured: float | None = None

    @classmethod
    def mean(cls, tries: Sequence[Try]) -> Try:
        shares = [each.captured for each in tries if each.captured is not None]
        return cls(Figures(*_table(tries).mean(axis=0).tolist()), float(np.mean(shares)) if shares else None)


def _table(tries: Sequence[Try]) -> Floats:
    return np.array([[getattr(each.figures, name) for name in _NAMES] for each in tries])


@dataclass(frozen=True, slots=True)
class Point:
    """What came of hiding `level` percent of each query: the mean over seeds, and largest minus smallest."""

    level: int
    mean: Try
    spread: Figures

    @classmethod
    def over(cls, level: int, tries: Sequence[Try]) -> Point:
        """The point of one try per seed."""
        if len(tries) == 1:  # a mean over one number may differ from it in the last bit
            return cls(level, tries[0], Figures(0.0, 0.0, 0.0, 0.0, 0.0))
        return cls(level, Try.mean(tries), Figures(*np.ptp(_table(tries), axis=0).tolist()))


@dataclass(frozen=True, slots=True)
class Curve:
    """Figures over levels, the first of them 0, under one `condition` (mask, distractor) of one `kind`."""

    condition: str
    kind: str
    points: tuple[Point, ...]

    def kept(self, point: Point, name: str) -> float | None:
        """A figure relative to what it is with nothing hidden; None where that is 0."""
        clean: float = getattr(self.points[0].mean.figures, name)
        share: float = getattr(point.mean.figures, name)
        return share / clean if clean else None

    def area(self, name: str) -> float:
        """The mean of a figure over all levels from 0 to the last: the area under the curve over its width."""
        levels = [point.level for point in self.points]
        values = [getattr(point.mean.figures, name) for point in self.points]
        if len(levels) == 1:
            return float(values[0])
        means = (np.array(values[1:]) + values[:-1]) / 2
        return float((means * np.diff(levels)).sum() / (levels[-1] - levels[0]))

    def to_dict(self) -> dict[str, Any]:
        return {
            "condition": self.condition,
            "kind": self.kind,
            "area": {name: self.area(name) for name in ("rank1", "map")},
            "points": [
                {
                    "level": point.level,
                    **asdict(point.mean.figures),
                    "spread": asdict(point.spread),
                    "retention": {name: self.kept(point, name) for name in ("rank1", "map")},
                    "captured": point.mean.captured,
                }
                for point in self.points
            ],
        }


@dataclass(frozen=True, slots=True)
class EncoderScores:
    """One encoder, or one part of it. `given` is what it was asked for by; hidden pixels were painted in `fill`."""

    given: str
    name: str
    part: str
    sha256: str
    dim: int
    fill: Color
    clean: Figures
    curves: tuple[Curve, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.given,
            "name": self.name,
            "part": self.part or None,
            "sha256": self.sha256,
            "dim": self.dim,
            "fill": list(self.fill),
            **asdict(self.clean),
            "curves": [curve.to_dict() for curve in self.curves],
        }


@dataclass(frozen=True, slots=True)
class ReidEvaluation:
    """Encoders on one data set; `counted` queries have a match in their gallery, the others count nowhere."""

    dataset: Dataset
    counted: int
    reranked: bool
    seeds: int
    encoders: tuple[EncoderScores, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values; shares are 0..1, levels percent."""
        pictures = (*self.dataset.query, *self.dataset.gallery)
        return {
            "data": str(self.dataset.folder),
            "layout": self.dataset.layout,
            "queries": len(self.dataset.query),
            "queries_counted": self.counted,
            "gallery": len(self.dataset.gallery),
            "people": len({picture.person for picture in self.dataset.query}),
            "cameras": sorted({picture.camera for picture in pictures}),
            "reranked": self.reranked,
            "seeds": self.seeds,
            "models": [scores.to_dict() for scores in self.encoders],
        }

    def table(self) -> str:
        """A table for people, shares in percent: every condition and level with all encoders below each other."""
        rows: list[tuple[str, ...]] = [_HEADER]
        rows += [_row("clean", "", self._label(scores), scores.clean) for scores in self.encoders]
        for at, curve in enumerate(self.encoders[0].curves):
            curves = [(self._label(scores), scores.curves[at]) for scores in self.encoders]
            for level, _ in enumerate(curve.points[1:], start=1):
                rows += [_point_row(label, each, each.points[level]) for label, each in curves]
            for label, each in curves:
                share = (_percent(each.area("rank1")), "", "", "", _percent(each.area("map")))
                rows.append((_name(each), "mean", label, *share, "", "", "", ""))
        return "\n".join([*_aligned(rows), "", *self._remarks()])

    def _label(self, scores: EncoderScores) -> str:
        named_alike = {other.given for other in self.encoders if other.name == scores.name}
        name = scores.name if len(named_alike) == 1 else scores.given
        return f"{name} {scores.part}".rstrip()

    def _remarks(self) -> list[str]:
        total = len(self.dataset.query)
        lines = [
            f"{self.counted} queries against {len(self.dataset.gallery)} pictures of {self.dataset.folder}"
            + (", re-ranked by k-reciprocal neighbours." if self.reranked else ".")
        ]
        if self.counted < total:
            lines.append(
                f"Queries that match nothing in the gallery's other cameras, not counted: {total - self.counted}."
            )
        if self.encoders[0].curves:
            lines.append(
                f"Hidden: share of each query. Figures are means over {self.seeds} seeds, +- is largest minus "
                "smallest, kept is mAP over clean mAP, mean is over all levels from 0 on (area under the curve)."
            )
        return lines


def _name(curve: Curve) -> str:
    return f"{curve.condition} {curve.kind}"


def _row(queries: str, hidden: str, label: str, figures: Figures) -> tuple[str, ...]:
    shares = [_percent(getattr(figures, name)) for name in _NAMES]
    return (queries, hidden, label, shares[0], "", *shares[1:4], "", shares[4], "", "")


def _point_row(label: str, curve: Curve, point: Point) -> tuple[str, ...]:
    row = list(_row(_name(curve), f"{point.level} %", label, point.mean.figures))
    kept = curve.kept(point, "map")
    row[4], row[8] = _percent(point.spread.rank1), _percent(point.spread.map)
    row[10] = "" if kept is None else _percent(kept)
    row[11] = "" if point.mean.captured is None else _percent(point.mean.captured)
    return tuple(row)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """The rows as lines: words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if at in (0, 2) else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
