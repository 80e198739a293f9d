"""What comes between the camera and a person: shapes, things, other people. Only the student sees it.

Every function gives the picture and which pixels it covered, bool (H, W).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from reid_tools.occlusion.library import Occluder
from reid_tools.occlusion.occlude import occlude_paper

Picture = NDArray[np.uint8]
Covered = NDArray[np.bool_]

MOST = 0.6  # of a picture that shapes cover
_CELL = 16


def covered_by_shape(picture: Picture, other: Picture, rng: np.random.Generator) -> tuple[Picture, Covered]:
    """A rectangle, a strip along one side, or scattered cells, filled evenly, with noise or with another picture."""
    covered = _SHAPES[rng.integers(len(_SHAPES))](picture.shape[:2], rng.uniform(0.05, MOST), rng)
    filling = rng.random()
    if filling < 0.35:
        under = np.broadcast_to(np.array([124, 116, 104], np.uint8), picture.shape)
    elif filling < 0.6:
        under = np.broadcast_to(rng.integers(0, 256, 3, np.uint8), picture.shape)
    elif filling < 0.7:
        under = rng.integers(0, 256, picture.shape, np.uint8)
    else:
        under = np.roll(other, rng.integers(0, len(other)), axis=0)
    return np.where(covered[..., None], under, picture), covered


def _rectangle(shape: tuple[int, int], share: float, rng: np.random.Generator) -> Covered:
    aspect = np.exp(rng.uniform(np.log(0.3), np.log(3.3)))
    area = share * shape[0] * shape[1]
    height = int(np.clip(np.sqrt(area * aspect), 1, shape[0]))
    width = int(np.clip(area / height, 1, shape[1]))
    row, column = rng.integers(shape[0] - height + 1), rng.integers(shape[1] - width + 1)
    covered = np.zeros(shape, bool)
    covered[row : row + height, column : column + width] = True
    return covered


def _strip(shape: tuple[int, int], share: float, rng: np.random.Generator) -> Covered:
    covered = np.zeros(shape, bool)
    side = rng.integers(4)
    rows, columns = int(share * shape[0]), int(share * shape[1])
    if side == 0:
        covered[:rows] = True
    elif side == 1:
        covered[shape[0] - rows :] = True
    elif side == 2:
        covered[:, :columns] = True
    else:
        covered[:, shape[1] - columns :] = True
    return covered


def _cells(shape: tuple[int, int], share: float, rng: np.random.Generator) -> Covered:
    cells = rng.random((shape[0] // _CELL, shape[1] // _CELL)) < share
    return np.kron(cells, np.ones((_CELL, _CELL), bool)).astype(bool)


_SHAPES = (_rectangle, _strip, _cells)


def covered_by_thing(picture: Picture, things: Sequence[Occluder], rng: np.random.Generator) -> tuple[Picture, Covered]:
    """One of the things in front (OGor, AAAI 2024)."""
    found = occlude_paper(picture, things, rng)
    return found.image, found.mask


def covered_by_person(picture: Picture, other: Picture, rng: np.random.Generator) -> tuple[Picture, Covered]:
    """Somebody in front, to one side: in three draws of four nothing of the middle of the person behind is hidden.

    In one of twelve more than half of it is, now and then all of it.
    """
    height, width = picture.shape[:2]
    scale = rng.uniform(0.6, 1.2)
    tall, wide = int(height * scale), int(width * scale * rng.uniform(0.8, 1.1))
    silhouette = cv2.resize(_silhouette(height, width, rng), (wide, tall))
    person = cv2.resize(other, (wide, tall))
    middle = width * (0.5 + rng.choice([-1, 1]) * rng.uniform(0.3, 0.62))
    # Nearer to the camera, so lower in the picture.
    bottom = height * (1 + rng.uniform(-0.05, 0.3))
    shift = np.array([[1, 0, middle - wide / 2], [0, 1, bottom - tall]], np.float32)
    alpha = cv2.warpAffine(silhouette, shift, (width, height))[..., None]
    front = cv2.warpAffine(person, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
    mixed = picture + alpha * (front.astype(np.float32) - picture)
    return mixed.astype(np.uint8), alpha[..., 0] > 0.5


def _silhouette(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A rough body inside a box, or now and then the whole box."""
    mask = np.zeros((height, width), np.float32)
    if rng.random() < 0.25:
        mask[:] = 1
        return mask
    x, shoulders = width // 2, int(width * rng.uniform(0.26, 0.4))
    cv2.ellipse(mask, (x, int(0.09 * height)), (int(0.14 * width), int(0.085 * height)), 0, 0, 360, 1.0, -1)
    cv2.ellipse(mask, (x, int(0.36 * height)), (shoulders, int(0.24 * height)), 0, 0, 360, 1.0, -1)
    feet = int(width * rng.uniform(0.14, 0.34))
    hips = int(shoulders * 0.85)
    legs = np.array([[x - hips, 0.42 * height], [x + hips, 0.42 * height], [x + feet, height], [x - feet, height]])
    cv2.fillPoly(mask, [legs.astype(np.int32)], 1.0)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.5), np.float32)
