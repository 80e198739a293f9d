"""Ultralytics track mode with BoT-SORT and ReID over some clips, timed: the other side of the benchmark.

A script of its own that needs nothing but ultralytics and what comes with it, so that it can run in an environment
that has it and does not have this project. It takes its request as one JSON argument and prints one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import yaml


def track(clip: str, *, model: str, tracker: str, limit_s: float | None) -> tuple[int, float, int]:
    """Frames after the first, seconds for them, and people told apart in one clip.

    The clock starts when the first frame is done: loading the model and warming it up are not counted.
    """
    from ultralytics import YOLO

    capture = cv2.VideoCapture(clip)
    last = float("inf") if limit_s is None else limit_s * capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    people: set[int] = set()
    frames, began, ended = 0, 0.0, 0.0
    results = YOLO(model, task="detect").track(
        clip, stream=True, tracker=tracker, imgsz=640, classes=[0], verbose=False, save=False
    )
    for result in results:
        if result.boxes is not None and result.boxes.id is not None:
            people.update(result.boxes.id.int().tolist())
        frames += 1
        ended = time.perf_counter()
        began = began or ended
        if frames >= last:
            break
    return max(frames - 1, 0), ended - began, len(people)


def write_tracker(folder: Path, reid: str) -> Path:
    """The BoT-SORT settings that ultralytics ships with, ReID switched on."""
    import ultralytics

    shipped = Path(ultralytics.__file__).parent / "cfg" / "trackers" / "botsort.yaml"
    settings = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    path = folder / "botsort.yaml"
    path.write_text(yaml.safe_dump({**settings, "with_reid": True, "model": reid}), encoding="utf-8")
    return path


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Track every clip, one after the other."""
    with tempfile.TemporaryDirectory(prefix="reid-bench-") as folder:
        tracker = str(write_tracker(Path(folder), request["reid"]))
        passes = [
            track(clip, model=request["model"], tracker=tracker, limit_s=request["limit_s"])
            for clip in request["clips"]
        ]
    frames, seconds, people = (sum(values) for values in zip(*passes, strict=True))
    return {"frames": frames, "seconds": seconds, "people": people, "stages": {}}


if __name__ == "__main__":
    # ultralytics greets on stdout, where only the result belongs
    with contextlib.redirect_stdout(sys.stderr):
        answer = main(json.loads(sys.argv[1]))
    print(json.dumps(answer))
