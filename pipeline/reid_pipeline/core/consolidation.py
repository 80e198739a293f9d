"""A look back at everything within the window: all tracklets at once instead of one step at a time.

What was decided early was decided on few looks. Every few seconds, and when the run ends, the tracklets, and the people
remembered from before (who cannot become each other), are clustered anew. Every difference from what was said so far
becomes an event: `revised` (a track belongs to somebody else), `merged` (a person was somebody known already), `split`
(a person was two).

Those who watch a run need answers that stay. So a tracklet that has been over for `rest_after_s` rests: its person
holds on to it (`HOLD`), it does not leave to be alone, and one that was brief (`BRIEF_S`) does not leave at all, unless
it cannot be that person. One that stays though its looks say otherwise does not teach what the person looks like. At
the last look, when the run has ended, nothing rests; but where the new groups are hardly better than those that were
told, these stay.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.clustering import agglomerate, better_parts, matching, reconcile
from reid_pipeline.core.kinship import Kinship
from reid_pipeline.core.overlap import apart
from reid_pipeline.core.people import People, Person
from reid_pipeline.core.returning import Returning
from reid_pipeline.core.similarity import Float64, closest
from reid_pipeline.core.standing import AssociationRules, Decisions, Standing
from reid_pipeline.core.succession import join_in_time
from reid_pipeline.core.topology import CameraPair
from reid_pipeline.core.transit import COST, Steps
from reid_pipeline.types import NS_PER_S, Assignment, IdentityEvent, State, TrackletKey

CERTAIN = 1 << 62
"""Weight of a vote that no number of boxes outweighs."""

HOLD = 3 / 32
"""How much more alike two resting tracklets of one person count."""

BRIEF_S = 5.0
"""Resting tracklets shorter than this are not worth a correction."""

REST_VOTES = 4
"""A resting tracklet's vote for its name counts so often, so rather the names of those in view change."""

BY_CHANCE = 0.04
"""A group of many looks covers a lone tracklet by so much from their number alone. Without, people whom no other camera
saw went to groups of strangers: on 13 simulated sites to develop on this won 0.6 points of IDF1 on average, 0.8 to 5.4
where a camera is far from the others, and lost 0.1 on one; 0.02 and 0.06 won less (3 real sites: no change)."""

Group = Sequence[int]


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What is clustered: the tracklets (index below `len(standings)`), then the people remembered from before.

    `names` are the identities so far, "" where nothing was said yet; `resting` what is to stay with them.
    """

    standings: Sequence[Standing]
    seeds: Sequence[Person]
    similarity: Float64
    possible: NDArray[np.bool_]
    weights: Float64
    apart: frozenset[CameraPair]
    steps: Steps | None
    names: Sequence[str]
    resting: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Who a tracklet is from now on, and whether its looks agree: only then they teach."""

    standing: Standing
    assignment: Assignment
    agreed: bool


def consolidate(
    standings: Mapping[TrackletKey, Standing],
    people: People,
    kinship: Kinship,
    *,
    returning: Returning,
    rules: AssociationRules,
    now_ns: int,
) -> tuple[Decisions, frozenset[CameraPair]]:
    """Cluster the tracklets anew, bring `standings` and `people` in line with the result, and say what changed.

    Also gives the pairs of cameras that were found to share no view.
    """
    ordered = [standings[key] for key in sorted(standings)]
    evidence = _gather(ordered, people, kinship=kinship, returning=returning, rules=rules, now_ns=now_ns)
    covering = rules.match + BY_CHANCE - kinship.calibration.shift_of_memory()
    groups = _adopt(_alike(evidence, rules.match), evidence, covering)
    if math.isinf(rules.rest_after_s):
        items = (evidence.similarity, evidence.possible, evidence.weights)
        groups = [*better_parts(_as_told(evidence), groups, *items, rules.match)]
    known = {person.id for person in people}
    verdicts = _verdicts(groups, evidence, people, rules=rules, now_ns=now_ns)
    for verdict in verdicts:
        _move(verdict, people)
    decisions = Decisions()
    for verdict in verdicts:
        _announce(verdict.standing, verdict.assignment, people, known, decisions)
        verdict.standing.decided = verdict.assignment
        person = people[verdict.assignment.identity]
        person.confirmed = person.confirmed or verdict.assignment.state is State.CONFIRMED
        people.touch(person.id)
    for person in [person for person in people if person.is_nobody()]:
        people.remove(person.id)
    return decisions, evidence.apart


def _move(verdict: _Verdict, people: People) -> None:
    """Let the tracklet be that person and teach what they look like, if it does; one that rests goes on resting."""
    standing, identity = verdict.standing, verdict.assignment.identity
    key, rests = standing.tracklet.key, False
    if standing.decided is not None:
        before = people[standing.decided.identity]
        if before.id == identity and (key in before.trusted) == verdict.agreed:
            return
        rests = key in before.resting
        if before.id != identity:
            before.leave(key)
    person = people[identity]
    person.join(standing.tracklet, trusted=verdict.agreed)
    if rests:
        person.rest(key)


