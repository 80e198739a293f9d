"""The ceiling of association: the same tracklets, each under the name of the person it really shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from reid_tools.evaluate.align import UNIDENTIFIED, AlignedFrame
from reid_tools.evaluate.clear import best_pairs
from reid_tools.evaluate.sequence import EPSILON, Ints


def oracle_identities(frames: Iterable[AlignedFrame], identity: Ints, *, threshold: float) -> Ints:
    """The true identity of each tracklet, (tracklets,): the person that it matches in most frames.

    Tracklets that match nobody get an identity of their own each, or stay without one when they had none in `identity`.
    """
    frames = tuple(frames)
    people = 1 + max((int(frame.person.max(initial=-1)) for frame in frames), default=-1)
    votes = np.zeros((len(identity), people), np.int64)
    for frame in frames:
        rows, columns = best_pairs(np.where(frame.overlap >= threshold - EPSILON, frame.overlap, 0.0))
        votes[frame.tracklet[columns], frame.person[rows]] += 1
    own = np.where(identity == UNIDENTIFIED, UNIDENTIFIED, people + np.arange(len(identity)))
    if not people:
        return own
    return np.where(votes.any(axis=1), votes.argmax(axis=1), own)


def by_overlap(frames: Iterable[AlignedFrame]) -> tuple[AlignedFrame, ...]:
    """The frames scored by overlap with the truth: the ceiling keeps the better of two boxes of one person."""
    return tuple(replace(frame, score=frame.overlap.max(axis=0, initial=0.0)) for frame in frames)
