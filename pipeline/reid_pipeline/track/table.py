"""Opens the tracker that a configuration names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

from trackers.core.base import BaseTracker
from trackers.core.botsort.tracker import BoTSORTTracker
from trackers.core.bytetrack.tracker import ByteTrackTracker
from trackers.core.ocsort.tracker import OCSORTTracker

from reid_pipeline.errors import ConfigError
from reid_pipeline.track.adapter import LibraryTracker
from reid_pipeline.track.protocol import Tracker

# The library states the life of a lost track in frames at this rate, whatever the camera's rate is.
LIBRARY_FPS = 30
# Boxes in a row before a track is reported: one more than a false alarm usually lives.
CONFIRMING_FRAMES = 2


@dataclass(frozen=True, slots=True)
class TrackerOptions:
    """Which tracker, and how.

    Args:
        algorithm: `bytetrack`, `botsort` or `ocsort`.
        lost_s: how long a track survives without a box.
        activation: score from which a box may start a track.
        match: overlap (IoU) from which a box may continue a track.
    """

    algorithm: str = "bytetrack"
    lost_s: float = 2.0
    activation: float = 0.5
    match: float = 0.2


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
    return LibraryTracker(ALGORITHMS[options.algorithm](options, fps))


def _bytetrack(options: TrackerOptions, fps: float) -> BaseTracker:
    return ByteTrackTracker(
        lost_track_buffer=_buffer(options),
        frame_rate=fps,
        track_activation_threshold=options.activation,
        high_conf_det_threshold=options.activation,
        minimum_consecutive_frames=CONFIRMING_FRAMES,
        minimum_iou_threshold=options.match,
    )


def _botsort(options: TrackerOptions, fps: float) -> BaseTracker:
    return BoTSORTTracker(
        lost_track_buffer=_buffer(options),
        frame_rate=fps,
        track_activation_threshold=options.activation,
        high_conf_det_threshold=options.activation,
        minimum_consecutive_frames=CONFIRMING_FRAMES,
        minimum_iou_threshold_first_assoc=options.match,
        # The cameras stand still: estimating their motion costs more than the detector and finds none.
        enable_cmc=False,
    )


def _ocsort(options: TrackerOptions, fps: float) -> BaseTracker:
    return OCSORTTracker(
        lost_track_buffer=_buffer(options),
        frame_rate=fps,
        high_conf_det_threshold=options.activation,
        minimum_consecutive_frames=CONFIRMING_FRAMES,
        minimum_iou_threshold=options.match,
    )


def _buffer(options: TrackerOptions) -> int:
    return round(options.lost_s * LIBRARY_FPS)


ALGORITHMS: dict[str, Callable[[TrackerOptions, float], BaseTracker]] = {
    "bytetrack": _bytetrack,
    "botsort": _botsort,
    "ocsort": _ocsort,
}
