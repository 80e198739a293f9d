"""What a detector makes of what is to be seen: misses, boxes that are off, scores, and people who are none.

The rates were measured with the default pipeline (YOLOX-tiny at 10 frames a second) on PETS2009 S2.L1 (views 001 and
005) and UFES (4 cameras). Share of true boxes that were found, by the share of a person that nobody stood before:

    visible         below .2    .2 to .4    .4 to .6    .6 to .8    .8 to .9    above
    PETS            .37         .38         .65         .80         1.0         .87
    UFES            .07         .39         .90         .89         .98         .93

The edges of a found box were off by a standard deviation of .03 to .05 of its height on both, most of it lasting for
many frames. Misses come in runs: most gaps were of 1 to 6 frames.

What the tracker makes of that: a person's track id changed 9.2 times a minute in view on PETS and 0.6 times on UFES,
and 96.5 and 100 % of the matched boxes were on the person that their track shows most. Worlds of the scenes corridor,
square and eight-cameras give 1.7, 3.2 and 2.7 changes and 94, 92 and 94 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtri

from reid_tools.footage.camera import Camera
from reid_tools.scenarios.sight import Views
from reid_tools.scenarios.walking import Floats

VISIBLE = (0.0, 0.15, 0.3, 0.5, 0.7, 0.85, 1.0)
FOUND = (0.03, 0.20, 0.40, 0.78, 0.86, 0.95, 0.97)
MISS_LASTS_S = 0.4
OFF_LASTS_S = 3.0
LASTING_OFF, PASSING_OFF, HIDDEN_OFF = 0.025, 0.012, 0.05
"""Standard deviations of a box's edges in parts of its height: lasting, from frame to frame, and when hidden."""

GHOST_FOUND = 0.7
GHOST_S = 1.5
LEAST_SCORE, BEST_SCORE = 0.26, 0.97


@dataclass(frozen=True, slots=True)
class Found:
    """What the detector says of N views: `found` (N,) which of them it saw, `xyxy` (N, 4) px, `score` (N,)."""

    found: NDArray[np.bool_]
    xyxy: Floats
    score: Floats


def detect(seen: Views, camera: Camera, *, frames: int, fps: float, rng: np.random.Generator) -> Found:
    """The detector's answer to what a camera saw over `frames` frames."""
    people, row = np.unique(seen.person, return_inverse=True)
    wanted = np.interp(seen.visible, VISIBLE, FOUND)
    luck = _wandering((frames, len(people), 1), MISS_LASTS_S * fps, rng)[seen.frame, row, 0]
    lasting = _wandering((frames, len(people), 4), OFF_LASTS_S * fps, rng)[seen.frame, row]
    hidden = (1.0 - seen.visible)[:, None]
    off = lasting * (LASTING_OFF + HIDDEN_OFF * hidden) + rng.standard_normal(lasting.shape) * PASSING_OFF
    height = (seen.xyxy[:, 3] - seen.xyxy[:, 1])[:, None]
    boxes = np.clip(seen.xyxy + off * height, 0.0, [camera.width, camera.height] * 2)
    whole = (boxes[:, 2] - boxes[:, 0] > 4.0) & (boxes[:, 3] - boxes[:, 1] > 8.0)
    score = 0.45 + 0.45 * wanted + 0.05 * luck - 0.1 * hidden[:, 0]
    return Found((luck < ndtri(wanted)) & whole, boxes, np.clip(score, LEAST_SCORE, BEST_SCORE))


def _wandering(shape: tuple[int, int, int], lasts_frames: float, rng: np.random.Generator) -> Floats:
    """Standard normal values (T, P, K) that are alike for about `lasts_frames` along the first axis."""
    kept = float(np.exp(-1.0 / lasts_frames))
    white = rng.standard_normal(shape)
    if shape[0] == 0:
        return white
    white[1:] *= np.sqrt(1.0 - kept**2)
    return np.asarray(lfilter([1.0], [1.0, -kept], white, axis=0))


def ghosts(camera: Camera, *, frames: int, fps: float, per_min: float, rng: np.random.Generator) -> Views:
    """Things in the picture that look like people for a moment; they are nobody, so `person` is below 0."""
    count = int(rng.poisson(per_min * frames / fps / 60.0))
    begin = rng.integers(0, max(1, frames), count)
    length = np.maximum(3, rng.exponential(GHOST_S * fps, count)).astype(np.int64)
    height = rng.uniform(0.12, 0.4, count) * camera.height
    width = height * rng.uniform(0.3, 0.5, count)
    left = rng.uniform(0.0, 1.0, count) * (camera.width - width)
    top = rng.uniform(0.2, 1.0, count) * (camera.height - height)
    rows = [(f, g) for g in range(count) for f in range(begin[g], min(frames, begin[g] + length[g]))]
    frame, ghost = np.array(rows, np.int64).reshape(-1, 2).T
    boxes = np.stack([left, top, left + width, top + height], axis=1)[ghost]
    return Views(
        frame=frame,
        person=-1 - (begin[ghost] * 1000 + ghost),
        xyxy=boxes,
        distance_m=np.full(len(frame), 1e3),
        side_rad=np.zeros(len(frame)),
        visible=np.full(len(frame), GHOST_FOUND),
    )


def joined(people: Views, nobody: Views) -> Views:
    """Both by frame; within a frame those of `people` come first."""
    order = np.argsort(np.concatenate([people.frame, nobody.frame]), kind="stable")

    return Views(
        frame=np.concatenate([people.frame, nobody.frame])[order],
        person=np.concatenate([people.person, nobody.person])[order],
        xyxy=np.concatenate([people.xyxy, nobody.xyxy])[order],
        distance_m=np.concatenate([people.distance_m, nobody.distance_m])[order],
        side_rad=np.concatenate([people.side_rad, nobody.side_rad])[order],
        visible=np.concatenate([people.visible, nobody.visible])[order],
    )
