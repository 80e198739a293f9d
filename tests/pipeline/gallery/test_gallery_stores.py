"""Gallery addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from reid_pipeline.errors import ConfigError
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_gallery


def test_relative_files_are_relative_to_the_base(tmp_path: Path, encoder: EncoderStamp) -> None:
    open_gallery("sqlite:///a b?#%41.db", encoder=encoder, base=tmp_path).close()
    assert [file.name for file in tmp_path.iterdir()] == ["a b?#%41.db"]


def test_absolute_files_do_not_care_for_the_base(tmp_path: Path, encoder: EncoderStamp) -> None:
    open_gallery(f"sqlite:///{tmp_path}/gallery.db", encoder=encoder, base=Path("/nowhere")).close()
    assert (tmp_path / "gallery.db").is_file()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis://user:secret@host/people", r"^gallery store 'redis://': unknown kind; expected memory://"),
        ("gallery.db", "'gallery.db': unknown kind; expected memory://, sqlite:///FILE"),
        ("memory:", "'memory:': unknown kind"),
        ("", "'': unknown kind"),
        ("sqlite://gallery.db", "'sqlite://gallery.db': expected sqlite:///FILE"),
        ("sqlite:///", "expected sqlite:///FILE"),
        ("memory://people", "expected memory:// alone"),
    ],
)
def test_other_addresses_are_refused_with_the_known_ones(url: str, reason: str, encoder: EncoderStamp) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        open_gallery(url, encoder=encoder)
    assert "secret" not in str(caught.value)


def test_there_is_nothing_to_look_at_in_memory() -> None:
    with pytest.raises(ConfigError, match="nothing to look at"):
        open_gallery("memory://", encoder=None)
