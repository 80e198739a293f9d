"""From linear light to the picture a cheap camera would deliver."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from reid_tools.footage.camera import Sensor
from reid_tools.footage.geometry import Array


def develop(light: Array, sensor: Sensor, *, seed: tuple[int, ...]) -> NDArray[np.uint8]:
    """The picture of one frame.

    Args:
        light: linear RGB float32 (H, W, 3); 1 is white at exposure 1.
        sensor: exposure, colour and noise of the camera.
        seed: numbers that name this frame of this camera; the same seed gives the same noise.

    Returns:
        uint8 (H, W, 3) BGR.
    """
    rng = np.random.default_rng(seed)
    height, width = light.shape[:2]
    picture = light * (sensor.exposure * np.array(sensor.white_balance, np.float32))
    grey = picture @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    picture = grey[..., None] + sensor.saturation * (picture - grey[..., None])
    if sensor.blur_px > 0:
        picture = cv2.GaussianBlur(picture, (0, 0), sensor.blur_px)
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)
    picture = picture * (1 - sensor.vignette * (x[None, :] ** 2 + y[:, None] ** 2) / 2)[..., None]
    picture = np.maximum(picture, 0)
    # a shoulder above 0.8 keeps highlights from clipping hard
    picture = np.where(picture > 0.8, 0.8 + 0.2 * np.tanh((picture - 0.8) / 0.2 * 0.5), picture)
    noise = rng.standard_normal(picture.shape, np.float32)
    picture = picture + noise * (sensor.shot_noise * np.sqrt(picture) + sensor.read_noise)
    encoded = encode_srgb(np.clip(picture, 0, 1))
    return np.ascontiguousarray((encoded * 255 + 0.5).astype(np.uint8)[..., ::-1])


def encode_srgb(linear: Array) -> Array:
    """The sRGB transfer curve, 0..1 to 0..1."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.power(np.maximum(linear, 1e-8), 1 / 2.4) - 0.055)


def decode_srgb(encoded: Array) -> Array:
    """The inverse of `encode_srgb`."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)
