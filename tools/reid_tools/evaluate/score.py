"""Scoring boxes with identities against true ones: every metric, over every camera and over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Values
from dataclasses import dataclass

import numpy as np

from reid_tools.evaluate.align import UNIDENTIFIED, AlignedFrame, as_sequence
from reid_tools.evaluate.clear import Matches, clear_scores, match_steps
from reid_tools.evaluate.hota import hota_scores
from reid_tools.evaluate.identity import identity_scores
from reid_tools.evaluate.mcta import mcta_scores
from reid_tools.evaluate.result import MultiCameraScores, Scores
from reid_tools.evaluate.sequence import Ints, Sequence


@dataclass(frozen=True, slots=True)
class AlignedCamera:
    """A camera's frames, and when each happened in ms of the clock that all cameras share, (frames,)."""

    frames: tuple[AlignedFrame, ...]
    time_ms: Ints


def score_cameras(cameras: Mapping[str, AlignedCamera], identity: Ints, *, threshold: float) -> MultiCameraScores:
    """Score the cameras one by one and pooled.

    Pooled, the cameras' frames follow one another camera by camera; identity switches then count within cameras and
    where a person's identity in one camera differs from that in the camera before.

    Args:
        cameras: The aligned frames by camera.
        identity: The identity of each tracklet, (tracklets,), `UNIDENTIFIED` where it has none.
        threshold: IoU from which two boxes match. HOTA has thresholds of its own.
    """
    pooled = _Naming.of([frame for camera in cameras.values() for frame in camera.frames], identity, threshold)
    scores = pooled.scores(threshold)
    mcta = mcta_scores(
        pooled.sequence,
        pooled.matched,
        scores.clear,
        cameras=np.repeat(np.arange(len(cameras)), [len(camera.frames) for camera in cameras.values()]),
        times=np.concatenate([camera.time_ms for camera in cameras.values()]),
    )
    single = {name: _Naming.of(camera.frames, identity, threshold) for name, camera in cameras.items()}
    return MultiCameraScores(scores, mcta, {name: camera.scores(threshold) for name, camera in single.items()})


@dataclass(frozen=True, slots=True)
class _Naming:
    """Frames under one naming of their tracklets: the steps, their matched pairs, and how many people were named."""

    sequence: Sequence
    matched: tuple[Matches, ...]
    found_people: int

    @classmethod
    def of(cls, frames: Values[AlignedFrame], identity: Ints, threshold: float) -> _Naming:
        sequence = as_sequence(frames, identity)
        tracklets = np.concatenate([np.zeros(0, np.int64), *(frame.tracklet for frame in frames)])
        found = np.setdiff1d(identity[tracklets], [UNIDENTIFIED])
        return cls(sequence, match_steps(sequence, threshold=threshold), len(found))

    def scores(self, threshold: float) -> Scores:
        return Scores(
            identity=identity_scores(self.sequence, threshold=threshold),
            hota=hota_scores(self.sequence),
            clear=clear_scores(self.sequence, self.matched),
            true_people=self.sequence.truth_ids,
            found_people=self.found_people,
        )
