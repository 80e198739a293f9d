"""One camera's own part of the work: boxes become tracks, and some of the tracked boxes become crops."""

from __future__ import annotations

from reid_pipeline.core.crops import CropChooser
from reid_pipeline.records.crops import CropSaver
from reid_pipeline.runtime.stopwatch import Stopwatch
from reid_pipeline.track.protocol import Tracker
from reid_pipeline.types import Boxes, CameraStep, Frame, TrackedBoxes


class CameraStage:
    """Tracker and crop chooser of one camera. Frames come in order; nothing is shared with other cameras."""

    def __init__(
        self, tracker: Tracker, chooser: CropChooser, stopwatch: Stopwatch, saver: CropSaver | None = None
    ) -> None:
        self._tracker = tracker
        self._chooser = chooser
        self._stopwatch = stopwatch
        self._saver = saver

    def step(self, frame: Frame, boxes: Boxes) -> CameraStep:
        """The camera step of a frame and its boxes."""
        with self._stopwatch.measure("track"):
            update = self._tracker.update(frame, boxes)
        with self._stopwatch.measure("crop"):
            crops = self._chooser.choose(frame, update.tracked, update.ended)
        if self._saver is not None:
            for crop in crops:
                self._saver.save(crop)
        return CameraStep(frame.camera, frame.index, frame.timestamp_ns, update.tracked, crops, update.ended)


def unseen(frame: Frame) -> CameraStep:
    """The camera step of a frame that the detector does not look at: its tracks neither go on nor end."""
    return CameraStep(frame.camera, frame.index, frame.timestamp_ns, TrackedBoxes.empty(), (), ())
