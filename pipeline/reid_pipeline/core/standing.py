"""What the association works on: its rules, what is decided about a track, and what a step decided."""

from __future__ import annotations

from dataclasses import dataclass, field

from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import Assignment, IdentityEvent, Link, Settlement


@dataclass(frozen=True, slots=True)
class AssociationRules:
    """`match`, `update` and `margin` are similarities as `Recall` measures them, `familiar` is one of two single looks.

    A track whose looks stop being `familiar` with its earlier ones shows somebody else from there on (`splitting`).

    A track is decided about when it has `prompt_looks` looks or is `prompt_s` old, whichever is first, and confirmed
    with `confirm_observations` looks whose best person leads by `margin`. With `revise`, everything within `window_s`
    is looked at once more every few seconds; without, at the end only. Decisions older than that stay. Those about
    tracks that have been over for `rest_after_s` change only where much speaks for it (`consolidation`). With
    `travel_times`, looking back heeds how long people take from one camera to another.

    With `calibrate`, similarities are shifted by what the site itself teaches (`Calibration`).
    """

    match: float
    update: float
    familiar: float
    margin: float = 0.05
    prompt_looks: int = 2
    prompt_s: float = 0.5
    confirm_observations: int = 3
    window_s: float = 300.0
    rest_after_s: float = 5.0
    revise: bool = True
    calibrate: bool = True
    travel_times: bool = True


@dataclass(slots=True)
class Standing:
    """What is decided about a track so far."""

    tracklet: Tracklet
    decided: Assignment | None = None

    def settlement(self, now_ns: int) -> list[Settlement]:
        """That what was decided stays as it is; nothing where nothing was."""
        if self.decided is None:
            return []
        return [Settlement(self.decided, now_ns, self.tracklet.start_ns, self.tracklet.last_ns)]


@dataclass(slots=True)
class Decisions:
    """What a step decided; also collects across steps.

    What is `settled`, and the `links` between tracklets that are, is told once and not remembered by the associator.
    """

    assignments: list[Assignment] = field(default_factory=list)
    events: list[IdentityEvent] = field(default_factory=list)
    settled: list[Settlement] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
