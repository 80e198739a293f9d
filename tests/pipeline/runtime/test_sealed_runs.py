"""Runs that seal what they remember."""

from __future__ import annotations

import base64
from contextlib import closing
from pathlib import Path

import pytest

from reid_pipeline.cli import main
from reid_pipeline.config.loader import load_config
from reid_pipeline.errors import ConfigError, GalleryError
from reid_pipeline.gallery.stores import open_gallery
from reid_pipeline.runtime.replay import replay
from reid_pipeline.runtime.report import Quiet
from tiny_site import Site

KEY = base64.b64encode(bytes(range(32))).decode()


def test_a_run_seals_its_gallery_with_the_key_beside_its_configuration(
    plaza: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    (plaza.folder / "gallery.key").write_text(KEY)
    settings = {"store": "sqlite:///people.db", "key": "file:gallery.key"}
    replay(plaza.load(gallery=settings), plaza.options(), Quiet())
    url, key = f"sqlite:///{plaza.folder}/people.db", f"file:{plaza.folder}/gallery.key"
    with closing(open_gallery(url, encoder=None, key=key)) as gallery:
        pieces = [look.vector[-2:].tobytes() for look in gallery.snapshot().prototypes]
    content = (plaza.folder / "people.db").read_bytes()
    assert len(pieces) > 3
    assert not [piece for piece in pieces if any(piece) and piece in content]
    with pytest.raises(GalleryError, match="are sealed; name their key"):
        replay(plaza.load(gallery={"store": "sqlite:///people.db"}), plaza.options(), Quiet())

    assert main(["gallery", "show", url, "P0001", "--key", key]) == 0
    assert main(["gallery", "list", url]) == 1
    out, err = capsys.readouterr()
    assert "P0001  confirmed" in out
    assert err.startswith("error: ")
    assert KEY not in out + err
    written = b"".join(file.read_bytes() for file in (plaza.folder / "out").rglob("*") if file.is_file())
    assert KEY.encode() not in written


def test_a_key_in_the_configuration_itself_is_refused_and_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text(f"cameras: {{a: {{source: x}}}}\ngallery: {{key: {KEY}}}\n")
    with pytest.raises(ConfigError, match=r"gallery\.key: expected env:NAME or file:PATH, which say where") as caught:
        load_config(path)
    assert KEY not in str(caught.value)
