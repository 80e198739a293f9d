"""From what a person types to the tracklets that are meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reid_pipeline.errors import GalleryError
from reid_pipeline.gallery.evidence import Sighting


def pick(seen: Sequence[Sighting], names: Iterable[str]) -> list[Sighting]:
    """The sightings that are named `camera:track_id`, or `RUN/camera:track_id` where several runs have such a track.

    Raises:
        GalleryError: there is none of that name, or there are several; the message lists what there is.
    """
    chosen: dict[Sighting, None] = {}
    for name in names:
        run, _, tracklet = name.rpartition("/")
        found = [one for one in seen if str(one.tracklet) == tracklet and run in ("", one.run)]
        if not found:
            known = ", ".join(dict.fromkeys(str(one.tracklet) for one in seen)) or "none"
            raise GalleryError(f"tracklet {name}: expected one on record of that person ({known})")
        if len(found) > 1:
            longer = " or ".join(f"{one.run}/{one.tracklet}" for one in found)
            raise GalleryError(f"tracklet {name}: {len(found)} runs have one of that name; say {longer}")
        chosen[found[0]] = None
    return list(chosen)
