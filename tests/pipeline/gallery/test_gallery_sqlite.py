"""The gallery file: restarts, stamps, damage, places that cannot be written, and what erasing leaves behind."""

from __future__ import annotations

import os
import random
import resource
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from reid_pipeline.errors import EncoderMismatch, GalleryError
from reid_pipeline.gallery.sqlite import SqliteFile, SqliteGallery
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.types import GalleryChange

Remember = Callable[..., GalleryChange]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gallery.db"


def write(path: Path, encoder: EncoderStamp, *changes: GalleryChange) -> None:
    with closing(SqliteGallery.open_for_writing(path, encoder)) as gallery:
        for change in changes:
            gallery.commit(change)


def ids_in(path: Path) -> list[str]:
    with closing(SqliteGallery.open_for_reading(path)) as gallery:
        return [identity.id for identity in gallery.snapshot().identities]


def test_survives_a_restart_as_one_file(path: Path, encoder: EncoderStamp, remember: Remember) -> None:
    write(path, encoder, remember("P0001", "P0002", next_number=3))
    assert list(path.parent.iterdir()) == [path]
    with closing(SqliteGallery.open_for_writing(path, encoder)) as gallery:
        snapshot = gallery.snapshot()
    assert [identity.id for identity in snapshot.identities] == ["P0001", "P0002"]
    assert (len(snapshot.prototypes), snapshot.next_number) == (4, 3)


def test_another_encoder_is_refused_and_changes_nothing(path: Path, encoder: EncoderStamp, remember: Remember) -> None:
    write(path, encoder, remember("P0001"))
    before = path.read_bytes()
    other = EncoderStamp("saga-s", "b" * 64, 512)
    with pytest.raises(EncoderMismatch) as caught:
        SqliteGallery.open_for_writing(path, other)
    assert str(caught.value) == (
        f"gallery {path}: filled by encoder color-stripes (8 numbers, sha256 aaaaaaaaaaaa), "
        "but this run uses saga-s (512 numbers, sha256 bbbbbbbbbbbb); vectors of two encoders cannot be compared: "
        "name another gallery, or delete this one to start afresh"
    )
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_gallery_without_vectors_takes_any_encoder(path: Path, encoder: EncoderStamp, remember: Remember) -> None:
    write(path, encoder, remember("P0001", looks=0))
    write(path, EncoderStamp("saga-s", "b" * 64, 16), remember("P0002", dim=16))
    with closing(SqliteGallery.open_for_reading(path)) as gallery:
        assert (gallery.stats().encoder, gallery.stats().dim) == ("saga-s", 16)


def test_reading_changes_nothing(path: Path, encoder: EncoderStamp, remember: Remember) -> None:
    write(path, encoder, remember("P0001"))
    before = path.read_bytes()
    with closing(SqliteGallery.open_for_reading(path)) as gallery:
        assert len(gallery.snapshot().prototypes) == gallery.stats().prototypes == 2
        with pytest.raises(GalleryError, match="open for reading only"):
            gallery.commit(remember("P0002"))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def foreign_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE identities (id)")
        connection.commit()


