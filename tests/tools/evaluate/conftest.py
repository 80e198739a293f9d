"""People walking past cameras, and what an imperfect tracker would make of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from reid_tools.evaluate.align import AlignedFrame, CameraBoxes, align
from reid_tools.evaluate.truth import CameraTruth


@dataclass(frozen=True, slots=True)
class Scene:
    """Truth and predictions per camera, and the identity of every tracklet."""

    truths: tuple[CameraTruth, ...]
    predictions: tuple[CameraBoxes, ...]
    identity: NDArray[np.int64]

    def aligned(self) -> tuple[tuple[AlignedFrame, ...], ...]:
        return tuple(
            align(truth, boxes, threshold=0.5, ignore_unlabelled=False)
            for truth, boxes in zip(self.truths, self.predictions, strict=True)
        )


def make_scene(*, seed: int, cameras: int = 3, frames: int = 120, people: int = 6) -> Scene:
    """Boxes move smoothly; predictions are jittered, missed, invented, cut into tracklets and misnamed at times."""
    random = np.random.default_rng(seed)
    truths: list[CameraTruth] = []
    predictions: list[CameraBoxes] = []
    identity: list[int] = []
    for _ in range(cameras):
        rows, found = [], []
        for person in range(people):
            start, end = np.sort(random.integers(0, frames, 2))
            position, speed = random.uniform(0, 600, 2), random.normal(0, 4, 2)
            size = np.array([40.0, 100.0]) * random.uniform(0.7, 1.5)
            identity.append(person)
            for frame in range(start, end + 1):
                corner = position + speed * (frame - start)
                box = np.concatenate([corner, corner + size])
                rows.append((frame, person, *box))
                if random.random() < 0.03:
                    wrong = random.random() < 0.3
                    identity.append(int(random.integers(0, people + 2)) if wrong else person)
                if random.random() < 0.9:
                    found.append((frame, len(identity) - 1, random.random(), *(box + random.normal(0, 5, 4))))
        identity.append(people + 2 + len(truths))
        for frame in random.integers(0, frames, frames // 4):
            corner = random.uniform(0, 600, 2)
            found.append((int(frame), len(identity) - 1, random.random(), *corner, *(corner + np.array([40.0, 100.0]))))
        true, boxes = np.array(rows), np.array(found)
        _, first = np.unique(boxes[:, :2], axis=0, return_index=True)
        boxes = boxes[first]
        truths.append(
            CameraTruth(
                frame=true[:, 0].astype(np.int64),
                person=true[:, 1].astype(np.int64),
                xyxy=true[:, 2:],
                ignored=np.zeros(len(true), np.bool_),
            )
        )
        predictions.append(
            CameraBoxes(
                frame=boxes[:, 0].astype(np.int64),
                tracklet=boxes[:, 1].astype(np.int64),
                xyxy=boxes[:, 3:],
                score=boxes[:, 2],
            )
        )
    return Scene(tuple(truths), tuple(predictions), np.array(identity, np.int64))


@pytest.fixture(params=range(5))
def scene(request: pytest.FixtureRequest) -> Scene:
    return make_scene(seed=request.param)
