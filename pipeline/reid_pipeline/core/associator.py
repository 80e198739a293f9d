"""Who is who, decided as it happens.

Each time step, the tracks of every camera that showed something new are matched against everybody known, one camera
at a time (people in one camera at one time are different people, people in two cameras need not be). A track gets an
answer within half a second; it stays provisional until enough looks agree, and can be revised while the evidence grows.
What was decided is written into `Assignment`s and `IdentityEvent`s; nothing here knows of clocks, files or models.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from reid_pipeline.core.calibration import TRUST, Calibration
from reid_pipeline.core.clocks import Clocks
from reid_pipeline.core.consolidation import consolidate
from reid_pipeline.core.kinship import OVER_AFTER_S, Kinship
from reid_pipeline.core.links import LinkBook
from reid_pipeline.core.motion import Walk, nearness
from reid_pipeline.core.people import People, Person
from reid_pipeline.core.recall import Recall
from reid_pipeline.core.returning import Returning
from reid_pipeline.core.reunion import Presence, Reunions
from reid_pipeline.core.search import UNKNOWN
from reid_pipeline.core.similarity import Float64
from reid_pipeline.core.standing import AssociationRules, Decisions, Standing
from reid_pipeline.core.timeline import TimeStep
from reid_pipeline.core.topology import Topology
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import (
    NS_PER_S,
    Assignment,
    EncodedStep,
    GalleryChange,
    GallerySnapshot,
    Identity,
    IdentityEvent,
    State,
    TrackletKey,
)

IMPOSSIBLE = -1e3
"""Value of a pairing that must not happen; far below any sum of similarities in one camera."""

LOOK_BACK_S = 5
"""How often everything within the window is looked at once more."""

LONGEST_PAUSE_S = 60.0
"""No tracker keeps a track for longer than this without a box, so such a track is over."""

RELUCTANCE = 4
"""By how many margins a track's person must fall short of the threshold before the track leaves for nobody known."""


