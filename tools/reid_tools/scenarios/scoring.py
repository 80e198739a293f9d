"""All scenes at once: how well the site's associator does on each, in one table."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from reid_pipeline.config.loader import load_config
from reid_pipeline.core.offsets import Offset
from reid_tools.evaluate.promptness import Promptness
from reid_tools.evaluate.recording import Outcome, Recording, Returns, answer, ceiling, returns, score
from reid_tools.scenarios.layout import Scene
from reid_tools.scenarios.world import make_world
from reid_tools.scenarios.writing import WorldFiles, files_of, write_world

_HEADER = (
    "scene",
    "live",
    "offline",
    "AssA",
    "ceiling",
    "gap",
    "false",
    "missed",
    "IDsw",
    "tracks",
    "first",
    "final",
    "steps/s",
    "x real",
)


_NO_SIMULATION = frozenset({"__main__.py", "likeness.py", "scoring.py", "soak.py"})
"""Sources of this package that no world depends on."""


@dataclass(frozen=True, slots=True)
class ClockScore:
    """How far the clock of `camera` is ahead of that of `reference`: what is true, and what was found."""

    camera: str
    reference: str
    true_s: float
    found_s: float
    error_s: float
    sure: bool

    def line(self) -> str:
        """In words."""
        doubt = "" if self.sure else ", which is not sure"
        return (
            f"{self.camera} is {self.true_s:+.2f} s ahead of {self.reference}, "
            f"found {self.found_s:+.2f} s +- {self.error_s:.2f} s{doubt}"
        )


@dataclass(frozen=True, slots=True)
class SceneScore:
    """What the associator made of one world. `steps` are camera steps; `seconds` the CPU time of `real_s` filmed."""

    scene: str
    live: Outcome
    final: Outcome
    ceiling: Outcome
    promptness: Promptness
    tracklets: int
    steps: int
    seconds: float
    real_s: float
    returns: Returns | None = None
    clocks: tuple[ClockScore, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The numbers by name; shares are 0..1."""
        return {
            "scene": self.scene,
            "live_idf1": self.live.idf1,
            "idf1": self.final.idf1,
            "assa": self.final.ass_a,
            "ceiling_idf1": self.ceiling.idf1,
            "false_links": self.final.false_links,
            "missed_links": self.final.missed_links,
            "id_switches": self.final.id_switches,
            "tracklets": self.tracklets,
            "first_p95_s": self.promptness.first_p95_s,
            "final_p95_s": self.promptness.final_p95_s,
            "steps_per_s": self.steps / self.seconds,
            "times_real": self.real_s / self.seconds,
            "returns": asdict(self.returns) if self.returns else None,
            "clocks": [asdict(clock) for clock in self.clocks],
        }

    def row(self) -> tuple[str, ...]:
        """The cells under the header of `table`."""
        shares = (self.live.idf1, self.final.idf1, self.final.ass_a, self.ceiling.idf1)
        gap = self.ceiling.idf1 - self.final.idf1
        counts = (self.final.false_links, self.final.missed_links, self.final.id_switches, self.tracklets)
        return (
            self.scene,
            *(f"{100 * share:.1f}" for share in (*shares, gap)),
            *map(str, counts),
            f"{self.promptness.first_p95_s:.1f}",
            f"{self.promptness.final_p95_s:.1f}",
            f"{self.steps / self.seconds:.0f}",
            f"{self.real_s / self.seconds:.0f}",
        )


def table(scores: Iterable[SceneScore]) -> str:
    """One line a scene.

    Pooled IDF1 live and offline, AssA, the ceiling and the gap to it (percent); false and missed links, switches and
    tracklets; seconds until the first answer and, after a track's end, until the final one (95th percentiles); speed.
    """
    scores = list(scores)
    rows = [_HEADER, *(score.row() for score in scores)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    lines += [
        f"{score.scene}: {back.kept} of {back.people} who came back kept their identity; "
        f"{back.false} of {back.seen} got somebody else's from before"
        for score in scores
        if (back := score.returns) is not None
    ]
    lines += [f"{score.scene}: {clock.line()}" for score in scores for clock in score.clocks]
    return "\n".join(lines)


def score_scene(scene: Scene, *, seed: int, tuning: bool, worlds: Path) -> SceneScore:
    """Associate one world of a scene. It is kept in the folder `worlds`, and written there when it is not."""
    files = kept_world(scene, seed=seed, tuning=tuning, worlds=worlds)
    recordings = [Recording.read(journal, truths) for journal, truths in zip(files.journals, files.truths, strict=True)]
    answered = answer(load_config(files.config), recordings)
    return SceneScore(
        scene=scene.name,
        live=score(recordings, answered.live),
        final=score(recordings, answered.final),
        ceiling=ceiling(recordings, answered.final),
        promptness=answered.promptness,
        tracklets=sum(len(recording.lives) for recording in recordings),
        steps=sum(recording.steps for recording in recordings),
        seconds=answered.seconds,
        real_s=sum(recording.seconds for recording in recordings),
        returns=returns(recordings, answered.final) if len(recordings) > 1 else None,
        clocks=_clocks(files, answered.clocks) if scene.clock_spread_s else (),
    )


def _clocks(files: WorldFiles, found: Iterable[Offset]) -> tuple[ClockScore, ...]:
    true_s = json.loads(files.facts.read_text(encoding="ascii"))["clock_s"]
    return tuple(
        ClockScore(
            camera=one.camera,
            reference=one.reference,
            true_s=true_s[one.camera] - true_s[one.reference],
            found_s=one.ahead_s,
            error_s=one.error_s,
            sure=one.sure,
        )
        for one in found
        if one.camera != one.reference
    )


def kept_world(scene: Scene, *, seed: int, tuning: bool, worlds: Path) -> WorldFiles:
    """The files of a world in its own folder below `worlds`; a folder appears when it is complete.

    Its name says by which state of the simulation it was written, so scores never mix worlds of several.
    """
    folder = worlds / ("tuning" if tuning else "reported") / f"{scene.name}-{seed}-{_simulation()}"
    if not folder.exists():
        unfinished = folder.with_name(folder.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        write_world(make_world(scene, seed=seed, tuning=tuning), unfinished)
        unfinished.rename(folder)
    return files_of(scene, folder)


def _simulation() -> str:
    """A short hash of the sources of this package that worlds depend on."""
    sources = sorted(path for path in Path(__file__).parent.glob("*.py") if path.name not in _NO_SIMULATION)
    return sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:8]


def score_all(
    scenes: Sequence[Scene], seeds: Sequence[int], *, tuning: bool, worlds: Path, told: Callable[[str], None]
) -> list[SceneScore]:
    """Score every scene with every seed; `told` hears each name before its turn."""
    scores = []
    for scene in scenes:
        for seed in seeds:
            told(f"{scene.name}, seed {seed}")
            scores.append(score_scene(scene, seed=seed, tuning=tuning, worlds=worlds))
    return scores
