"""Fits pictures of any size into a network's input, and boxes back into the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from reid_pipeline.types import Float32, Image


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a picture lies in the input: network pixel = picture pixel * (scale_x, scale_y) + (left, top)."""

    width: int
    height: int
    scale_x: float
    scale_y: float
    left: int
    top: int

    def to_picture(self, xyxy: Float32) -> Float32:
        """Boxes (N, 4) from network pixels to picture pixels, clipped to the picture."""
        shift = np.array([self.left, self.top] * 2, np.float32)
        scale = np.array([self.scale_x, self.scale_y] * 2, np.float32)
        return clip((xyxy - shift) / scale, self.width, self.height)


def clip(xyxy: Float32, width: int, height: int) -> Float32:
    """Boxes (N, 4) cut to a picture of this size."""
    limit = np.array([width, height] * 2, np.float32)
    return np.asarray(np.clip(xyxy, np.float32(0), limit), np.float32)


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a family of networks expects its input: the picture keeps its aspect, the rest of the canvas is `pad`.

    Args:
        width: width of the input, px.
        height: height of the input, px.
        center: the picture lies in the middle of the canvas (Ultralytics) instead of at its top left (YOLOX).
        pad: grey value around the picture.
    """

    width: int
    height: int
    center: bool
    pad: int = 114

    def place(self, image: Image, canvas: Image) -> Placement:
        """Draw `image` (H, W, 3) into `canvas` (height, width, 3), which must hold `pad` everywhere."""
        height, width = image.shape[:2]
        ratio = min(self.width / width, self.height / height)
        new_width, new_height = max(1, round(width * ratio)), max(1, round(height * ratio))
        left = (self.width - new_width) // 2 if self.center else 0
        top = (self.height - new_height) // 2 if self.center else 0
        # Resizing straight into the canvas saves a copy; OpenCV writes in place because size and type agree.
        target = canvas[top : top + new_height, left : left + new_width]
        cv2.resize(image, (new_width, new_height), dst=target, interpolation=cv2.INTER_LINEAR)
        return Placement(width, height, new_width / width, new_height / height, left, top)

    def canvas(self, count: int) -> Image:
        """A new canvas for `count` pictures: uint8 (count, height, width, 3)."""
        return np.full((count, self.height, self.width, 3), self.pad, np.uint8)
