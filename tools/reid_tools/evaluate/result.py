"""What an evaluation found, as numbers, as JSON values and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reid_tools.evaluate.clear import ClearScores
from reid_tools.evaluate.hota import HotaScores
from reid_tools.evaluate.identity import IdentityScores
from reid_tools.evaluate.mcta import MctaScores

_HEADER = ("", "IDF1", "IDP", "IDR", "HOTA", "DetA", "AssA", "LocA", "MCTA", "MOTA", "Prec", "Rec", "IDsw", "people")


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one sequence: of one camera, or of all of them under one identity map."""

    identity: IdentityScores
    hota: HotaScores
    clear: ClearScores
    true_people: int
    found_people: int

    def to_dict(self) -> dict[str, Any]:
        """The scores by name; shares are 0..1."""
        return {
            "idf1": self.identity.idf1,
            "idp": self.identity.idp,
            "idr": self.identity.idr,
            "hota": self.hota.hota,
            "deta": self.hota.det_a,
            "assa": self.hota.ass_a,
            "loca": self.hota.loc_a,
            "mota": self.clear.mota,
            "precision": self.clear.precision,
            "recall": self.clear.recall,
            "id_switches": self.clear.id_switches,
            "true_boxes": self.clear.true_positives + self.clear.false_negatives,
            "found_boxes": self.clear.true_positives + self.clear.false_positives,
            "true_people": self.true_people,
            "found_people": self.found_people,
        }


@dataclass(frozen=True, slots=True)
class MultiCameraScores:
    """One set of tracklets with identities, scored: all cameras pooled, MCTA, and each camera for itself."""

    pooled: Scores
    mcta: MctaScores
    cameras: Mapping[str, Scores]

    @property
    def single_camera_idf1(self) -> float:
        """IDF1 over all boxes when every camera may have an identity map of its own, 0..1."""
        return IdentityScores.sum(scores.identity for scores in self.cameras.values()).idf1

    @property
    def association_price(self) -> float:
        """IDF1 that is lost because identities have to hold across cameras: single-camera minus pooled."""
        return self.single_camera_idf1 - self.pooled.identity.idf1

    def to_dict(self) -> dict[str, Any]:
        """`pooled` with `mcta` in it, `cameras` by name, and what association costs."""
        return {
            "pooled": {**self.pooled.to_dict(), "mcta": self.mcta.mcta},
            "cameras": {camera: scores.to_dict() for camera, scores in self.cameras.items()},
            "single_camera_idf1": self.single_camera_idf1,
            "association_price": self.association_price,
        }


@dataclass(frozen=True, slots=True)
class TracksEvaluation:
    """The scores of a tracks file.

    `ceiling` holds those of the same tracklets under their true identities, where asked for. `iou` is the overlap from
    which boxes match. `unidentified` counts tracklets without an identity, which are not scored; `unscored` names
    cameras without truth.
    """

    scores: MultiCameraScores
    ceiling: MultiCameraScores | None
    iou: float
    unidentified: int
    unscored: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values; shares are 0..1. `ceiling` is null where it was not asked for."""
        return {
            **self.scores.to_dict(),
            "ceiling": self.ceiling.to_dict() if self.ceiling else None,
            "iou": self.iou,
            "unidentified_tracklets": self.unidentified,
            "cameras_without_truth": list(self.unscored),
        }

    def table(self) -> str:
        """A table for people, shares in percent: the cameras, all of them pooled, and the ceiling below."""
        rows: list[tuple[str, ...]] = [_HEADER]
        rows += [_row(camera, scores, None) for camera, scores in self.scores.cameras.items()]
        rows.append(_row("all cameras", self.scores.pooled, self.scores.mcta))
        if self.ceiling:
            rows.append(_row("ceiling", self.ceiling.pooled, self.ceiling.mcta))
        return "\n".join([*_aligned(rows), "", *self._remarks()])

    def _remarks(self) -> list[str]:
        alone, price = map(_percent, (self.scores.single_camera_idf1, self.scores.association_price))
        lines = [
            f"With identities of its own for each camera IDF1 is {alone}; one for all cameras costs {price} points."
        ]
        if self.ceiling and (best := self.ceiling.pooled.identity.idf1):
            share = _percent(self.scores.pooled.identity.idf1 / best)
            lines.append(f"IDF1 of all cameras is {share} % of the ceiling: the same tracklets, their true identities.")
        if self.unidentified:
            lines.append(f"Tracklets without an identity, not scored: {self.unidentified}.")
        if self.unscored:
            lines.append(f"Cameras without truth, not scored: {', '.join(self.unscored)}.")
        return lines


def _row(name: str, scores: Scores, mcta: MctaScores | None) -> tuple[str, ...]:
    identity, hota, clear = scores.identity, scores.hota, scores.clear
    shares = (identity.idf1, identity.idp, identity.idr, hota.hota, hota.det_a, hota.ass_a, hota.loc_a)
    return (
        name,
        *map(_percent, shares),
        _percent(mcta.mcta) if mcta else "",
        *map(_percent, (clear.mota, clear.precision, clear.recall)),
        str(clear.id_switches),
        f"{scores.found_people}/{scores.true_people}",
    )


def _percent(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:.1f}"  # never -0.0


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """The rows as lines: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
