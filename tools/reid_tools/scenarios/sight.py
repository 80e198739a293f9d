"""What a camera would see of people on the floor: their boxes, who stands before whom, and what furniture hides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid_tools.footage.camera import Camera
from reid_tools.scenarios.layout import Area, Block, Watch
from reid_tools.scenarios.walking import Floats, Walk

HALF_WIDTH_M = 0.27
STRIDE_M = 0.08
SHORTEST_PX = 20.0
LEAST_INSIDE = 0.3
"""People of whom less is inside of the picture are not seen."""


@dataclass(frozen=True, slots=True)
class Views:
    """Everybody whom a camera has in its picture over some frames, N rows by frame, then distance.

    `frame` counts from the first of these frames, `person` numbers the walks. `xyxy` (N, 4) px is clipped to the
    picture and ends where furniture begins. `distance_m` is along the view, `side_rad` where the person faces seen
    from the camera. `visible` is the share of the whole person that is not outside, behind furniture or behind others.
    """

    frame: NDArray[np.int64]
    person: NDArray[np.int64]
    xyxy: Floats
    distance_m: Floats
    side_rad: Floats
    visible: Floats


def views(watch: Watch, furniture: Sequence[Block], walks: Sequence[Walk], time_s: Floats) -> Views:
    """What the camera sees at each of the moments `time_s` (T,)."""
    camera = watch.camera
    frames, people, spots, headings, heights = _on_the_floor(watch.area, walks, time_s)
    whole, distance = _boxes(camera, spots, heights, headings)
    inside = np.clip(whole, 0.0, [camera.width, camera.height] * 2)
    shown = _area(inside) / np.maximum(_area(whole), 1e-9)
    keep = (distance > 0.5) & (shown >= LEAST_INSIDE) & (inside[:, 3] - inside[:, 1] >= SHORTEST_PX)
    order = np.flatnonzero(keep)
    order = order[np.lexsort((distance[order], frames[order]))]
    boxes, free = _behind(furniture, camera, inside[order], distance[order])
    free *= shown[order]
    tall = boxes[:, 3] - boxes[:, 1] >= SHORTEST_PX
    order, boxes, free = order[tall], boxes[tall], free[tall]
    sight_line = spots[order] - np.array(camera.position[:2])
    return Views(
        frame=frames[order],
        person=people[order],
        xyxy=boxes,
        distance_m=distance[order],
        side_rad=headings[order] - np.arctan2(sight_line[:, 1], sight_line[:, 0]),
        visible=free * _not_behind_others(frames[order], boxes),
    )


def _on_the_floor(
    area: Area, walks: Sequence[Walk], time_s: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats, Floats]:
    """Frame, person, place (N, 2), heading and height of everybody who is in the area."""
    rows: list[tuple[Floats, ...]] = []
    for number, walk in enumerate(walks):
        if walk.time_s[-1] < time_s[0] or walk.time_s[0] > time_s[-1]:
            continue
        spots = walk.at(time_s)
        x, y = spots.xy.T
        here = spots.present & (x >= area.x1) & (x <= area.x2) & (y >= area.y1) & (y <= area.y2)
        frame = np.flatnonzero(here)
        rows.append(
            (
                frame.astype(np.float64),
                np.full(len(frame), float(number)),
                spots.xy[frame],
                spots.heading_rad[frame],
                np.full(len(frame), walk.height_m),
            )
        )
    empty = (np.zeros(0), np.zeros(0), np.zeros((0, 2)), np.zeros(0), np.zeros(0))
    frame, person, xy, heading, height = (np.concatenate(column) for column in zip(empty, *rows, strict=True))
    return frame.astype(np.int64), person.astype(np.int64), xy, heading, height


def _boxes(camera: Camera, xy: Floats, height_m: Floats, heading_rad: Floats) -> tuple[Floats, Floats]:
    """The box (N, 4) of a person at each place, and how far away they are (N,). A side view of a stride is wider."""
    right = camera.axes()[0]
    aside = HALF_WIDTH_M + STRIDE_M * np.abs(right[0] * np.cos(heading_rad) + right[1] * np.sin(heading_rad))
    feet = np.concatenate([xy, np.zeros((len(xy), 1))], axis=1)
    head = feet + np.stack([np.zeros(len(xy)), np.zeros(len(xy)), height_m], axis=1)
    corners = [point + sign * aside[:, None] * right for point in (feet, head) for sign in (-1.0, 1.0)]
    pixels, depths = zip(*(camera.project(corner) for corner in corners), strict=True)
    stacked, depth = np.stack(pixels), depths[0]
    return np.concatenate([stacked.min(axis=0), stacked.max(axis=0)], axis=1), np.asarray(depth)


def _area(xyxy: Floats) -> Floats:
    return np.asarray(np.clip(xyxy[:, 2:] - xyxy[:, :2], 0.0, None).prod(axis=1))


def _behind(furniture: Sequence[Block], camera: Camera, xyxy: Floats, distance_m: Floats) -> tuple[Floats, Floats]:
    """The boxes (N, 4) cut off where furniture stands in front of them, and the share of each that is left, (N,)."""
    cut = xyxy.copy()
    for block in furniture:
        left, top, right, distance = _silhouette(block, camera)
        across = np.minimum(cut[:, 2], right) - np.maximum(cut[:, 0], left)
        hidden = (distance_m > distance) & (across >= 0.5 * (cut[:, 2] - cut[:, 0]))
        cut[:, 3] = np.where(hidden, np.clip(cut[:, 3], cut[:, 1], np.maximum(top, cut[:, 1])), cut[:, 3])
    return cut, _area(cut) / np.maximum(_area(xyxy), 1e-9)


def _silhouette(block: Block, camera: Camera) -> tuple[float, float, float, float]:
    """Left, top and right of a block in the picture, and how far its middle is."""
    area = block.area
    corners = np.array([(x, y, block.height_m) for x in (area.x1, area.x2) for y in (area.y1, area.y2)])
    pixel, depth = camera.project(corners)
    return float(pixel[:, 0].min()), float(pixel[:, 1].min()), float(pixel[:, 0].max()), float(depth.mean())


def _not_behind_others(frame: NDArray[np.int64], xyxy: Floats) -> Floats:
    """The share of each box that those before it in its frame leave to see, (N,): nearer people come first."""
    visible = np.ones(len(frame))
    starts = np.flatnonzero(np.diff(frame, prepend=-1))
    for start, end in zip(starts, np.append(starts, len(frame))[1:], strict=True):
        for row in range(start + 1, end):
            shared = np.minimum(xyxy[row, 2:], xyxy[start:row, 2:]) - np.maximum(xyxy[row, :2], xyxy[start:row, :2])
            covered = np.clip(shared, 0.0, None).prod(axis=1) / max(1e-9, float(_area(xyxy[row : row + 1])[0]))
            visible[row] = float(np.prod(np.clip(1.0 - covered, 0.0, 1.0)))
    return visible