def _gather(
    standings: Sequence[Standing],
    people: People,
    *,
    kinship: Kinship,
    returning: Returning,
    rules: AssociationRules,
    now_ns: int,
) -> _Evidence:
    usable = [standing for standing in standings if len(standing.tracklet.looks)]
    tracklets = [standing.tracklet for standing in usable]
    kinship.update(tracklets, now_ns=now_ns)
    recalled = kinship.calibration.shift_of_memory()
    seeds, recognised = returning.seeds(tracklets, list(people), rules.match - recalled)
    tracks, count = len(usable), len(usable) + len(seeds)
    similarity, possible = np.zeros((count, count)), np.zeros((count, count), np.bool_)
    separate = apart(tracklets, kinship.similarity, rules.match, kinship.topology)
    found = kinship.found_possible(tracklets, separate)
    found |= kinship.drifted(found, rules.match)
    possible[:tracks, :tracks], similarity[:tracks, :tracks] = found, kinship.similarity
    steps = None
    if rules.travel_times:
        steps = kinship.transits.learn(tracklets, kinship.similarity, found, match=rules.match, sure=rules.update)
    # a person's memory need not all be seen again, so it counts how like it the tracklet is, not the other way
    similarity[:tracks, tracks:] = recognised + recalled
    similarity[tracks:, :tracks] = (recognised + recalled).T
    began_ns = np.array([tracklet.start_ns for tracklet in tracklets], np.int64)[:, None]
    possible[:tracks, tracks:] = began_ns > np.array([person.elsewhere_ns for person in seeds], np.int64)
    possible[tracks:, :tracks] = possible[:tracks, tracks:].T
    known = [len(tracklet.looks) for tracklet in tracklets] + [len(person.remembered) for person in seeds]
    names = ["" if s.decided is None else s.decided.identity for s in usable] + [person.id for person in seeds]
    resting = [s.decided is not None and now_ns - s.tracklet.last_ns >= rules.rest_after_s * NS_PER_S for s in usable]
    return _Evidence(
        standings=usable,
        seeds=seeds,
        similarity=similarity,
        possible=possible,
        weights=np.array(known, np.float64),
        apart=separate,
        steps=steps,
        names=names,
        resting=np.array(resting + [True] * len(seeds), np.bool_),
    )


def _alike(evidence: _Evidence, match: float) -> list[Group]:
    """Groups by looks and, where these leave it open and travel times count, by the time from one to the other."""
    items = (_held(evidence), evidence.possible, evidence.weights)
    if evidence.steps is None:
        return [*reconcile(agglomerate(*items, match), *items, match)]
    similarity, possible, weights = items
    groups = join_in_time(
        agglomerate(*items, match + COST),
        evidence.steps,
        similarity=similarity,
        possible=possible,
        weights=weights,
        threshold=match,
    )
    return [*reconcile(groups, *items, match)]


def _as_told(evidence: _Evidence) -> list[Group]:
    """The groups as they were; a tracklet of which nothing was said is one of its own."""
    groups: dict[str | int, list[int]] = {}
    for item, name in enumerate(evidence.names):
        groups.setdefault(name or item, []).append(item)
    return [*groups.values()]


def _held(evidence: _Evidence) -> Float64:
    """The similarities, higher between resting tracklets of one person, and between them and the person's memory."""
    person = np.unique(evidence.names, return_inverse=True)[1]
    kept = np.outer(evidence.resting, evidence.resting) & (person[:, None] == person)
    return np.asarray(evidence.similarity + HOLD * kept)


def _adopt(groups: Sequence[Group], evidence: _Evidence, match: float) -> list[Group]:
    """Give tracklets that were left alone to the group whose looks together cover theirs best, if that reaches `match`.

    A short or mixed tracklet may be like no single other one on average and still show nothing that the person does not
    show elsewhere. This is the measure that live decisions use, so looking back never loses what they had found.
    """
    looks = [standing.tracklet.looks.vectors for standing in evidence.standings]
    looks += [person.remembered.vectors for person in evidence.seeds]
    home = np.empty(len(looks), np.int64)
    for number, group in enumerate(groups):
        home[list(group)] = number
    tracks = len(evidence.standings)
    alone = [g[0] for g in groups if len(g) == 1 and g[0] < tracks and not evidence.resting[g[0]]]
    for item, alike in zip(alone, closest(looks, alone), strict=True):
        sizes = np.bincount(home, minlength=len(groups))
        if sizes[home[item]] > 1:
            continue  # somebody else has joined it
        closed = (sizes == 0) | (np.bincount(home[~evidence.possible[item]], minlength=len(groups)) > 0)
        inhabited, order = np.flatnonzero(sizes), np.argsort(home, kind="stable")
        weights, covered = evidence.standings[item].tracklet.looks.weights, np.full(len(groups), -1.0)
        by_home = np.maximum.reduceat(alike[:, order], (np.cumsum(sizes) - sizes)[inhabited], axis=1)
        covered[inhabited] = (weights @ by_home) / weights.sum()
        covered[closed] = -1.0
        best = int(covered.argmax())
        if covered[best] >= match:
            home[item] = best
    return [members for number in range(len(groups)) if (members := np.flatnonzero(home == number).tolist())]


