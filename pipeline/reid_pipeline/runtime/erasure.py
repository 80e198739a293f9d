"""Erases a person from a gallery and from everything that its runs have written, and says so in a receipt.

Files come first and the gallery last: should a file refuse, the gallery still knows where to look the next time.
"""

from __future__ import annotations

import json
import secrets
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from reid_pipeline.errors import GalleryError
from reid_pipeline.gallery.evidence import Dossier, Removed, RunEntry
from reid_pipeline.gallery.sql_gallery import SqlGallery
from reid_pipeline.records.files import write_text
from reid_pipeline.records.writer import iso_time
from reid_pipeline.runtime.run_folder import Purged, Tracklets, purge_folder, purge_journal


@dataclass(frozen=True, slots=True)
class Receipt:
    """That somebody was erased, when, and how much that was, but not who.

    `missing_folders` are folders of runs that were not there, `open_folders` those of runs that still write: if either
    is anywhere, the person may still be in them.
    """

    number: str
    at_ns: int
    removed: Removed
    files: Purged
    missing_folders: tuple[str, ...]
    open_folders: tuple[str, ...]

    def to_json(self) -> str:
        """The receipt as JSON."""
        fields = asdict(self)
        fields["at"] = iso_time(fields.pop("at_ns"))
        fields["schema"] = "reid-pipeline/erasure-receipt"
        return json.dumps(fields, indent=2, sort_keys=True) + "\n"


def erase_person(store: SqlGallery, person: str, receipts: Path) -> tuple[Receipt, Path]:
    """Erase the person everywhere and write a receipt into the folder `receipts`.

    Raises:
        GalleryError: nobody is called so, or the gallery cannot be written.
        RecordError: a file of a run, or the receipt, cannot be written; what is left can be erased by trying again.
    """
    dossier = store.dossier(person)
    if dossier is None:
        raise GalleryError(f"{person}: the gallery holds nobody of that name; `gallery list` lists all")
    runs = store.runs()
    open_runs = store.open_runs()
    closed = [run for run in runs if run.run not in open_runs]
    files = _purge_files(dossier, closed)
    receipt = Receipt(
        number=secrets.token_hex(8),
        at_ns=time.time_ns(),
        removed=store.erase(person),
        files=files,
        missing_folders=tuple(sorted({run.folder for run in closed if not Path(run.folder).is_dir()})),
        open_folders=tuple(sorted({run.folder for run in runs if run.run in open_runs})),
    )
    path = receipts / f"erasure-{receipt.number}.json"
    write_text(path, receipt.to_json())
    return receipt, path


def _purge_files(dossier: Dossier, runs: Sequence[RunEntry]) -> Purged:
    names = {dossier.identity.id, *dossier.also_known_as}
    tracks: dict[str, Tracklets] = defaultdict(Tracklets)
    for one in dossier.sightings:
        tracks[one.run] |= {one.tracklet}
    done = Purged()
    for folder in sorted({run.folder for run in runs}):
        there = [run for run in runs if run.folder == folder]
        purged, found = purge_folder(Path(folder), names, {run.run: tracks[run.run] for run in there})
        done += purged
        tracks.update(found)
    writers = {run.journal: run.run for run in runs if run.journal}  # the last run that wrote there
    for journal, run in sorted(writers.items()):
        done += purge_journal(Path(journal), tracks[run])
    return done
