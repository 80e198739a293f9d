from __future__ import annotations

from pathlib import Path

from reid_pipeline.core.splitting import CUT
from reid_pipeline.runtime.run_folder import purge_folder
from reid_pipeline.types import TrackletKey


def test_crops_of_two_parts_of_one_track_are_deleted_once(tmp_path: Path) -> None:
    """Erasing a person of whom two parts of a cut track were known tried to delete the same crops twice."""
    (tmp_path / "lobby").mkdir()
    crops = [tmp_path / "lobby" / name for name in ("00004_0000010.jpg", "00004_0000900.jpg", "00005_0000010.jpg")]
    for crop in crops:
        crop.write_bytes(b"somebody")
    parts = frozenset({TrackletKey("lobby", 4), TrackletKey("lobby", 4 + CUT)})
    done, _ = purge_folder(tmp_path, {"P0001"}, {"run": parts})
    assert done.crops == 2
    assert [crop for crop in crops if crop.exists()] == crops[2:]