class Associator:
    """Gives every track an identity, step by step.

    Who is who within the window is in `standings` and `people`. Beside it stands what was learned of the site (how
    alike strangers are, which cameras share no view, whose clocks are off), and what is kept to save work. What became
    of tracks before the window is told and no longer known here.
    """

    def __init__(self, rules: AssociationRules, topology: Topology, snapshot: GallerySnapshot) -> None:
        self.rules = rules
        self.topology = topology
        self.people = People(snapshot)
        self.clocks = Clocks(topology.ahead_s, topology.floor)
        self.standings: dict[TrackletKey, Standing] = {}
        self._tracks: dict[str, dict[int, Standing]] = {}  # the same, found without making a key for every box
        self._calibration = Calibration(rules.match, snapshot.likeness, trust=TRUST if rules.calibrate else 0.0)
        self._recall = Recall(self.people, self._calibration)
        self._fresh: dict[str, set[TrackletKey]] = {}
        self._kinship = Kinship(topology, self._calibration)
        self._links = LinkBook(self._kinship)
        self._returning = Returning()
        self._reunions = Reunions()
        self._now_ns = self._settled_ns = self._looked_back_ns = 0

    def step(self, step: TimeStep) -> Decisions:
        """Take everything that happened in one time step and decide about the tracks that it concerns."""
        now_ns = step.start_ns
        for camera_step in step.steps:
            self._witness(camera_step)
            now_ns = max(now_ns, camera_step.timestamp_ns)
        decisions = Decisions()
        for camera in dict.fromkeys([camera_step.camera for camera_step in step.steps]):
            if camera in self._fresh:
                self._decide_camera(camera, now_ns, decisions)
        self._settle(now_ns, decisions)
        self._now_ns = now_ns
        if self.rules.revise and now_ns - self._looked_back_ns >= LOOK_BACK_S * NS_PER_S:
            self._set_clocks(now_ns)
            self._look_back(self.rules, decisions)
        return decisions

    def finish(self) -> Decisions:
        """Look at everything within the window one last time, whatever was said of it."""
        decisions = Decisions()
        tracklets = [self.standings[key].tracklet for key in sorted(self.standings)]
        self._kinship.update([tracklet for tracklet in tracklets if len(tracklet.looks)], now_ns=self._now_ns)
        self._set_clocks(None)
        self._look_back(replace(self.rules, rest_after_s=math.inf), decisions)
        for key in sorted(self.standings):
            decisions.settled += self.standings[key].settlement(self._now_ns)
        decisions.links += self._links.pending(self.people)
        return decisions

    def assignments(self) -> dict[TrackletKey, Assignment]:
        """The last assignment of every track within the window that has one; what was `settled` is not kept here."""
        return {key: s.decided for key, s in self.standings.items() if s.decided is not None}

    def identities(self) -> list[Identity]:
        """Everybody who was seen in this run, in the order they were met."""
        return [person.to_identity() for person in self.people if person.was_seen()]

    def forget(self, identities: Iterable[str]) -> None:
        """The gallery has forgotten these people, so nobody is to be recognised as one of them any more."""
        self.people.forget(identities)
        self._recall.forget()

    def hear(self, news: GalleryChange) -> None:
        """Other runs that share the gallery have committed this."""
        self.people.hear(news)
        self._recall.forget()
        if news.removed:
            self.forget(news.removed)

    def take_change(self) -> GalleryChange | None:
        """What the gallery should learn since the last call."""
        change = self.people.take_change()
        return None if change is None else replace(change, likeness=self._calibration.take_news())

    # -- what was seen ---------------------------------------------------------------------------------------------

    def _witness(self, step: EncodedStep) -> None:
        if not len(step.tracked) and not step.observations:
            return
        homography = self.topology.floor.get(step.camera)
        tracks = self._tracks.setdefault(step.camera, {})
        for track_id, xyxy in zip(step.tracked.track_id.tolist(), step.tracked.xyxy.tolist(), strict=True):
            standing = tracks.get(track_id) or self._standing(step, track_id)
            standing.tracklet.see(step.timestamp_ns, xyxy, homography)
        for observation in step.observations:
            standing = tracks.get(observation.track_id) or self._standing(step, observation.track_id)
            standing.tracklet.observe(observation)
            if self._is_open(standing):
                self._fresh.setdefault(step.camera, set()).add(standing.tracklet.key)

    def _standing(self, step: EncodedStep, track_id: int) -> Standing:
        key = TrackletKey(step.camera, track_id)
        standing = self.standings.get(key)
        if standing is None:
            walk = Walk(self.clocks.ahead_ns(step.camera))
            standing = Standing(Tracklet(key, step.timestamp_ns, step.timestamp_ns, walk=walk))
            self.standings[key] = self._tracks[key.camera][key.track_id] = standing
        return standing

    def _settle(self, now_ns: int, decisions: Decisions) -> None:
        """Bound what a step costs: tracks that are over come to rest, and those before the window are let go."""
        if now_ns - self._settled_ns < NS_PER_S:
            return
        self._settled_ns = now_ns
        resting_ns = now_ns - OVER_AFTER_S * NS_PER_S
        horizon_ns = now_ns - round(max(self.rules.window_s, LONGEST_PAUSE_S) * NS_PER_S)
        for key, standing in list(self.standings.items()):
            if standing.tracklet.last_ns >= resting_ns:
                continue
            person = None if standing.decided is None else self.people[standing.decided.identity]
            if person is not None and key not in person.resting:
                person.rest(key)
                self._recall.forget()
            if standing.tracklet.last_ns >= horizon_ns:
                continue
            del self.standings[key], self._tracks[key.camera][key.track_id]
            if person is not None and standing.decided is not None:
                decisions.links += self._links.settle(person, standing.tracklet)
                person.absorb(standing.tracklet)
            decisions.settled += standing.settlement(now_ns)

    # -- deciding ----------------------------------------------------------------------------------------------------

    def _decide_camera(self, camera: str, now_ns: int, decisions: Decisions) -> None:
        fresh = [self.standings[key] for key in sorted(self._fresh.pop(camera, ())) if key in self.standings]
        due, waiting = [], set()
        for standing in fresh:
            if self._is_due(standing, now_ns):
                due.append(standing)
            elif standing.decided is None:
                waiting.add(standing.tracklet.key)
        if waiting:
            self._fresh[camera] = waiting
        if not due:
            return
        here = {s.decided.identity for s in self.standings.values() if s.decided is not None}
        recalled = self._recall.candidates([standing.tracklet for standing in due], here, self.rules.match)
        people, scores = recalled.people, recalled.scores
        self._draw_near(due, people, scores)
        self._rule_out(due, people, scores)
        assigned = self._assign(due, people, scores)
        for standing, column, row, other in zip(due, assigned, scores, recalled.others.tolist(), strict=True):
            rivals = row if column is None else np.delete(row, column)
            rival = float(rivals.max(initial=other))
            if column is None:
                self._apply(standing, self.people.new(), (self.rules.match, rival), now_ns, decisions)
            else:
                self._apply(standing, people[column], (float(row[column]), rival), now_ns, decisions)

    def _is_due(self, standing: Standing, now_ns: int) -> bool:
        """A track without an answer is due with enough looks or after enough time, any other at each look."""
        if standing.decided is not None:
            return self._is_open(standing)
        waited_s = (now_ns - standing.tracklet.start_ns) / NS_PER_S
        return standing.tracklet.observed >= self.rules.prompt_looks or waited_s >= self.rules.prompt_s

    def _is_open(self, standing: Standing) -> bool:
        """Whether looks may still change the answer at once.

        A track that is confirmed is left to looking back, which sees more, where that is done.
        """
        decided = standing.decided
        return decided is None or decided.state is State.PROVISIONAL or not self.rules.revise

    def _draw_near(self, due: Sequence[Standing], people: Sequence[Person], scores: Float64) -> None:
        """Let people count for more where another camera sees them at the same place, for less where elsewhere."""
        if len(self.topology.floor) < 2:
            return
        for column, person in enumerate(people):
            others = [
                member for key, member in person.members.items() if key not in person.resting and member.walk.floor
            ]
            for row, standing in enumerate(due):
                tracklet = standing.tracklet
                if scores[row, column] == UNKNOWN or not tracklet.walk.floor:
                    continue
                added = [nearness(m.walk, tracklet.walk) for m in others if m.key.camera != tracklet.key.camera]
                scores[row, column] += sum(added) / len(added) if added else 0.0

    def _rule_out(self, due: Sequence[Standing], people: Sequence[Person], scores: Float64) -> None:
        """Set the scores of people whom a track cannot be.

        Tracks that are due together settle it by the assignment. But a person of whom nothing is known except by those
        tracks cannot be taken over: one of them would become who the other has been, and the other nobody.
        """
        contested = frozenset(s.tracklet.key for s in due)
        for row, column in np.argwhere(scores >= self.rules.match).tolist():
            person, tracklet = people[column], due[row].tracklet
            takeable = len(person.known) > 0 or not person.trusted <= contested or tracklet.key in person.members
            if not (takeable and person.allows(tracklet, self.topology, contested)):
                scores[row, column] = UNKNOWN

    def _assign(self, due: Sequence[Standing], people: Sequence[Person], scores: Float64) -> list[int | None]:
        """Each track's column in `people`, by the assignment with the highest total; None where nobody known fits.

        Being nobody known is worth the match threshold, in a column of each track's own. A track keeps its person
        unless another is better by the margin. It leaves its person for nobody only when that person falls short of the
        threshold by four margins: a new person who is really the old one costs more than a look that was bad.
        """
        count, column_of = len(people), {person.id: column for column, person in enumerate(people)}
        value = np.full((len(due), count + len(due)), IMPOSSIBLE)
        value[:, :count] = np.where(scores >= self.rules.match, scores, IMPOSSIBLE)
        for row, standing in enumerate(due):
            value[row, count + row] = self.rules.match
            decided = standing.decided
            if decided is None:
                continue
            loyalty = self.rules.margin
            column = column_of[decided.identity]
            if self._is_founder(standing):
                value[row, column] = max(scores[row, column], self.rules.match) + loyalty
            elif scores[row, column] != UNKNOWN:
                value[row, column] = scores[row, column] + loyalty
                value[row, count + row] = self.rules.match + loyalty - RELUCTANCE * self.rules.margin
        rows, columns = linear_sum_assignment(value, maximize=True)
        chosen: list[int | None] = [None] * len(due)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if column < count and value[row, column] > IMPOSSIBLE:
                chosen[row] = column
        return chosen

    def _is_founder(self, standing: Standing) -> bool:
        """Whether the track is the first of its person. Should the person fall apart, it is the others who leave."""
        if standing.decided is None:
            return False
        person = self.people[standing.decided.identity]
        return not len(person.known) and next(iter(person.members)) == standing.tracklet.key

    # -- looking back -------------------------------------------------------------------------------------------------

    def _set_clocks(self, now_ns: int | None) -> None:
        """Learn of the clocks from what was compared last, and compare everybody at the times that follow from it."""
        known, sure = self._kinship, self.rules.update
        if self.clocks.learn(known.tracklets, known.likeness, self.topology, sure=sure, now_ns=now_ns):
            for standing in self.standings.values():
                standing.tracklet.correct(self.clocks.ahead_ns(standing.tracklet.key.camera))
            self._kinship.forget_times()

    def _look_back(self, rules: AssociationRules, decisions: Decisions) -> None:
        self._looked_back_ns = self._now_ns
        corrected, apart = consolidate(
            self.standings,
            self.people,
            self._kinship,
            returning=self._returning,
            rules=rules,
            now_ns=self._now_ns,
        )
        self.topology = replace(self.topology, apart=apart)
        decisions.assignments += corrected.assignments
        decisions.events += corrected.events
        if corrected.events:
            self._recall.forget()
        self._reunite(decisions)

    def _reunite(self, decisions: Decisions) -> None:
        """Make one of people whose memories show that they are one."""
        tracklets = self._kinship.tracklets
        decided = [self.standings[tracklet.key].decided for tracklet in tracklets]
        names = ["" if told is None else told.identity for told in decided]
        possible = self._kinship.found_possible(tracklets, self.topology.apart)
        leaving_ns = self._now_ns + round((2 * LOOK_BACK_S - self.rules.window_s) * NS_PER_S)
        self._reunions.witness(Presence.of(tracklets, names, possible), before_ns=leaving_ns)
        for person, other in self._reunions.found(self.people, self.rules.match):
            for standing in self.standings.values():
                if standing.decided is not None and standing.decided.identity == other.id:
                    standing.decided = replace(
                        standing.decided, identity=person.id, timestamp_ns=self._now_ns, reason="merged"
                    )
                    decisions.assignments.append(standing.decided)
            self.people.merge(person, other)
            self._reunions.merge(person.id, other.id)
            self._links.merge(person.id, other.id)
            decisions.events.append(IdentityEvent("merged", self._now_ns, person.id, None, other.id, "one memory"))
            self._recall.forget()

    # -- acting on it ------------------------------------------------------------------------------------------------

    def _apply(
        self, standing: Standing, person: Person, scores: tuple[float, float], now_ns: int, decisions: Decisions
    ) -> None:
        """Let the track be the person; `scores` are those of the person and of the next best one."""
        tracklet, before = standing.tracklet, standing.decided
        stays = before is not None and before.identity == person.id
        founded = (not person.was_seen() and not person.known_before) or (stays and self._is_founder(standing))
        own, rival = (self.rules.match, scores[1]) if founded else scores
        margin = own - max(rival, -1.0)
        trusted = founded or own >= self.rules.update
        if tracklet.key in person.resting:
            self._recall.forget()
        person.join(tracklet, trusted=trusted)
        certain = tracklet.observed >= self.rules.confirm_observations and (founded or margin >= self.rules.margin)
        confirmed = certain or (before is not None and stays and before.state is State.CONFIRMED)
        state = State.CONFIRMED if confirmed else State.PROVISIONAL
        reason = self._move(standing, person, now_ns, decisions)
        assignment = Assignment(
            camera=tracklet.key.camera,
            track_id=tracklet.key.track_id,
            identity=person.id,
            timestamp_ns=now_ns,
            score=1.0 if founded else min(max(own, 0.0), 1.0),
            margin=min(max(margin, 0.0), 1.0),
            state=state,
            reason=reason or ("confirmed" if state is State.CONFIRMED else "linked"),
        )
        if confirmed:
            person.confirmed = True
            self.people.touch(person.id)
        standing.decided = assignment
        if reason or before is None or before.state is not state:
            decisions.assignments.append(assignment)

    def _move(self, standing: Standing, person: Person, now_ns: int, decisions: Decisions) -> str:
        """Record how the track came to the person; returns the reason, or "" when it was there already."""
        tracklet, before = standing.tracklet, standing.decided
        if before is not None and before.identity == person.id:
            return ""
        if before is None:
            kind = "linked" if len(person.members) > 1 or len(person.known) else "new"
            decisions.events.append(IdentityEvent(kind, now_ns, person.id, tracklet.key))
            return kind
        left = self.people[before.identity]
        left.leave(tracklet.key)
        self._recall.forget()
        if left.is_nobody():
            self.people.remove(left.id)
            kind = "merged"
        else:
            kind = "revised"
        decisions.events.append(IdentityEvent(kind, now_ns, person.id, tracklet.key, left.id, "a better match"))
        return kind
