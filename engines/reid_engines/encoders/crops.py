"""What every encoder asks of the crops that it is given."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from reid_engines.protocol import Image


def check_crops(crops: Sequence[Image], batch: int) -> None:
    """Raise `ValueError` unless these are at most `batch` pictures, each uint8 (H, W, 3) and not empty."""
    if len(crops) > batch:
        raise ValueError(f"expected at most {batch} crops, got {len(crops)}")
    for crop in crops:
        if crop.dtype != np.uint8 or crop.ndim != 3 or crop.shape[2] != 3 or crop.size == 0:
            raise ValueError(f"expected a uint8 crop (H, W, 3) that is not empty, got {crop.dtype} {crop.shape}")


def resized(crop: Image, width: int, height: int) -> Image:
    """The crop stretched to the size given; its aspect ratio is not kept, as person encoders are trained."""
    # Averaging whole areas keeps fine patterns from turning into false ones where a crop shrinks a lot.
    shrinks = crop.shape[0] >= height and crop.shape[1] >= width
    picture = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(picture, np.uint8)
