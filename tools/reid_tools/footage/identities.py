"""Crops of people who do not exist, in many cameras, for training and testing person encoders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2

from reid_pipeline.errors import ConfigError
from reid_pipeline.records.files import replacing, writing
from reid_tools.footage.identities_crops import Photographer, camera_of

JPEG_QUALITY = 92
MAX_CROPS = 1000


def crop_names(identity: int, crops: int) -> list[str]:
    """The file names of a person's crops, `PID_cCAM_NNN.jpg`."""
    return [f"{identity:07d}_c{camera_of(identity, number)}_{number:03d}.jpg" for number in range(crops)]


def produce_identities(
    output: Path, *, people: int, crops: int, first_seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> None:
    """Write `crops` pictures of each of `people` persons into the folder `output`.

    The person's number is the seed that draws body, clothes, cameras and moments, so other seeds are other people, and
    those of a different site (see `identities_cameras`) are seen by other cameras. A person whose files exist is
    skipped; more crops than before add to the files that are there.

    Args:
        output: the folder; made when it is absent.
        people: how many persons.
        crops: how many pictures of each.
        first_seed: the number of the first person; the others follow.
        progress: called after every person with the number done and the number in all.

    Raises:
        ConfigError: a count is out of range.
        RecordError: a file cannot be written.
        MissingExtra: a package of the `[footage]` extra is missing.
    """
    for name, value, low, high in (
        ("people", people, 1, 10_000_000),
        ("crops", crops, 1, MAX_CROPS),
        ("first-seed", first_seed, 0, 1_000_000_000),
    ):
        if not low <= value <= high:
            raise ConfigError(f"--{name}: expected {low} to {high}, got {value}")
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    photographer: Photographer | None = None
    for done, identity in enumerate(range(first_seed, first_seed + people), start=1):
        missing = [(n, name) for n, name in enumerate(crop_names(identity, crops)) if not (output / name).exists()]
        if missing:
            photographer = photographer or Photographer()
            character = photographer.character(identity)
            for number, name in missing:
                picture = photographer.crop(character, identity, number)
                with replacing(output / name) as unfinished:
                    unfinished.write_bytes(
                        cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
                    )
        if progress is not None:
            progress(done, people)
