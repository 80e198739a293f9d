"""Which boxes are worth encoding.

Encoding every box of every frame costs more than detecting them and adds little: successive crops of a track are nearly
the same picture, and a crop in which another person stands in front describes that other person. So each box gets a
quality from what can be seen without a model (height, shape, cut by the picture's edge, covered by a nearer box,
sharpness), and a track is looked at when its last look is old or clearly worse. Fresh tracks come first, since nobody
knows yet who they are. A budget per second bounds the work in a crowd.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from reid_pipeline.types import NS_PER_S, Crop, Float32, Frame, Image, TrackedBoxes

SHARPNESS_HEIGHT_PX = 96
SHARPNESS_MEMORY = 0.02


@dataclass(frozen=True, slots=True)
class CropRules:
    """When a box becomes a crop.

    A track is looked at every `fresh_interval_s` until it has `fresh_count` crops, then every `interval_s`; sooner when
    a box is better than the best crop so far by the factor `better`. Boxes below `min_quality` are passed over, unless
    their track has had no crop for `starving_s`. A track without any crop after `fresh_interval_s` is looked at
    whatever its shape, since a poor answer that may be revised is better than none; but never while it is lower than
    `min_height_px` or hidden altogether, when the crop would show nobody or somebody else. At most `max_per_s` crops a
    second and camera.
    """

    interval_s: float = 0.5
    fresh_interval_s: float = 0.2
    fresh_count: int = 4
    better: float = 1.25
    min_quality: float = 0.25
    starving_s: float = 0.8
    max_per_s: float = 20.0
    min_height_px: float = 32.0
    full_height_px: float = 128.0


@dataclass(slots=True)
class _Track:
    crops: int
    since_ns: int
    best: float


@dataclass(slots=True)
class CropChooser:
    """Chooses the crops of one camera; frames come in order. What it chooses depends on what it saw, nothing else."""

    rules: CropRules = field(default_factory=CropRules)
    _tracks: dict[int, _Track] = field(default_factory=dict)
    _sharpness: float = 0.0
    _tokens: float = 0.0
    _last_ns: int | None = None

    def choose(self, frame: Frame, tracked: TrackedBoxes, ended: tuple[int, ...]) -> tuple[Crop, ...]:
        """The crops to take of this frame, ordered by track id."""
        self._refill(frame.timestamp_ns)
        height, width = frame.image.shape[:2]
        shape_quality = geometric_quality(tracked.xyxy, width, height, self.rules)
        chosen: list[Crop] = []
        for row in self._by_need(tracked, shape_quality, frame.timestamp_ns):
            if self._tokens < 1.0:
                break
            crop = self._look(frame, tracked, row, float(shape_quality[row]))
            if crop is not None:
                chosen.append(crop)
                self._tokens -= 1.0
        for track_id in ended:
            self._tracks.pop(track_id, None)
        return tuple(sorted(chosen, key=lambda crop: crop.track_id))

    def _refill(self, now_ns: int) -> None:
        """One second's budget at most is saved up, so a quiet minute does not pay for a burst."""
        cap = max(1.0, self.rules.max_per_s)
        if self._last_ns is None:
            self._tokens = cap
        else:
            self._tokens = min(cap, self._tokens + (now_ns - self._last_ns) / NS_PER_S * self.rules.max_per_s)
        self._last_ns = now_ns

    def _by_need(self, tracked: TrackedBoxes, quality: NDArray[np.float64], now_ns: int) -> list[int]:
        """The rows that are due, those of the least known tracks first."""
        due: list[tuple[int, float, int]] = []
        can_be_seen = can_show_somebody(tracked.xyxy, self.rules)
        for row, track_id in enumerate(tracked.track_id.tolist()):
            track = self._tracks.setdefault(track_id, _Track(0, now_ns, 0.0))
            if can_be_seen[row] and self._is_due(track, float(quality[row]), now_ns):
                due.append((track.crops, -float(quality[row]), row))
        return [row for _, _, row in sorted(due)]

    def _is_due(self, track: _Track, quality: float, now_ns: int) -> bool:
        rules = self.rules
        waited_s = (now_ns - track.since_ns) / NS_PER_S
        if track.crops == 0:
            return quality >= rules.min_quality or waited_s >= rules.fresh_interval_s
        if quality < rules.min_quality:
            return quality > 0.0 and waited_s >= rules.starving_s
        interval_s = rules.fresh_interval_s if track.crops < rules.fresh_count else rules.interval_s
        return waited_s >= interval_s or (
            quality > track.best * rules.better and waited_s >= rules.fresh_interval_s / 2
        )

    def _look(self, frame: Frame, tracked: TrackedBoxes, row: int, shape_quality: float) -> Crop | None:
        xyxy = tracked.xyxy[row]
        image = cut(frame.image, xyxy)
        if image is None:
            return None
        track_id = int(tracked.track_id[row])
        quality = shape_quality * self._relative_sharpness(image)
        track = self._tracks[track_id]
        track.crops += 1
        track.since_ns = frame.timestamp_ns
        track.best = max(track.best, shape_quality)
        rgb = np.ascontiguousarray(image[:, :, ::-1])
        return Crop(frame.camera, track_id, frame.index, frame.timestamp_ns, xyxy.copy(), quality, rgb)

    def _relative_sharpness(self, image: Image) -> float:
        """Sharpness against what this camera usually delivers, 0.5..1: a soft lens does not spoil every crop."""
        value = sharpness(image)
        if self._sharpness == 0.0:
            self._sharpness = value
        self._sharpness += SHARPNESS_MEMORY * (value - self._sharpness)
        return 0.5 + 0.5 * min(1.0, value / self._sharpness) if self._sharpness > 0.0 else 1.0


