"""What training does to a picture before the model sees it, as CLIP-ReID and SAGA do.

Resize, mirror, shift (pad and crop), normalise, erase a rectangle. All chance comes from the generator that is handed
in, so the same one gives the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reid_engines.encoders.crops import resized
from reid_engines.protocol import Image

Prepared = NDArray[np.float32]

# An erased rectangle: its share of the picture, its height over its width, and how often one is tried that fits.
ERASED_SHARE = (0.02, 1 / 3)
ERASED_ASPECT = (0.3, 1 / 0.3)
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Frame:
    """What a model wants to see: pixels of `height` x `width`, `(pixel - mean) / std` per channel of RGB."""

    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def plain(self, picture: Image) -> Prepared:
        """A picture uint8 (H, W, 3) RGB as it is tested: resized as the engines do, -> (3, height, width)."""
        return self.normalised(resized(picture, self.width, self.height))

    def normalised(self, picture: Image) -> Prepared:
        """A picture of the right size, uint8 (height, width, 3), -> float32 (3, height, width)."""
        scaled = (picture.astype(np.float32) - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))


@dataclass(frozen=True, slots=True)
class Augmentation:
    """The standard recipe; `mirror` and `erase` are probabilities, `shift_px` is how far a picture may move."""

    frame: Frame
    mirror: float = 0.5
    shift_px: int = 10
    erase: float = 0.5

    def __call__(self, picture: Image, rng: np.random.Generator) -> Prepared:
        """A picture uint8 (H, W, 3) RGB -> float32 (3, height, width), normalised."""
        changed = _stretched(picture, self.frame.width, self.frame.height)
        if rng.random() < self.mirror:
            changed = changed[:, ::-1]
        prepared = self.frame.normalised(shifted(changed, self.shift_px, rng))
        if rng.random() < self.erase:
            erase(prepared, rng)
        return prepared


def shifted(picture: Image, most_px: int, rng: np.random.Generator) -> Image:
    """The picture moved by up to `most_px` pixels along both axes; what comes in from outside is black."""
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((most_px, most_px), (most_px, most_px), (0, 0)))
    top, left = rng.integers(0, 2 * most_px, 2, endpoint=True)
    return padded[top : top + height, left : left + width]


def erase(prepared: Prepared, rng: np.random.Generator) -> None:
    """Fill one rectangle of a normalised picture (3, H, W) with noise of deviation 1, in place."""
    _, height, width = prepared.shape
    for _ in range(_ATTEMPTS):
        area = rng.uniform(*ERASED_SHARE) * height * width
        aspect = np.exp(rng.uniform(*np.log(ERASED_ASPECT)))
        tall, wide = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
        if 0 < tall < height and 0 < wide < width:
            top, left = rng.integers(0, (height - tall, width - wide), endpoint=True)
            noise = rng.standard_normal((3, tall, wide), np.float32)
            prepared[:, top : top + tall, left : left + wide] = noise
            return


def _stretched(picture: Image, width: int, height: int) -> Image:
    """Bicubic as published; a picture that shrinks is averaged, since OpenCV's bicubic skips pixels then."""
    if picture.shape[0] >= height and picture.shape[1] >= width:
        return resized(picture, width, height)
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
