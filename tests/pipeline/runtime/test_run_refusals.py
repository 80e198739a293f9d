"""What makes a run impossible is told in one line, before a model is opened, and nothing is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reid_engines.encoders import open_encoder
from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.errors import ConfigError, EncoderMismatch, GalleryError, PipelineError, RecordError
from reid_pipeline.gallery.protocol import Gallery
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_gallery
from reid_pipeline.runtime import video_run
from reid_pipeline.runtime.live import run
from reid_pipeline.runtime.replay import replay, replay_journal
from reid_pipeline.runtime.report import Progress, Quiet, RunOptions, RunReport
from reid_pipeline.types import GalleryChange, Identity, Prototype, State
from tiny_site import Site, Walk

Drive = Callable[[LoadedConfig, RunOptions, Progress], RunReport]
STORE = "sqlite:///people.db"


def replay_of_journal(loaded: LoadedConfig, options: RunOptions, progress: Progress) -> RunReport:
    return replay_journal(loaded, loaded.path.parent / "earlier.journal", options, progress)


drivers = pytest.mark.parametrize("drive", [run, replay, replay_of_journal])
video_drivers = pytest.mark.parametrize("drive", [run, replay])


@pytest.fixture
def used(site: Site) -> Site:
    """A site that was run before: its output folder and its gallery are there."""
    site.film("lobby", [Walk(0, 0.0, 2.0)], frames=20)
    earlier = site.options(journal=site.folder / "earlier.journal")
    replay(site.load(gallery={"store": STORE}), earlier, Quiet())
    return site


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models that the code under test opens."""
    names: list[str] = []
    for kind in ("open_detector", "open_encoder"):
        real = getattr(video_run, kind)

        def noted(*given: Any, kind: str = kind, real: Callable[..., Any] = real, **named: Any) -> Any:
            names.append(kind)
            return real(*given, **named)

        monkeypatch.setattr(video_run, kind, noted)
    return names


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(drive: Drive, site: Site, options: RunOptions, **sections: Any) -> PipelineError:
    """The one line with which the run is refused, everything that was there being as it was."""
    loaded = site.load(**{"gallery": {"store": STORE}, **sections})
    before = contents(site.folder)
    with pytest.raises(PipelineError) as error:
        drive(loaded, options, Quiet())
    assert "\n" not in str(error.value)
    assert contents(site.folder) == before
    return error.value


@drivers
@pytest.mark.parametrize("output", ["people.db", "people.db/deeper", "/proc/out"])
def test_an_output_folder_that_cannot_be_written(used: Site, opened: list[str], drive: Drive, output: str) -> None:
    error = refused(drive, used, RunOptions(output=used.folder / output))
    assert isinstance(error, RecordError)
    assert output in str(error)
    assert opened == []


@video_drivers
@pytest.mark.parametrize("journal", ["out", "people.db/run.journal", "/proc/out/run.journal"])
def test_a_journal_that_cannot_be_written(used: Site, opened: list[str], drive: Drive, journal: str) -> None:
    error = refused(drive, used, used.options(journal=used.folder / journal))
    assert isinstance(error, RecordError)
    assert opened == []


def test_the_folder_of_a_journal_is_made(used: Site) -> None:
    journal = used.folder / "deep" / "down" / "run.journal"
    assert replay(used.load(), used.options(journal=journal), Quiet()).paths["journal"] == journal
    assert journal.stat().st_size > 0


@pytest.fixture
def held(used: Site) -> Iterator[Gallery]:
    """The site's gallery, held open by somebody else who writes it."""
    encoder = open_encoder("color-stripes")
    encoder.close()
    stamp = EncoderStamp(encoder.name, encoder.sha256, encoder.dim)
    with closing(open_gallery(STORE, encoder=stamp, base=used.folder)) as gallery:
        yield gallery


@drivers
@pytest.mark.usefixtures("held")
def test_a_gallery_that_another_run_has_open(used: Site, opened: list[str], drive: Drive) -> None:
    error = refused(drive, used, used.options())
    assert isinstance(error, GalleryError)
    assert "already open for writing by process" in str(error)
    assert opened == []


@drivers
def test_a_gallery_that_is_damaged(used: Site, opened: list[str], drive: Drive) -> None:
    (used.folder / "people.db").write_bytes(b"no gallery at all" * 1000)
    error = refused(drive, used, used.options())
    assert isinstance(error, GalleryError)
    assert "damaged or not a gallery" in str(error)
    assert opened == []


@drivers
def test_a_gallery_in_a_folder_that_is_not_there(used: Site, opened: list[str], drive: Drive) -> None:
    error = refused(drive, used, used.options(), gallery={"store": "sqlite:///nowhere/people.db"})
    assert isinstance(error, GalleryError)
    assert "its folder must exist" in str(error)
    assert opened == []


@drivers
def test_a_gallery_of_another_encoder(used: Site, opened: list[str], drive: Drive) -> None:
    person = Identity("P0001", State.CONFIRMED, ("lobby",), 0, 1)
    look = Prototype("P0001", "lobby", 0, 1.0, np.eye(1, 192, dtype=np.float32)[0])
    stamp = EncoderStamp("another", "0" * 64, 192)
    with closing(open_gallery("sqlite:///other.db", encoder=stamp, base=used.folder)) as gallery:
        gallery.commit(GalleryChange((person,), (look,), (), 2))
    error = refused(drive, used, used.options(), gallery={"store": "sqlite:///other.db"})
    assert isinstance(error, EncoderMismatch)
    assert "filled by encoder another" in str(error)
    assert opened in ([], ["open_encoder"]), "the detector is not even pulled"


def test_a_live_source_cannot_be_replayed(used: Site, opened: list[str]) -> None:
    used.add("door", "rtsp://viewer:secret@10.0.0.5/stream1")
    error = refused(replay, used, used.options())
    assert isinstance(error, ConfigError)
    assert "cameras.door.source" in str(error)
    assert "secret" not in str(error)
    assert opened == []


def test_a_journal_that_is_none(used: Site) -> None:
    (used.folder / "earlier.journal").write_text("dear diary")
    assert isinstance(refused(replay_of_journal, used, used.options()), RecordError)


@video_drivers
def test_a_model_that_is_not_known_leaves_the_earlier_run_as_it_was(used: Site, drive: Drive) -> None:
    loaded = used.load(gallery={"store": STORE}, encoder={"model": "colour-stripes"})
    before = contents(used.folder)
    with pytest.raises(Exception, match="colour-stripes"):
        drive(loaded, used.options(), Quiet())
    assert contents(used.folder) == before
