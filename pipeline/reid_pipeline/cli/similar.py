"""`reid-pipeline gallery similar`: who else looks like somebody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reid_pipeline.cli.terminal import print_json, print_table
from reid_pipeline.cli.text import moment, short_path

if TYPE_CHECKING:
    from reid_pipeline.gallery.evidence import Dossier, RunEntry
    from reid_pipeline.gallery.similar import Similar

NS_PER_S = 1_000_000_000


def print_similar(found: Sequence[Similar], runs: Sequence[RunEntry], *, as_json: bool) -> None:
    """Print them as a table or as JSON, each with a saved crop where there is one in a folder of one of the `runs`."""
    crops = [_crop(one.dossier, runs) for one in found]
    if as_json:
        print_json([_as_dict(one, crop) for one, crop in zip(found, crops, strict=True)])
        return
    rows = [
        (
            one.dossier.identity.id,
            f"{one.score:.2f}",
            moment(one.dossier.identity.last_seen_ns),
            " ".join(one.dossier.identity.cameras),
            _against(one) or "-",
            "-" if crop is None else short_path(crop),
        )
        for one, crop in zip(found, crops, strict=True)
    ]
    print_table(("ID", "SCORE", "LAST SEEN", "CAMERAS", "AGAINST", "CROP"), rows)


def _against(one: Similar) -> str:
    """What says that the two are two."""
    seen = f"both at once in {' '.join(one.together)}" if one.together else ""
    return ", ".join(part for part in (seen, "by hand" if one.never_same else "") if part)


def _crop(dossier: Dossier, runs: Sequence[RunEntry]) -> Path | None:
    """The first crop of the person's last track that surely shows them.

    Of a track that was cut that is the first one, which the part before the cuts has; and in a folder in which several
    runs wrote, crops are of any of them.
    """
    from reid_pipeline.core.splitting import CUT
    from reid_pipeline.records.crops import saved_crops

    users = Counter(run.folder for run in runs)
    folders = {run.run: Path(run.folder) for run in runs if users[run.folder] == 1}
    shown = [one for one in dossier.sightings if one.run in folders and one.tracklet.track_id < CUT]
    crops = (saved_crops(folders[one.run], one.tracklet)[:1] for one in shown[::-1])
    return next((crop for found in crops for crop in found), None)


def _as_dict(one: Similar, crop: Path | None) -> dict[str, Any]:
    person = one.dossier.identity
    return {
        "id": person.id,
        "score": round(one.score, 4),
        "cameras": list(person.cameras),
        "first_seen": person.first_seen_ns / NS_PER_S,
        "last_seen": person.last_seen_ns / NS_PER_S,
        "looks": len(one.dossier.prototypes),
        "together": list(one.together),
        "never_same": one.never_same,
        "crop": None if crop is None else str(crop),
    }
