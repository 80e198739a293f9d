"""MCTA: detection, identity within cameras and identity across cameras in one product.

From the Multi-Camera Object Tracking challenge of 2014:

    MCTA = detection F1 x (1 - mismatches within / matches within) x (1 - mismatches across / matches across)

The challenge's cameras do not overlap. Here a person *enters* a camera when the truth did not show them there at their
previous labelled moment; that is the same for separate cameras and keeps its meaning for overlapping ones. The first
match after entering is a match across cameras, the later ones of that stay are matches within the camera. A match is
a mismatch when its id is not the one of the stay's latest match (within) or of the person's latest match anywhere
(across). Somebody who was never matched before is mismatched when the id was last given to somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from reid_tools.evaluate.clear import ClearScores, Matches
from reid_tools.evaluate.sequence import Ints, Sequence, ratio


@dataclass(frozen=True, slots=True)
class MctaScores:
    """The three factors' counts; `detection_f1` is 0..1."""

    detection_f1: float
    matches_within: int
    mismatches_within: int
    matches_across: int
    mismatches_across: int

    @property
    def mcta(self) -> float:
        """The product of the three factors, 0..1; a factor without any match is 1."""
        within = 1.0 - ratio(self.mismatches_within, self.matches_within)
        across = 1.0 - ratio(self.mismatches_across, self.matches_across)
        return self.detection_f1 * within * across


@dataclass(slots=True)
class _Person:
    """What has been seen of one person so far: where they were labelled, and the ids they were matched to."""

    time: int = -1
    cameras_now: set[int] = field(default_factory=set)
    cameras_before: set[int] = field(default_factory=set)
    stay_id: dict[int, int] = field(default_factory=dict)
    latest_id: int | None = None

    def labelled(self, camera: int, time: int) -> None:
        if time != self.time:
            self.cameras_before, self.cameras_now = self.cameras_now, set()
            self.time = time
        self.cameras_now.add(camera)
        if camera not in self.cameras_before:
            self.stay_id.pop(camera, None)

    def matched(self, camera: int, predicted: int) -> None:
        self.stay_id[camera] = predicted
        self.latest_id = predicted


def mcta_scores(
    sequence: Sequence, matched: tuple[Matches, ...], clear: ClearScores, *, cameras: Ints, times: Ints
) -> MctaScores:
    """Score the pairs that `match_steps` gave.

    Args:
        sequence: The steps of all cameras.
        matched: The pairs of each step.
        clear: The counts of the same pairs.
        cameras: A number for the camera of each step, (steps,).
        times: When each step happened on a clock that all cameras share, (steps,).
    """
    people = [_Person() for _ in range(sequence.truth_ids)]
    owner: dict[int, int] = {}
    within = wrong_within = across = wrong_across = 0
    for index in np.lexsort((cameras, times)).tolist():
        camera, time = int(cameras[index]), int(times[index])
        for truth in sequence.steps[index].truth.tolist():
            people[truth].labelled(camera, time)
        for truth, predicted in zip(matched[index].truth.tolist(), matched[index].predicted.tolist(), strict=True):
            person = people[truth]
            if camera in person.stay_id:
                within += 1
                wrong_within += person.stay_id[camera] != predicted
            else:
                across += 1
                known = person.latest_id
                wrong_across += known != predicted if known is not None else owner.get(predicted, truth) != truth
            person.matched(camera, predicted)
            owner[predicted] = truth
    f1 = ratio(2 * clear.true_positives, 2 * clear.true_positives + clear.false_positives + clear.false_negatives)
    return MctaScores(f1, within, wrong_within, across, wrong_across)