def newer_gallery(path: Path) -> None:
    SqliteGallery.open_for_writing(path, EncoderStamp("color-stripes", "a" * 64, 8)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 3")


def gallery_without_tables(path: Path) -> None:
    SqliteGallery.open_for_writing(path, EncoderStamp("color-stripes", "a" * 64, 8)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE meta")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_bytes(random.Random(0).randbytes(50_000)), "is damaged or not a gallery"),
        (lambda path: path.write_bytes(b"hello"), "is damaged or not a gallery"),
        (foreign_database, "is not a gallery; it was left as it is"),
        (newer_gallery, "expected layout version 2, got 3; update reid-pipeline"),
        (gallery_without_tables, "is damaged or not a gallery"),
    ],
)
def test_what_is_no_gallery_is_said_so_and_left_alone(
    path: Path, encoder: EncoderStamp, make: Callable[[Path], object], reason: str
) -> None:
    make(path)
    before = path.read_bytes()
    with pytest.raises(GalleryError, match=reason) as caught:
        SqliteGallery.open_for_writing(path, encoder)
    assert str(caught.value).startswith(f"gallery {path}: ")
    assert "\n" not in str(caught.value)
    with pytest.raises(GalleryError, match=reason):
        ids_in(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_truncated_gallery_is_said_so_and_left_alone(path: Path, encoder: EncoderStamp, remember: Remember) -> None:
    write(path, encoder, remember(*(f"P{n:04d}" for n in range(300)), looks=8))
    whole = path.read_bytes()
    for length in (len(whole) - 1, len(whole) // 2, 20_000, 1_000, 60):
        path.write_bytes(whole[:length])
        with pytest.raises(GalleryError, match="is damaged or not a gallery"):
            SqliteGallery.open_for_writing(path, encoder)
        assert path.read_bytes() == whole[:length]


def test_flipped_bytes_are_an_error_and_never_a_wrong_vector_length(
    path: Path, encoder: EncoderStamp, remember: Remember
) -> None:
    write(path, encoder, remember(*(f"P{n:04d}" for n in range(100)), looks=4))
    whole = path.read_bytes()
    rng = random.Random(0)
    for _ in range(100):
        broken = bytearray(whole)
        start = rng.randrange(len(whole))
        broken[start : start + 64] = rng.randbytes(len(broken[start : start + 64]))
        path.write_bytes(broken)
        with suppress(GalleryError), closing(SqliteGallery.open_for_reading(path)) as gallery:
            gallery.stats()
            assert {len(prototype.vector) for prototype in gallery.snapshot().prototypes} <= {8}


def test_an_empty_file_becomes_a_gallery(path: Path, encoder: EncoderStamp, remember: Remember) -> None:
    path.touch()
    write(path, encoder, remember("P0001"))
    assert ids_in(path) == ["P0001"]


def test_missing_places_are_said_so(tmp_path: Path, encoder: EncoderStamp) -> None:
    with pytest.raises(GalleryError, match=r"No such file or directory.*its folder must exist and be writable"):
        SqliteGallery.open_for_writing(tmp_path / "missing" / "gallery.db", encoder)
    with pytest.raises(GalleryError, match="expected a file, got a folder"):
        SqliteGallery.open_for_writing(tmp_path, encoder)
    with pytest.raises(GalleryError, match="expected a file, got a folder"):
        SqliteGallery.open_for_reading(tmp_path)
    with pytest.raises(GalleryError, match="no such file"):
        SqliteGallery.open_for_reading(tmp_path / "gallery.db")
    assert list(tmp_path.iterdir()) == []


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Root may write everywhere; be somebody else for a moment."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_read_only_folder_can_be_read_and_not_written(encoder: EncoderStamp, remember: Remember) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "gallery.db")
        write(path, encoder, remember("P0001"))
        path.chmod(0o644)
        Path(folder).chmod(0o555)
        with ordinary_user():
            assert ids_in(path) == ["P0001"]
            with pytest.raises(GalleryError, match=r"cannot be written \(Permission denied\); its"):
                SqliteGallery.open_for_writing(path, encoder)
        Path(folder).chmod(0o755)


def test_a_read_only_file_is_said_so(encoder: EncoderStamp, remember: Remember) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "gallery.db")
        write(path, encoder, remember("P0001"))
        path.chmod(0o444)
        Path(folder).chmod(0o777)
        with ordinary_user(), pytest.raises(GalleryError, match="the file cannot be written"):
            SqliteGallery.open_for_writing(path, encoder)


def test_a_full_disk_loses_the_change_and_nothing_else(path: Path, encoder: EncoderStamp, remember: Remember) -> None:
    gallery = SqliteGallery.open_for_writing(path, encoder)
    gallery.commit(remember("P0001"))
    assert isinstance(gallery._database, SqliteFile)
    gallery._database.connection.execute("PRAGMA max_page_count = 8")
    with pytest.raises(GalleryError, match="the disk is full; what was committed before is safe"):
        gallery.commit(remember(*(f"P{n:04d}" for n in range(1, 300)), looks=20, removed=("P0000",)))
    assert [identity.id for identity in gallery.snapshot().identities] == ["P0001"]
    gallery.commit(remember("P0002"))
    gallery.close()
    assert ids_in(path) == ["P0001", "P0002"]


def test_a_disk_that_refuses_to_write_loses_the_change_and_nothing_else(
    path: Path, encoder: EncoderStamp, remember: Remember
) -> None:
    gallery = SqliteGallery.open_for_writing(path, encoder)
    gallery.commit(remember("P0001"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        with pytest.raises(GalleryError, match="the disk failed; what was committed before is safe"):
            gallery.commit(remember(*(f"P{n:04d}" for n in range(1, 300)), looks=20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    gallery.commit(remember("P0002"))
    gallery.close()
    assert ids_in(path) == ["P0001", "P0002"]


class Erasure:
    """A gallery in which looks came and went for a while, so that rows moved between the pages of the file."""

    def __init__(self, gallery: SqliteGallery, remember: Remember) -> None:
        rng = random.Random(0)
        everyone = [f"P{n:04d}" for n in range(200)]
        self.erased = tuple(everyone[::3])
        ever: set[bytes] = set()
        for seed in range(60):
            change = remember(*rng.sample(everyone, 12), looks=rng.randrange(1, 20), seed=seed, dim=512)
            ever.update(prototype.vector.tobytes() for prototype in change.prototypes)
            gallery.commit(change)
        gallery.commit(remember(removed=self.erased))
        self.kept = {prototype.vector.tobytes() for prototype in gallery.snapshot().prototypes}
        self.gone = ever - self.kept

    def check(self, folder: Path) -> None:
        on_disk = b"".join(file.read_bytes() for file in folder.iterdir())
        assert on_disk_of(self.kept, on_disk) == len(self.kept)
        assert on_disk_of(self.gone, on_disk) == 0
        assert not [id_ for id_ in self.erased if id_.encode() in on_disk]


def on_disk_of(vectors: set[bytes], on_disk: bytes) -> int:
    """How many of the vectors have two numbers from their middle anywhere on the disk: a copy need not be whole."""
    wanted = np.array([np.frombuffer(vector[1000:1008], np.uint64)[0] for vector in vectors])
    found = np.zeros(len(wanted), bool)
    for start in range(8):
        count = (len(on_disk) - start) // 8
        found |= np.isin(wanted, np.frombuffer(on_disk, np.uint64, count, start))
    return int(found.sum())


def test_erased_people_leave_no_byte_behind(path: Path, remember: Remember) -> None:
    encoder = EncoderStamp("saga-s", "b" * 64, 512)
    with closing(SqliteGallery.open_for_writing(path, encoder)) as gallery:
        erasure = Erasure(gallery, remember)
        reader = SqliteGallery.open_for_reading(path)
        assert len(reader.snapshot().prototypes) == len(erasure.kept)
    erasure.check(path.parent)
    reader.close()
    write(path, encoder)
    erasure.check(path.parent)
    assert list(path.parent.iterdir()) == [path]


def test_the_next_run_finishes_what_a_killed_one_was_erasing(path: Path, tmp_path: Path, remember: Remember) -> None:
    encoder = EncoderStamp("saga-s", "b" * 64, 512)
    with closing(SqliteGallery.open_for_writing(path, encoder)) as gallery:
        erasure = Erasure(gallery, remember)
        copy = tmp_path / "as a killed process leaves it"
        copy.mkdir()
        for file in (path, path.with_name("gallery.db-wal")):
            shutil.copy(file, copy)
    write(copy / path.name, encoder)
    erasure.check(copy)