def geometric_quality(xyxy: Float32, width: int, height: int, rules: CropRules) -> NDArray[np.float64]:
    """How much of a whole, upright, uncovered person each box promises, 0..1, float64 (N,).

    The product of four factors: height in pixels, a person's aspect, not cut by the picture's edge, visibility.
    """
    boxes = xyxy.astype(np.float64)
    w = np.maximum(boxes[:, 2] - boxes[:, 0], 1e-6)
    h = np.maximum(boxes[:, 3] - boxes[:, 1], 1e-6)
    size = np.clip((h - rules.min_height_px) / (rules.full_height_px - rules.min_height_px), 0.0, 1.0)
    size = np.where(h >= rules.min_height_px, 0.25 + 0.75 * size, 0.0)
    aspect = h / w
    upright = np.clip(np.minimum((aspect - 0.8) / 0.7, (6.0 - aspect) / 1.5), 0.0, 1.0)
    margin_px = 2.0
    cut_sides = (boxes[:, 0] <= margin_px).astype(np.float64) + (boxes[:, 2] >= width - margin_px)
    cut_top_bottom = (boxes[:, 1] <= margin_px).astype(np.float64) + (boxes[:, 3] >= height - margin_px)
    whole = np.maximum(0.0, 1.0 - 0.4 * cut_sides - 0.25 * cut_top_bottom)
    return np.asarray(size * upright * whole * visible_share(boxes), dtype=np.float64)


def can_show_somebody(xyxy: Float32, rules: CropRules) -> NDArray[np.bool_]:
    """Which boxes are high enough to tell people apart and not hidden altogether, bool (N,)."""
    boxes = xyxy.astype(np.float64)
    return np.asarray((boxes[:, 3] - boxes[:, 1] >= rules.min_height_px) & (visible_share(boxes) > 0.0))


def visible_share(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of each box that no nearer box covers, float64 (N,); nearer means standing lower in the picture.

    Covers are added up, so two half covers of the same half count twice: a crowd is left for a better moment.
    """
    if len(xyxy) < 2:
        return np.ones(len(xyxy))
    left_top = np.maximum(xyxy[:, None, :2], xyxy[None, :, :2])
    right_bottom = np.minimum(xyxy[:, None, 2:], xyxy[None, :, 2:])
    overlap = np.prod(np.clip(right_bottom - left_top, 0.0, None), axis=2)
    nearer = xyxy[None, :, 3] > xyxy[:, None, 3]
    area = np.maximum(np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1), 1e-6)
    covered = (overlap * nearer).sum(axis=1) / area
    return np.asarray(np.clip(1.0 - covered, 0.0, 1.0))


def cut(image: Image, xyxy: Float32) -> Image | None:
    """The part of the picture inside the box, or None where less than 2 x 2 pixels are left."""
    height, width = image.shape[:2]
    x1, y1 = max(0, int(xyxy[0])), max(0, int(xyxy[1]))
    x2, y2 = min(width, round(float(xyxy[2]))), min(height, round(float(xyxy[3])))
    if x2 - x1 < 2 or y2 - y1 < 2:
        return None
    return image[y1:y2, x1:x2]


def sharpness(image: Image) -> float:
    """Mean absolute Laplacian of the grey picture at a common height, so that near and far people compare."""
    height, width = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    if height > SHARPNESS_HEIGHT_PX:
        small = (max(2, round(width * SHARPNESS_HEIGHT_PX / height)), SHARPNESS_HEIGHT_PX)
        grey = cv2.resize(grey, small, interpolation=cv2.INTER_AREA)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_16S)).mean())
