"""What led to a run's decisions, collected while it goes on, for the gallery to keep."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from reid_pipeline.gallery.evidence import Sighting
from reid_pipeline.types import NS_PER_S, Assignment, EncodedStep, TrackletKey


@dataclass(slots=True)
class EvidenceNotes:
    """When each track was seen and what was last decided about it, on the run's clock.

    A track is let go `keep_s` after its last box, when nothing about it can be revised any more, so the notes stay as
    small as the window is.
    """

    run: str
    zero_unix_ns: int
    keep_s: float
    # by camera, then track: many boxes come, so none makes a key
    _first_ns: dict[str, dict[int, int]] = field(default_factory=dict)
    _last_ns: dict[str, dict[int, int]] = field(default_factory=dict)
    _decided: dict[TrackletKey, Assignment] = field(default_factory=dict)
    _changed: dict[TrackletKey, None] = field(default_factory=dict)
    _now_ns: int = 0

    def witness(self, steps: Iterable[EncodedStep]) -> None:
        """Note which tracks were seen and which ended."""
        for step in steps:
            self._now_ns = max(self._now_ns, step.timestamp_ns)
            if len(step.tracked):
                self._see(step)
            for track_id in step.ended:
                key = TrackletKey(step.camera, track_id)
                if key in self._decided:
                    self._changed[key] = None

    def _see(self, step: EncodedStep) -> None:
        last_ns = self._last_ns.setdefault(step.camera, {})
        seen = dict.fromkeys(step.tracked.track_id.tolist(), step.timestamp_ns)
        known = len(last_ns)
        last_ns.update(seen)
        if len(last_ns) > known:
            self._first_ns[step.camera] = seen | self._first_ns.get(step.camera, {})

    def learn(self, assignments: Sequence[Assignment]) -> None:
        """Note what was decided."""
        for assignment in assignments:
            if assignment.track_id in self._last_ns.get(assignment.camera, ()):
                self._decided[assignment.key] = assignment
                self._changed[assignment.key] = None

    def end(self) -> None:
        """The run is over, and with it every track."""
        self._changed.update(dict.fromkeys(self._decided))

    def ready(self, known: Collection[str]) -> tuple[Sighting, ...]:
        """What has changed about tracks of people who are `known` to the gallery; the rest waits."""
        return tuple(self._sighting(key) for key in sorted(self._changed) if self._decided[key].identity in known)

    def kept(self, sightings: Iterable[Sighting]) -> None:
        """These are in the gallery now."""
        for one in sightings:
            del self._changed[one.tracklet]
        self._let_go()

    def _sighting(self, key: TrackletKey) -> Sighting:
        decided = self._decided[key]
        return Sighting(
            run=self.run,
            tracklet=key,
            identity=decided.identity,
            start_ns=self._first_ns[key.camera][key.track_id] + self.zero_unix_ns,
            end_ns=self._last_ns[key.camera][key.track_id] + self.zero_unix_ns,
            score=decided.score,
            margin=decided.margin,
            state=decided.state,
            reason=decided.reason,
        )

    def _let_go(self) -> None:
        horizon_ns = self._now_ns - round(self.keep_s * NS_PER_S)
        for camera, last_ns in self._last_ns.items():
            for track_id in [track_id for track_id, seen_ns in last_ns.items() if seen_ns < horizon_ns]:
                del last_ns[track_id], self._first_ns[camera][track_id]
                self._decided.pop(TrackletKey(camera, track_id), None)
                self._changed.pop(TrackletKey(camera, track_id), None)
