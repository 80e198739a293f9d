"""Opens the tracker that a configuration names.

The defaults were measured with YOLOX-tiny, YOLO11n and YOLO26n on PETS2009 (2 views) and on 4 indoor cameras at 10
frames a second. What counts is how good the tracks are once each carries its person's true identity (oracle IDF1), for
a fragmented track can be joined again later and a mixed one cannot be parted. An overlap of 0.2 to 0.4 and a score of
0.4 to 0.5 form a plateau of about one point; below it tracks of different people run together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from trackers.core.base import BaseTracker
from trackers.core.botsort.tracker import BoTSORTTracker
from trackers.core.bytetrack.tracker import ByteTrackTracker
from trackers.core.ocsort.tracker import OCSORTTracker

from reid_pipeline.errors import ConfigError
from reid_pipeline.track.adapter import LibraryTracker
from reid_pipeline.track.protocol import Tracker

# The library states the life of a lost track in frames at this rate, whatever the camera's rate is.
LIBRARY_FPS = 30
# Boxes in a row before a track is reported; 3 and 4 find no purer tracks and lose the first boxes.
CONFIRMING_FRAMES = 2


@dataclass(frozen=True, slots=True)
class TrackerOptions:
    """Which tracker, and how.

    Args:
        algorithm: `bytetrack`, `botsort` or `ocsort`.
        lost_s: how long a track survives without a box.
        activation: score from which a box may start a track; None is what was measured for the algorithm.
        match: overlap (IoU) from which a box may continue a track; None is what was measured for the algorithm.
    """

    algorithm: str = "bytetrack"
    lost_s: float = 2.0
    activation: float | None = None
    match: float | None = None


def open_tracker(options: TrackerOptions, fps: float) -> Tracker:
    """A new tracker for one camera whose frames come `fps` times a second; gaps are seen from the timestamps.

    Raises:
        ConfigError: the algorithm is not known.
        ValueError: `fps` is not a positive number.
    """
    if options.algorithm not in ALGORITHMS:
        raise ConfigError(
            f"tracker.algorithm: expected one of {', '.join(ALGORITHMS)}, got {options.algorithm}; name one of these"
        )
    if not (isfinite(fps) and fps > 0):
        raise ValueError(f"fps: expected a positive number, got {fps}")
    algorithm = ALGORITHMS[options.algorithm]
    rules = _Rules(
        lost_track_buffer=round(options.lost_s * LIBRARY_FPS),
        frame_rate=fps,
        activation=algorithm.activation if options.activation is None else options.activation,
        match=algorithm.match if options.match is None else options.match,
    )
    return LibraryTracker(algorithm.build(rules))


class _Rules(NamedTuple):
    """The settings that all algorithms have in common, in the library's terms."""

    lost_track_buffer: int
    frame_rate: float
    activation: float
    match: float


def _bytetrack(rules: _Rules) -> BaseTracker:
    return ByteTrackTracker(
        lost_track_buffer=rules.lost_track_buffer,
        frame_rate=rules.frame_rate,
        track_activation_threshold=rules.activation,
        high_conf_det_threshold=rules.activation,
        minimum_consecutive_frames=CONFIRMING_FRAMES,
        minimum_iou_threshold=rules.match,
    )


def _botsort(rules: _Rules) -> BaseTracker:
    return BoTSORTTracker(
        lost_track_buffer=rules.lost_track_buffer,
        frame_rate=rules.frame_rate,
        track_activation_threshold=rules.activation,
        high_conf_det_threshold=rules.activation,
        minimum_consecutive_frames=CONFIRMING_FRAMES,
        minimum_iou_threshold_first_assoc=rules.match,
        # The cameras stand still; estimating their motion takes 9 ms a frame (1288x728), all the rest 0.2 ms.
        enable_cmc=False,
    )


def _ocsort(rules: _Rules) -> BaseTracker:
    return OCSORTTracker(
        lost_track_buffer=rules.lost_track_buffer,
        frame_rate=rules.frame_rate,
        high_conf_det_threshold=rules.activation,
        minimum_consecutive_frames=CONFIRMING_FRAMES,
        minimum_iou_threshold=rules.match,
    )


class _Algorithm(NamedTuple):
    build: Callable[[_Rules], BaseTracker]
    activation: float
    match: float


ALGORITHMS = {
    "bytetrack": _Algorithm(_bytetrack, activation=0.5, match=0.25),
    "botsort": _Algorithm(_botsort, activation=0.4, match=0.25),
    "ocsort": _Algorithm(_ocsort, activation=0.4, match=0.3),
}
