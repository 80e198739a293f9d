"""Pinhole cameras above a floor at z = 0, and the sensor that turns light into an 8-bit picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reid_tools.footage.geometry import Array


@dataclass(frozen=True, slots=True)
class Sensor:
    """How a camera sees: `exposure` scales the light, `white_balance` is the gain of red, green and blue.

    `shot_noise` and `read_noise` are standard deviations of the light, in parts of white, at white and in the dark.
    `blur_px` is the softness of the lens, `vignette` the light lost in the corners; `saturation` 1 keeps colours.
    """

    exposure: float = 1.0
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shot_noise: float = 0.008
    read_noise: float = 0.002
    blur_px: float = 0.5
    vignette: float = 0.15
    saturation: float = 1.0


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera at `position` looking at `target` (metres, z up), with square pixels and no distortion.

    `target` lies in the middle of the picture, or of the wider picture that this one is a `window` of: then
    `centre_px` is where that middle is, which may be outside.
    """

    name: str
    position: tuple[float, float, float]
    target: tuple[float, float, float]
    horizontal_fov_deg: float = 65.0
    width: int = 640
    height: int = 360
    sensor: Sensor = field(default_factory=Sensor)
    centre_px: tuple[float, float] | None = None

    def window(self, x1: int, y1: int, x2: int, y2: int) -> Camera:
        """The camera that sees only pixels `x1` to `x2`, `y1` to `y2` of this one's picture or its surroundings."""
        fov = 2 * np.degrees(np.arctan((x2 - x1) / 2 / self.focal_px))
        x, y = self.middle_px
        return replace(self, horizontal_fov_deg=float(fov), width=x2 - x1, height=y2 - y1, centre_px=(x - x1, y - y1))

    @property
    def middle_px(self) -> tuple[float, float]:
        """Where in the picture `target` is."""
        return self.centre_px or (self.width / 2, self.height / 2)

    @property
    def focal_px(self) -> float:
        return float(self.width / 2 / np.tan(np.radians(self.horizontal_fov_deg) / 2))

    def axes(self) -> NDArray[np.float64]:
        """Rows: the directions of the picture's right, of its down, and of the view, in the world (3, 3)."""
        view = np.subtract(self.target, self.position)
        view = view / np.linalg.norm(view)
        right = np.cross(view, (0.0, 0.0, 1.0))
        right = right / np.linalg.norm(right)
        return np.stack([right, np.cross(view, right), view])

    def projection(self) -> NDArray[np.float64]:
        """The matrix (3, 4) from world metres to pixels; pixel (0, 0) is the top left corner of the picture."""
        f = self.focal_px
        x, y = self.middle_px
        intrinsics = np.array([[f, 0, x], [0, f, y], [0, 0, 1]])
        axes = self.axes()
        return np.asarray(intrinsics @ np.concatenate([axes, -(axes @ np.array(self.position))[:, None]], axis=1))

    def project(self, points: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixels (N, 2) and depths along the view (N,) of points (N, 3); a pixel behind the camera means nothing."""
        projection = self.projection()
        image = np.asarray(points) @ projection[:, :3].T + projection[:, 3]
        depth = image[:, 2]
        return image[:, :2] / np.where(np.abs(depth) < 1e-6, 1e-6, depth)[:, None], depth

    def floor_homography(self) -> NDArray[np.float64]:
        """The matrix (3, 3) from pixels to metres on the floor, scaled so that its last number is 1."""
        inverse = np.linalg.inv(self.projection()[:, [0, 1, 3]])
        return np.asarray(inverse / inverse[2, 2])

    def rays(self, x_px: ArrayLike, y_px: ArrayLike) -> Array:
        """Unit directions (N, 3) through the pixel positions `x_px` and `y_px` (N,)."""
        x = (np.asarray(x_px) - self.middle_px[0]) / self.focal_px
        y = (np.asarray(y_px) - self.middle_px[1]) / self.focal_px
        local = np.stack([x, y, np.ones_like(x)], axis=-1)
        world = local @ self.axes()
        return np.asarray(world / np.linalg.norm(world, axis=-1, keepdims=True), np.float32)
