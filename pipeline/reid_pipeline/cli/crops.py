"""Crops for calibrating and checking encoders: from a folder of pictures, or cut out of the sample by its truth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from reid_pipeline.core.crops import cut
from reid_pipeline.errors import ConfigError
from reid_pipeline.types import Image
from reid_pipeline.video.sources import open_source

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png"})


def read_crops(folder: Path, *, most: int) -> list[Image]:
    """Pictures below a folder, uint8 RGB (H, W, 3) of their own sizes; of more than `most` as many, evenly chosen.

    Raises `ConfigError` when there are none or one cannot be read.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ConfigError(
            f"{folder}: expected a folder with pictures of people ({', '.join(sorted(SUFFIXES))}), got none"
        )
    return [_read(paths[index]) for index in _evenly(len(paths), most)]


def sample_crops(folder: Path, *, most: int) -> list[Image]:
    """About `most` crops out of a folder of CAMERA.mp4 with gt_CAMERA.txt, as `read_crops` gives them.

    Raises `ConfigError` when the folder has no such files, `SourceError` and `RecordError` when one cannot be read.
    """
    truths = {path.with_name(f"{path.stem.removeprefix('gt_')}.mp4"): path for path in sorted(folder.glob("gt_*.txt"))}
    if not truths:
        raise ConfigError(f"{folder}: the sample's clips are not here; give a folder with pictures of people (--crops)")
    each = -(-most // len(truths))
    return [crop for clip, truth in truths.items() for crop in _cut(clip, truth, most=each)]


def _cut(clip: Path, truth: Path, *, most: int) -> list[Image]:
    from reid_tools.evaluate.truth import read_truth

    known = read_truth(truth)
    wanted: dict[int, list[int]] = {}
    for row in _evenly(len(known.frame), most):
        wanted.setdefault(int(known.frame[row]), []).append(row)
    crops: list[Image] = []
    source = open_source(clip.stem, str(clip))
    try:
        source.open()
        for frame in source.frames():
            parts = (cut(frame.image, known.xyxy[row].astype(np.float32)) for row in wanted.pop(frame.index, []))
            crops += [np.ascontiguousarray(part[..., ::-1]) for part in parts if part is not None]
            if not wanted:
                break
    finally:
        source.close()
    return crops


def _read(path: Path) -> Image:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise ConfigError(
            f"{path}: expected a picture, got something that cannot be decoded; take it out of the folder"
        )
    return np.ascontiguousarray(picture[..., ::-1], np.uint8)


def _evenly(count: int, most: int) -> list[int]:
    return [int(index) for index in np.linspace(0, count - 1, min(count, most))]
