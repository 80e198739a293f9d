"""From the configuration to the rules of each stage."""

from __future__ import annotations

from reid_pipeline.config.models import Camera, Config
from reid_pipeline.core.crops import CropRules
from reid_pipeline.core.motion import Homography
from reid_pipeline.core.standing import AssociationRules
from reid_pipeline.core.topology import Topology, Travel

UPDATE_OVER_MATCH = 0.1
"""How much stricter learning from a look is than matching it, unless the configuration says otherwise."""


FAMILIAR_OVER_MATCH = 0.1
"""How much more alike two single looks of one track are than different tracks of one person need to be."""


def crop_rules(config: Config) -> CropRules:
    """Which crops to take."""
    return CropRules(max_per_s=config.encoder.max_crops_per_s)


def association_rules(config: Config, match: float) -> AssociationRules:
    """When two tracks are one person; `match` is the encoder's own threshold."""
    given = config.association
    chosen = match if given.match is None else given.match
    return AssociationRules(
        match=chosen,
        update=min(1.0, chosen + UPDATE_OVER_MATCH) if given.update is None else given.update,
        familiar=familiar(chosen),
        margin=given.margin,
        confirm_observations=given.confirm_observations,
        window_s=given.window_s,
        revise=given.revise,
        calibrate=given.calibrate,
        travel_times=given.travel_times,
    )


def familiar(match: float) -> float:
    """The similarity from which two single looks of one track are taken for one person."""
    return min(1.0, match + FAMILIAR_OVER_MATCH)


def topology(config: Config) -> Topology:
    """What was said about the layout. Travel times hold in both directions unless both are given."""
    travel: dict[tuple[str, str], Travel] = {}
    for name, camera in config.cameras.items():
        for other, times in camera.neighbors.items():
            travel[name, other] = Travel(times.min_s, times.max_s)
    for (name, other), there in list(travel.items()):
        travel.setdefault((other, name), there)
    overlaps = {name: frozenset(c.overlaps) for name, c in config.cameras.items() if c.overlaps is not None}
    floor = {name: Homography(c.homography) for name, c in config.cameras.items() if c.homography is not None}
    ahead_s = {name: camera.offset_s for name, camera in config.cameras.items() if camera.offset_s}
    return Topology(overlaps, travel, floor, ahead_s=ahead_s)


def epoch_ns(cameras: dict[str, Camera]) -> int | None:
    """The earliest given start of a recording: zero of the run's clock."""
    return min((camera.start_ns for camera in cameras.values() if camera.start_ns is not None), default=None)


def start_ns(camera: Camera, epoch_ns: int | None) -> int:
    """When a recording's first frame was, on the run's clock; 0 where nobody said, and if the clock began later."""
    return 0 if camera.start_ns is None or epoch_ns is None else max(0, camera.start_ns - epoch_ns)
