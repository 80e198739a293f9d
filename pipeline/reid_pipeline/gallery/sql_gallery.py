"""A gallery in a database: what runs, readers and hands do with it, whatever the database is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from reid_pipeline.errors import EncoderMismatch, GalleryError
from reid_pipeline.gallery import curation, evidence_rows, people_rows
from reid_pipeline.gallery.backup import write_backup
from reid_pipeline.gallery.database import Database, Rows
from reid_pipeline.gallery.evidence import AuditLine, Corrections, Dossier, Evidence, Removed, RunEntry
from reid_pipeline.gallery.layout import BLOCK_SIZE
from reid_pipeline.gallery.likeness_notes import read_likeness, write_likeness
from reid_pipeline.gallery.meta import next_change, note_erasing, read_meta, read_stamp, write_stamp
from reid_pipeline.gallery.people_rows import Codec, Writer
from reid_pipeline.gallery.picking import pick
from reid_pipeline.gallery.placing import read_corrections
from reid_pipeline.gallery.protocol import GalleryStats
from reid_pipeline.gallery.sealing import Seal
from reid_pipeline.gallery.stamp import EncoderStamp, check_change
from reid_pipeline.types import GalleryChange, GallerySnapshot, Identity

HAND = "hand"
PURGE_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Access:
    """What a gallery was opened for.

    A run has an `encoder` and a `writer` name of its own, hands write without an encoder, readers have neither. `block`
    is where the numbers of new people come from, `alone` says that nobody else writes. `seal` is there where vectors
    are sealed.
    """

    encoder: EncoderStamp | None = None
    writer: str | None = None
    block: int = 0
    alone: bool = True
    seal: Seal | None = None


class SqlGallery:
    """A store for runs (`RunStore`), for those who look, and for those who correct by hand."""

    def __init__(self, database: Database, access: Access, *, clock: Callable[[], int] = time.time_ns) -> None:
        """Take over an open database. `clock` gives the time of audit lines. Raises `GalleryError`."""
        self._database = database
        self._access = access
        self._codec = Codec(access.seal)
        self._clock = clock
        self._closed = False
        self._known = self._heard = 0
        self._told: set[str] = set()
        if access.writer is not None:
            with database.writing() as rows:
                self._known = int(read_meta(rows).get("change", 0))
                if access.alone:  # nobody is left who might bring them back
                    rows.change("DELETE FROM gone")

    # -- for runs ----------------------------------------------------------------------------------------------------

    def snapshot(self) -> GallerySnapshot:
        """Everything it holds; later commits replace what is in it."""
        with self._database.reading() as rows:
            meta = read_meta(rows)
            stamp = read_stamp(meta)
            people = people_rows.read_identities(rows)
            looks = people_rows.read_prototypes(rows, self._codec, stamp.dim if stamp else None)
            number = self._next_number(rows)
            self._known = self._heard = int(meta.get("change", 0))
            never_same = read_corrections(rows).never_same
        return GallerySnapshot(people, looks, number, read_likeness(meta), never_same)

    def news(self) -> GalleryChange:
        """What other writers changed since the snapshot or the last news."""
        with self._database.reading() as rows:
            meta = read_meta(rows)
            stamp = read_stamp(meta)
            changed = "SELECT DISTINCT id FROM identities WHERE change > ? AND writer <> ? ORDER BY id"
            ids = [str(id_) for (id_,) in rows.query(changed, self._heard, self._access.writer)]
            people = [one for id_ in ids for one in people_rows.read_identities(rows, id_)]
            dim = stamp.dim if stamp else None
            looks = [look for id_ in ids for look in people_rows.read_prototypes(rows, self._codec, dim, id_)]
            there = {str(id_) for (id_,) in rows.query("SELECT DISTINCT id FROM identities")} if self._told else set()
            number = self._next_number(rows)
            never_same = read_corrections(rows).never_same
        self._heard = int(meta.get("change", 0))
        gone = sorted(self._told - there)
        self._told = (self._told & there).union(ids)
        return GalleryChange(tuple(people), tuple(looks), tuple(gone), number, never_same=never_same)

    def corrections(self) -> Corrections:
        """What was said by hand about who is who."""
        with self._database.reading() as rows:
            return read_corrections(rows)

    def commit(self, change: GalleryChange) -> None:
        """Apply the change whole or not at all.

        Raises:
            DatabaseAway: the database cannot be reached; the same change can be committed again later.
            EncoderMismatch: meanwhile another process filled the gallery with another encoder's vectors.
            GalleryError: the change cannot be kept; what was committed before is safe.
        """
        encoder = self._access.encoder
        if encoder is None:
            raise GalleryError(f"{self._database.label}: open for reading only; open it with an encoder to change it")
        check_change(change, encoder)
        with self._writing() as rows:
            meta = read_meta(rows)
            refuse_other_encoder(read_stamp(meta), encoder, self._database.label)
            writer = self._writer(rows)
            people_rows.apply_change(rows, change, writer, self._codec)
            curation.reunite(rows, change.merged, writer)
            self._set_next_number(rows, change.next_number)
            if change.likeness:
                write_likeness(rows, change.likeness)
            if change.prototypes:
                write_stamp(rows, encoder)
            if change.removed:
                note_erasing(rows)

    def record(self, evidence: Evidence) -> None:
        """Keep the evidence, as far as it is about people who are in the gallery."""
        with self._writing() as rows:
            evidence_rows.write_evidence(rows, evidence)
            rows.change("UPDATE blocks SET run = ? WHERE number = ?", evidence.run.run, self._access.block)

    def purge(self, before_ns: int, *, limit: int = PURGE_AT_ONCE) -> tuple[str, ...]:
        """Forget at most `limit` people last seen before the Unix time, longest ago first; returns who they were."""
        self._database.beat()
        with self._database.reading() as rows:
            if not curation.expired(rows, before_ns, 1) and not curation.has_old_sightings(rows, before_ns):
                return ()
        with self._writing() as rows:
            people, removed = curation.forget_expired(rows, before_ns, limit)
            curation.write_audit(rows, self._clock(), "purge", curation.counts_of(removed))
            note_erasing(rows)
        return people

    # -- for those who look ------------------------------------------------------------------------------------------

    def stats(self) -> GalleryStats:
        """Sizes, for people."""
        with self._database.reading() as rows:
            stamp = read_stamp(read_meta(rows))
            return GalleryStats(
                identities=_count(rows, "(SELECT DISTINCT id FROM identities) AS people"),
                prototypes=_count(rows, "prototypes"),
                dim=stamp.dim if stamp else None,
                encoder=stamp.name if stamp else None,
                bytes=self._database.size_bytes(),
                tracklets=_count(rows, "sightings"),
                runs=_count(rows, "runs"),
                sealed=self._codec.seal is not None,
            )

    def dossier(self, identity: str) -> Dossier | None:
        """All that is known of a person, also by a name that was merged away; None where nobody is called so."""
        with self._database.reading() as rows:
            person = _find(rows, identity)
            if person is None:
                return None
            stamp = read_stamp(read_meta(rows))
            sightings = evidence_rows.read_sightings(rows, person.id)
            return Dossier(
                person,
                people_rows.read_prototypes(rows, self._codec, stamp.dim if stamp else None, person.id),
                sightings,
                evidence_rows.read_links(rows, sightings),
                curation.aliases_of(rows, person.id),
                curation.strangers_of(rows, person.id),
            )

    def runs(self) -> tuple[RunEntry, ...]:
        """The runs on record and where they wrote."""
        with self._database.reading() as rows:
            return evidence_rows.read_runs(rows)

    def open_runs(self) -> frozenset[str]:
        """The runs that write the gallery right now, apart from whoever asks."""
        with self._database.reading() as rows:
            return frozenset(
                run
                for (run,) in rows.query(
                    "SELECT run FROM blocks WHERE run IS NOT NULL AND writer IS NOT NULL AND number <> ?",
                    self._access.block,
                )
            )

    def audit(self) -> tuple[AuditLine, ...]:
        """What was merged, split, erased and purged, without names."""
        with self._database.reading() as rows:
            return curation.read_audit(rows)

    def backup(self, path: Path) -> None:
        """Copy everything, as of one moment, to a new gallery file. Raises `GalleryError`."""
        with self._database.reading() as rows:
            write_backup(rows, path)

    # -- by hand -----------------------------------------------------------------------------------------------------

    def merge(self, keep: str, away: str) -> Identity:
        """Say that both are one person, called `keep` from now on. Raises `GalleryError` where one is unknown."""
        with self._writing() as rows:
            kept, left = self._person(rows, keep), self._person(rows, away)
            if kept.id == left.id:
                raise GalleryError(f"{self._database.label}: {keep} and {away} are one person already: {kept.id}")
            curation.merge(rows, kept, left, self._hand(rows))
            curation.write_audit(rows, self._clock(), "merge", {"people": 2})
            note_erasing(rows)
            return people_rows.joined(kept, left)

    def split(self, person: str, tracklets: Sequence[str]) -> Identity:
        """Make some of a person's tracks, named as `pick` understands it, a new person, never the same as the old.

        Raises `GalleryError` where nobody is called so, a track is not theirs, or nothing would be left of them.
        """
        with self._writing() as rows:
            old = self._person(rows, person)
            seen = evidence_rows.read_sightings(rows, old.id)
            chosen = pick(seen, tracklets)
            if len(chosen) == len(seen):
                raise GalleryError(
                    f"{self._database.label}: these are all the tracklets on record of {old.id}; "
                    "leave at least one, there would be nobody to tell them from"
                )
            number = self._next_number(rows)
            self._set_next_number(rows, number + 1)
            new = curation.split(rows, old, chosen, f"P{number:04d}", self._hand(rows))
            curation.write_audit(rows, self._clock(), "split", {"people": 2, "tracklets": len(chosen)})
            note_erasing(rows)
            return new

    def erase(self, person: str) -> Removed:
        """Remove all that is known of a person, and write an audit line. Raises `GalleryError` for somebody unknown."""
        with self._writing() as rows:
            removed = curation.erase(rows, self._person(rows, person))
            curation.write_audit(rows, self._clock(), "erase", curation.counts_of(removed))
            note_erasing(rows)
            return removed

    def close(self) -> None:
        """Release the store; what was erased leaves no byte behind."""
        if not self._closed:
            self._closed = True
            self._database.close()

    # ----------------------------------------------------------------------------------------------------------------

    def _writing(self) -> AbstractContextManager[Rows]:
        if self._access.writer is None:
            raise GalleryError(f"{self._database.label}: open for reading only")
        return self._database.writing()

    def _writer(self, rows: Rows) -> Writer:
        return Writer(self._access.writer or HAND, next_change(rows), self._known)

    def _hand(self, rows: Rows) -> Writer:
        return Writer(HAND, next_change(rows), self._known)

    def _person(self, rows: Rows, identity: str) -> Identity:
        person = _find(rows, identity)
        if person is None:
            raise GalleryError(f"{self._database.label}: holds nobody called {identity}; `gallery list` lists all")
        return person

    def _next_number(self, rows: Rows) -> int:
        return int(rows.query("SELECT next_number FROM blocks WHERE number = ?", self._access.block)[0][0])

    def _set_next_number(self, rows: Rows, number: int) -> None:
        if number > (self._access.block + 1) * BLOCK_SIZE:
            raise GalleryError(f"{self._database.label}: {BLOCK_SIZE:,} new people in one run; is the detector broken?")
        rows.change("UPDATE blocks SET next_number = ? WHERE number = ?", int(number), self._access.block)


def refuse_other_encoder(filled_by: EncoderStamp | None, encoder: EncoderStamp, label: str) -> None:
    """Raise `EncoderMismatch` if the gallery holds another encoder's vectors."""
    if filled_by is not None and filled_by.sha256 != encoder.sha256:
        raise EncoderMismatch(
            f"{label}: filled by encoder {filled_by}, but this run uses {encoder}; "
            "vectors of two encoders cannot be compared: name another gallery, or delete this one to start afresh"
        )


def _find(rows: Rows, identity: str) -> Identity | None:
    known = rows.query("SELECT identity FROM aliases WHERE alias = ?", identity)
    found = people_rows.read_identities(rows, known[0][0] if known else identity)
    return found[0] if found else None


def _count(rows: Rows, source: str) -> int:
    return int(rows.query(f"SELECT COUNT(*) FROM {source}")[0][0])