def _verdicts(
    groups: Sequence[Group], evidence: _Evidence, people: People, *, rules: AssociationRules, now_ns: int
) -> list[_Verdict]:
    """What becomes of each tracklet. A group is the person for whom most of its boxes were assigned before."""
    names = matching(_votes(groups, evidence))
    homes = {name: groups[number] for number, name in names.items()}
    strengths = _strengths(evidence.similarity, groups, rules.match).tolist()
    verdicts: list[_Verdict] = []
    for number, group in enumerate(groups):
        identity = names.get(number)
        for i in group:
            if i >= len(evidence.standings):
                continue
            standing, before = evidence.standings[i], evidence.standings[i].decided
            if before is not None and before.identity != identity and _stays(i, group, homes, evidence):
                verdicts.append(_Verdict(standing, before, agreed=False))
                continue
            if identity is None:
                identity = people.new().id
            key, (score, margin) = standing.tracklet.key, strengths[i]
            sure = standing.tracklet.observed >= rules.confirm_observations
            state = State.CONFIRMED if sure else State.PROVISIONAL
            told = Assignment(key.camera, key.track_id, identity, now_ns, score, margin, state, "confirmed")
            verdicts.append(_Verdict(standing, told, agreed=True))
    return verdicts


def _stays(item: int, group: Group, homes: Mapping[str, Group], evidence: _Evidence) -> bool:
    """Whether a tracklet that was found in `group` stays with its person nevertheless; `homes` are groups by name."""
    tracklet = evidence.standings[item].tracklet
    brief = tracklet.last_ns - tracklet.start_ns < BRIEF_S * NS_PER_S
    at_peace = evidence.possible[item, list(homes.get(evidence.names[item], ()))].all()
    return bool(evidence.resting[item] and (brief or len(group) == 1) and at_peace)


def _votes(groups: Sequence[Group], evidence: _Evidence) -> list[tuple[int, str, int]]:
    votes: dict[tuple[int, str], int] = {}
    for number, group in enumerate(groups):
        for i in group:
            if i >= len(evidence.standings):
                votes[number, evidence.seeds[i - len(evidence.standings)].id] = CERTAIN
                continue
            standing = evidence.standings[i]
            if standing.decided is not None:
                ballot = number, standing.decided.identity
                votes[ballot] = votes.get(ballot, 0) + standing.tracklet.boxes * (
                    REST_VOTES if evidence.resting[i] else 1
                )
    return [(number, name, weight) for (number, name), weight in votes.items()]


def _strengths(similarity: Float64, groups: Sequence[Group], match: float) -> Float64:
    """Each item's mean similarity to the rest of its group (1 when alone) and margin to the next best group, 0..1."""
    belongs = np.zeros((len(similarity), len(groups)))
    for number, group in enumerate(groups):
        belongs[list(group), number] = 1.0
    if not len(similarity):
        return np.zeros((0, 2))
    own = belongs.argmax(axis=1)
    items = np.arange(len(similarity))
    sums = similarity @ belongs  # nobody is like themselves here
    sizes = np.tile(belongs.sum(axis=0), (len(similarity), 1))
    sizes[items, own] -= 1
    means = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)
    mine = means[items, own]
    means[items, own] = -1.0
    rival = means.max(axis=1, initial=-1.0)
    alone = np.isnan(mine)
    score, margin = np.where(alone, 1.0, mine), np.where(alone, match, mine) - rival
    return np.asarray(np.clip(np.stack([score, margin], axis=1), 0.0, 1.0))


def _announce(standing: Standing, verdict: Assignment, people: People, known: set[str], decisions: Decisions) -> None:
    before, key = standing.decided, standing.tracklet.key
    if before is None:
        kind, other = ("linked" if verdict.identity in known else "new"), None
    elif before.identity == verdict.identity:
        if before.state is not verdict.state:
            decisions.assignments.append(verdict)
        return
    else:
        left = people[before.identity]
        kind = "merged" if left.is_nobody() else "split" if verdict.identity not in known else "revised"
        other = left.id
    decisions.assignments.append(verdict)
    decisions.events.append(IdentityEvent(kind, verdict.timestamp_ns, verdict.identity, key, other, "looking back"))
