"""How one picture becomes many: other colours, other clothes, another box, another light, a worse camera.

All functions take and give RGB uint8 (H, W, 3) and draw from a generator. The first group makes new people, which the
teacher must see too; the second only hides what the teacher saw.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_GREY = np.array([0.299, 0.587, 0.114])


def dressed_from_two(top: Picture, legs: Picture, rng: np.random.Generator) -> Picture:
    """The upper part of one person on the legs of another, with a soft seam near the waist."""
    height = len(top)
    seam = rng.uniform(0.42, 0.56) * height
    weight = np.clip((seam - np.arange(height)) / 8 + 0.5, 0, 1).astype(np.float32)[:, None, None]
    return (top * weight + legs * (1 - weight)).astype(np.uint8)


def recoloured(picture: Picture, rng: np.random.Generator) -> Picture:
    """Turned around the colour circle, more or less saturated; sometimes the two halves of the body differ."""
    if rng.random() < 0.4:
        height = len(picture)
        seam = int(rng.uniform(0.42, 0.56) * height)
        halves = (_turned(picture[:seam], rng), _turned(picture[seam:], rng))
        return np.concatenate(halves)
    return _turned(picture, rng)


def _turned(picture: Picture, rng: np.random.Generator) -> Picture:
    angle = rng.uniform(-np.pi, np.pi)
    cos, sin = np.cos(angle), np.sin(angle) / np.sqrt(3)
    # Rotation around the grey axis (Rodrigues), then saturation towards or away from luminance, then brightness.
    around = cos * np.eye(3) + (1 - cos) / 3 + sin * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    grey = np.tile(_GREY, (3, 1))
    saturation = rng.uniform(0.3, 1.7)
    matrix = rng.uniform(0.6, 1.3) * (grey + saturation * (np.eye(3) - grey)) @ around
    return np.asarray(cv2.transform(picture, matrix.astype(np.float32)), np.uint8)


def reframed(picture: Picture, rng: np.random.Generator, *, most: float) -> Picture:
    """Another box around the same person: each side moved in or out by up to `most` of the length."""
    height, width = picture.shape[:2]
    left, right = rng.uniform(-most, most, 2) * width
    up, down = rng.uniform(-most, most, 2) * height
    scale_x, scale_y = width / (width + right - left), height / (height + down - up)
    matrix = np.array([[scale_x, 0, -left * scale_x], [0, scale_y, -up * scale_y]], np.float32)
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def relit(picture: Picture, rng: np.random.Generator) -> Picture:
    """Another exposure, contrast, gamma and white balance."""
    levels = np.linspace(0, 1, 256)
    gamma, gain, lift = np.exp(rng.normal(0, 0.25)), np.exp(rng.normal(0, 0.2)), rng.normal(0, 0.05)
    channels = np.exp(rng.normal(0, 0.1, 3))
    table = np.clip(255 * (gain * channels[:, None] * levels**gamma + lift), 0, 255).T
    return np.asarray(cv2.LUT(picture, np.ascontiguousarray(table[None]).astype(np.uint8)), np.uint8)


def worn(picture: Picture, rng: np.random.Generator) -> Picture:
    """From a worse camera: fewer pixels, out of focus or moving, noisy, compressed; each now and then."""
    height, width = picture.shape[:2]
    if rng.random() < 0.5:
        small = rng.uniform(0.2, 0.8)
        size = (max(12, int(width * small)), max(24, int(height * small)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        if rng.random() < 0.5:
            picture = _compressed(picture, rng)
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 2.0))
    if rng.random() < 0.3:
        noise = rng.integers(-1, 2, picture.shape, np.int8) * rng.uniform(2, 14)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        picture = _compressed(picture, rng)
    return np.asarray(picture, np.uint8)


def _compressed(picture: Picture, rng: np.random.Generator) -> Picture:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
