"""Scoring boxes with identities against true ones: every metric, over every camera and over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reid_tools.evaluate.align import AlignedFrame, as_sequence
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
    sequences = {name: as_sequence(camera.frames, identity) for name, camera in cameras.items()}
    pooled = as_sequence((frame for camera in cameras.values() for frame in camera.frames), identity)
    matched = match_steps(pooled, threshold=threshold)
    scores = _scores(pooled, matched, threshold)
    mcta = mcta_scores(
        pooled,
        matched,
        scores.clear,
        cameras=np.repeat(np.arange(len(cameras)), [len(camera.frames) for camera in cameras.values()]),
        times=np.concatenate([camera.time_ms for camera in cameras.values()]),
    )
    single = {
        name: _scores(sequence, match_steps(sequence, threshold=threshold), threshold)
        for name, sequence in sequences.items()
    }
    return MultiCameraScores(pooled=scores, mcta=mcta, cameras=single)


def _scores(sequence: Sequence, matched: tuple[Matches, ...], threshold: float) -> Scores:
    return Scores(
        identity=identity_scores(sequence, threshold=threshold),
        hota=hota_scores(sequence),
        clear=clear_scores(sequence, matched),
        true_people=sequence.truth_ids,
        found_people=sequence.predicted_ids,
    )
