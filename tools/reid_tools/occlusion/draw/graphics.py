"""Flat pictures on things: signs, posters, labels. All are uint8 (h, w, 3) RGB."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike

from reid_pipeline.types import Image

RED, BLUE, YELLOW, WHITE, BLACK = (196, 30, 36), (24, 84, 168), (250, 196, 24), (244, 244, 240), (22, 22, 24)
Ink = tuple[int, int, int]


class Board:
    """A picture in the making, four times as large as it will be.

    Coordinates run from (0, 0) at the upper left to (1, h / w) at the lower right.
    """

    def __init__(self, width: int, height: int, ground: Ink) -> None:
        self._scale = 4 * width
        self._large = np.full((4 * height, 4 * width, 3), ground, np.uint8)
        self._size = (width, height)

    def area(self, points: ArrayLike, ink: Ink) -> Board:
        corners = np.rint(np.asarray(points, float) * self._scale).astype(np.int32)
        cv2.fillPoly(self._large, [corners], ink)
        return self

    def bar(self, x: float, y: float, width: float, height: float, ink: Ink) -> Board:
        return self.area([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], ink)

    def disc(self, x: float, y: float, radius: float, ink: Ink) -> Board:
        turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        return self.area(np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=-1), ink)

    def line(self, points: Sequence[tuple[float, float]], width: float, ink: Ink) -> Board:
        corners = np.rint(np.asarray(points) * self._scale).astype(np.int32)
        cv2.polylines(self._large, [corners], False, ink, max(1, round(width * self._scale)))
        return self

    def writing(self, x: float, y: float, width: float, height: float, ink: Ink, *, seed: int) -> Board:
        """One line of letters of no alphabet."""
        rng = np.random.default_rng(seed)
        at = x
        while at + 0.6 * height < x + width:
            if rng.random() < 0.16:
                at += 0.5 * height
                continue
            knots = rng.integers(0, 3, (int(rng.integers(3, 6)), 2)) / 2 * (0.55 * height, height) + (at, y)
            self.line([(float(u), float(v)) for u, v in knots], 0.16 * height, ink)
            at += 0.8 * height
        return self

    def finish(self) -> Image:
        return np.asarray(cv2.resize(self._large, self._size, interpolation=cv2.INTER_AREA), np.uint8)


def no_entry() -> Image:
    return Board(160, 160, WHITE).disc(0.5, 0.5, 0.47, RED).bar(0.17, 0.42, 0.66, 0.16, WHITE).finish()


def speed_limit() -> Image:
    board = Board(160, 160, RED).disc(0.5, 0.5, 0.38, WHITE)
    board.line([(0.27, 0.34), (0.45, 0.34), (0.34, 0.47), (0.45, 0.52), (0.45, 0.62), (0.27, 0.66)], 0.07, BLACK)
    board.line([(0.56, 0.34), (0.72, 0.34), (0.72, 0.66), (0.56, 0.66), (0.56, 0.34)], 0.07, BLACK)
    return board.finish()


def warning() -> Image:
    """For a triangle that stands on its base."""
    board = Board(180, 156, RED).area([(0.5, 0.16), (0.86, 0.78), (0.14, 0.78)], WHITE)
    board.disc(0.5, 0.36, 0.055, BLACK).line([(0.5, 0.42), (0.5, 0.58)], 0.09, BLACK)
    board.line([(0.5, 0.56), (0.40, 0.72)], 0.06, BLACK).line([(0.5, 0.56), (0.60, 0.72)], 0.06, BLACK)
    return board.line([(0.38, 0.52), (0.5, 0.45), (0.62, 0.50)], 0.05, BLACK).finish()


def bend() -> Image:
    """For a square that stands on its corner."""
    board = Board(170, 170, BLACK).area([(0.5, 0.03), (0.97, 0.5), (0.5, 0.97), (0.03, 0.5)], YELLOW)
    board.line([(0.42, 0.74), (0.42, 0.56), (0.58, 0.50), (0.58, 0.38)], 0.08, BLACK)
    return board.area([(0.58, 0.22), (0.68, 0.40), (0.48, 0.40)], BLACK).finish()


def directions() -> Image:
    board = Board(240, 190, WHITE).bar(0.015, 0.015, 0.97, 0.76, BLUE)
    for row, seed in enumerate((5, 6, 7)):
        y = 0.09 + 0.23 * row
        board.writing(0.30, y, 0.62, 0.11, WHITE, seed=seed)
        board.area([(0.06, y + 0.055), (0.15, y - 0.02), (0.15, y + 0.13)], WHITE)
        board.bar(0.15, y + 0.03, 0.08, 0.05, WHITE)
    return board.finish()


def stop() -> Image:
    """For an octagon."""
    board = Board(160, 160, WHITE)
    turn = np.deg2rad(np.arange(8) * 45 + 22.5)
    board.area(0.5 + 0.49 * np.stack([np.cos(turn), np.sin(turn)], axis=-1), RED)
    letters = (
        [(0.12, 0), (0, 0), (0, 0.12), (0.12, 0.12), (0.12, 0.24), (0, 0.24)],
        [(0, 0), (0.13, 0), (0.065, 0), (0.065, 0.24)],
        [(0, 0), (0.12, 0), (0.12, 0.24), (0, 0.24), (0, 0)],
        [(0, 0.24), (0, 0), (0.12, 0), (0.12, 0.12), (0, 0.12)],
    )
    for number, letter in enumerate(letters):
        board.line([(0.15 + 0.195 * number + x, 0.38 + y) for x, y in letter], 0.045, WHITE)
    return board.finish()


def chalk_menu() -> Image:
    board = Board(150, 220, (38, 42, 41)).writing(0.2, 0.12, 0.7, 0.13, (236, 226, 170), seed=1)
    for row in range(6):
        chalk = ((226, 226, 220), (232, 176, 186), (170, 210, 226))[row % 3]
        board.writing(0.1, 0.40 + 0.155 * row, 0.62 - 0.05 * (row % 3), 0.075, chalk, seed=20 + row)
        board.writing(0.78, 0.40 + 0.155 * row, 0.16, 0.075, chalk, seed=40 + row)
    return board.line([(0.2, 0.31), (0.5, 0.33), (0.8, 0.30)], 0.012, (226, 226, 220)).finish()


def sale() -> Image:
    turn = np.linspace(0, 2 * np.pi, 33)[:-1]
    radius = np.where(np.arange(32) % 2, 0.30, 0.42)
    burst = np.stack([0.5 + radius * np.cos(turn), 0.52 + radius * np.sin(turn)], axis=-1)
    board = Board(170, 230, (250, 214, 40)).area(burst, (208, 28, 40))
    board.writing(0.24, 0.43, 0.56, 0.19, WHITE, seed=3).bar(0, 1.06, 1, 0.3, (208, 28, 40))
    return board.writing(0.1, 1.13, 0.84, 0.14, (250, 214, 40), seed=4).finish()


def landscape() -> Image:
    """A travel poster: sun, hills and sea."""
    board = Board(140, 300, (120, 190, 222)).disc(0.68, 0.5, 0.16, (252, 226, 130))
    board.area([(0, 1.0), (0.25, 0.72), (0.45, 0.95), (0.7, 0.6), (1, 0.98), (1, 1.5), (0, 1.5)], (70, 120, 104))
    board.area([(0, 1.2), (0.4, 0.98), (0.8, 1.15), (1, 1.05), (1, 1.5), (0, 1.5)], (42, 88, 78))
    board.bar(0, 1.3, 1, 0.45, (30, 96, 140)).bar(0, 1.72, 1, 0.45, (246, 240, 226))
    board.area([(0.3, 1.46), (0.62, 1.46), (0.56, 1.54), (0.36, 1.54)], WHITE)
    board.area([(0.46, 1.2), (0.46, 1.44), (0.62, 1.44)], (232, 110, 60))
    board.writing(0.1, 0.1, 0.84, 0.15, WHITE, seed=8).writing(0.1, 1.80, 0.8, 0.1, (200, 80, 50), seed=9)
    return board.writing(0.1, 1.96, 0.8, 0.06, (60, 60, 64), seed=10).finish()


def ice_cream() -> Image:
    board = Board(160, 210, (244, 246, 246)).bar(0, 0, 1, 0.24, (206, 52, 122))
    board.writing(0.12, 0.06, 0.8, 0.13, WHITE, seed=15)
    for row in range(2):
        for column in range(3):
            x, y = 0.2 + 0.3 * column, 0.42 + 0.47 * row
            flavour = ((236, 150, 170), (120, 74, 44), (180, 210, 140), (250, 224, 150), (110, 50, 120), (240, 130, 50))
            board.area([(x - 0.08, y + 0.04), (x + 0.08, y + 0.04), (x, y + 0.27)], (214, 160, 92))
            board.disc(x, y, 0.095, flavour[3 * row + column])
    return board.writing(0.2, 1.19, 0.7, 0.06, (206, 52, 122), seed=17).finish()


def concert() -> Image:
    """A poster: rings of light over a dark crowd."""
    board = Board(160, 210, (46, 22, 74))
    for radius, ink in ((0.44, (96, 30, 120)), (0.34, (176, 40, 120)), (0.24, (236, 96, 70)), (0.13, (252, 206, 96))):
        board.disc(0.5, 0.55, radius, ink)
    for number in range(9):
        board.disc(0.06 + 0.11 * number, 0.98 - 0.03 * (number % 3), 0.06, (20, 12, 30))
    board.bar(0, 1.0, 1, 0.4, (20, 12, 30)).writing(0.1, 1.06, 0.84, 0.12, (252, 206, 96), seed=31)
    return board.writing(0.1, 0.06, 0.84, 0.08, (240, 230, 250), seed=32).finish()
