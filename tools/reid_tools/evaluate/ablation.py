"""What each part of the evidence is worth: one journal, associated again and again with more of what is known.

A variant changes the configuration; every variant sees the same tracklets, so the scores differ by association alone.
Each is scored twice: with the answers that stood when the last frame had been seen, as a live run gives them, and after
the last look at the whole recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.config.models import Config
from reid_tools.evaluate.recording import Answers, Outcome, Recording, answer, ceiling, score


@dataclass(frozen=True, slots=True)
class Variant:
    """A row of the table: what is taken from the configuration, and what is changed in its `association` section.

    `layout` names the keys of `cameras` that are kept: of neighbors, overlaps and homography.
    """

    name: str
    layout: tuple[str, ...] = ()
    association: tuple[tuple[str, Any], ...] = ()

    def applied(self, loaded: LoadedConfig) -> LoadedConfig:
        """The configuration as this variant has it."""
        unknown: dict[str, Any] = {"neighbors": {}, "overlaps": None, "homography": None}
        dropped = {key: nothing for key, nothing in unknown.items() if key not in self.layout}
        config = loaded.config
        cameras = {name: camera.model_copy(update=dropped) for name, camera in config.cameras.items()}
        association = config.association.model_copy(update=dict(self.association))
        return replace(loaded, config=config.model_copy(update={"cameras": cameras, "association": association}))


LAYOUT = ("neighbors", "overlaps", "homography")
UNTAUGHT = (("calibrate", False),)
ONCE = (*UNTAUGHT, ("revise", False))
VARIANTS = (
    Variant("appearance", (), (*ONCE, ("travel_times", False))),
    Variant("+ time", LAYOUT[:1], ONCE),
    Variant("+ overlap", LAYOUT[:2], ONCE),
    Variant("+ floor position", LAYOUT[:3], ONCE),
    Variant("+ looking back", LAYOUT[:3], UNTAUGHT),
    Variant("+ calibration", LAYOUT[:3]),
)
"""From little to all. A new kind of evidence is one more row."""


@dataclass(frozen=True, slots=True)
class Row:
    """A variant and its scores, both None where the configuration says nothing of what the variant adds."""

    name: str
    live: Outcome | None
    offline: Outcome | None


@dataclass(frozen=True, slots=True)
class Ablation:
    """Every variant, from little to all, and the ceiling of what the last one named."""

    rows: tuple[Row, ...]
    ceiling: Outcome

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain values; shares are 0..1."""
        rows = [
            {
                "evidence": row.name,
                "live": row.live and asdict(row.live),
                "offline": row.offline and asdict(row.offline),
            }
            for row in self.rows
        ]
        return {"variants": rows, "ceiling": asdict(self.ceiling)}

    def table(self) -> str:
        """Pooled IDF1 and AssA in percent, live and offline."""
        lines = [
            f"{'':<20}{'live':>16}{'offline':>20}",
            f"{'evidence':<20}{'IDF1':>8}{'AssA':>8}{'IDF1':>12}{'AssA':>8}",
        ]
        for row in self.rows:
            if row.live is None or row.offline is None:
                lines.append(f"{row.name:<20}  the configuration says nothing of it")
            else:
                lines.append(f"{row.name:<20}{_shares(row.live)}    {_shares(row.offline)}")
        lines.append(f"{'ceiling':<20}{'':<20}{_shares(self.ceiling)}")
        return "\n".join(lines)


def ablate(loaded: LoadedConfig, recordings: Sequence[Recording], variants: Iterable[Variant] = VARIANTS) -> Ablation:
    """Associate the recordings with every variant. One that changes nothing is not tried again."""
    rows: list[Row] = []
    before: Config | None = None
    final: Sequence[Answers] = ()
    for variant in variants:
        chosen = variant.applied(loaded)
        if chosen.config == before:
            rows.append(Row(variant.name, None, None))
            continue
        before = chosen.config
        answered = answer(chosen, recordings)
        final = answered.final
        rows.append(Row(variant.name, score(recordings, answered.live), score(recordings, final)))
    return Ablation(tuple(rows), ceiling(recordings, final))


def _shares(outcome: Outcome) -> str:
    return f"{100 * outcome.idf1:>8.1f}{100 * outcome.ass_a:>8.1f}"
