"""Saves the crops that were encoded, for those who ask for it (`output.crops`)."""

from __future__ import annotations

from pathlib import Path

import cv2

from reid_pipeline.core.splitting import before_cuts
from reid_pipeline.records.files import writing
from reid_pipeline.types import Crop, TrackletKey

_QUALITY = 92


class CropSaver:
    """Stores crops as `folder/<camera>/<track_id>_<frame>.jpg`."""

    def __init__(self, folder: Path) -> None:
        """Make the folder. Raises `RecordError`."""
        self._folder = folder
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def save(self, crop: Crop) -> Path:
        """Write one crop and say where. Raises `RecordError` when the disk refuses."""
        path = self._folder / crop.camera / f"{crop.track_id:05d}_{crop.frame_index:07d}.jpg"
        picture = cv2.cvtColor(crop.image, cv2.COLOR_RGB2BGR)
        _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        with writing(path):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encoded.tobytes())
        return path


def saved_crops(folder: Path, key: TrackletKey) -> list[Path]:
    """The crops that are saved of a tracklet, in the order of time; those of a track that was cut are of all its parts.

    Crops are saved before it is known that a track shows two people.
    """
    return sorted((folder / key.camera).glob(f"{before_cuts(key.track_id):05d}_*.jpg"))
