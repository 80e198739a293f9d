"""Where a run writes, and whether it can: told before a model is pulled, a camera opened or a file changed."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.errors import RecordError
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import check_gallery
from reid_pipeline.records.files import writing
from reid_pipeline.runtime.report import RunOptions


def output_folder(loaded: LoadedConfig, options: RunOptions) -> Path:
    """Where the run writes."""
    return options.output or Path(loaded.config.output.directory)


def journal_path(loaded: LoadedConfig, options: RunOptions) -> Path | None:
    """Where the run writes its journal, if it is asked for one."""
    wanted = output_folder(loaded, options) / "run.journal" if loaded.config.output.journal else None
    return options.journal or wanted


def gallery_store(loaded: LoadedConfig, options: RunOptions) -> str:
    """The address of the run's gallery."""
    path = (output_folder(loaded, options) / "gallery.db").absolute()
    return loaded.config.gallery.store or f"sqlite:///{path}"


def check_places(loaded: LoadedConfig, options: RunOptions) -> None:
    """Make the folders that the run writes to. Raises `RecordError` where that cannot be done."""
    _prove_writable(output_folder(loaded, options))
    journal = journal_path(loaded, options)
    if journal is not None:
        _prove_writable(journal.parent)
        if journal.is_dir():
            raise RecordError(f"{journal}: cannot be written: it is a folder; name a file")


def check_memory(loaded: LoadedConfig, options: RunOptions, encoder: EncoderStamp | None) -> None:
    """Raise `GalleryError` if the run could not use its gallery; `encoder` is None while it is not known."""
    store, key = gallery_store(loaded, options), loaded.config.gallery.key
    check_gallery(store, encoder=encoder, base=loaded.path.parent, key=key)


def _prove_writable(folder: Path) -> None:
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
