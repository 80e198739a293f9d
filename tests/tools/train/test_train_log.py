"""The log of a training: means over steps, and what becomes of it when a training is taken up again."""

from __future__ import annotations

from pathlib import Path

import pytest

from reid_pipeline.errors import RecordError
from reid_pipeline.runtime.report import Quiet
from reid_tools.train.checkpoint import NAME
from tiny_training import Crash, crash_at, interrupt_at, no_room_for, rows_of, train

NEVER_S = 1e9


def test_rows_are_means_over_steps(tmp_path: Path) -> None:
    train(tmp_path, Quiet(), lambda stage, step: float(step * step), log_every=2)
    rows = rows_of(tmp_path / "fine.csv")
    assert list(rows[0]) == ["step", "loss", "s_per_step"]
    assert [(row["step"], row["loss"]) for row in rows] == [("2", "0.50000"), ("4", "6.50000"), ("6", "20.50000")]


def test_rows_of_steps_that_are_done_again_are_dropped(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, Quiet(), interrupt_at(("fine", 1)), save_every_s=NEVER_S)
    with pytest.raises(Crash):
        train(tmp_path, Quiet(), crash_at(("fine", 5)), save_every_s=NEVER_S)
    assert [row["step"] for row in rows_of(tmp_path / "fine.csv")] == ["1", "2", "3", "4", "5"]
    marked = (tmp_path / "fine.csv").read_text().replace("\n3,", "\n3,9")
    (tmp_path / "fine.csv").write_text(marked)
    train(tmp_path, Quiet())
    rows = rows_of(tmp_path / "fine.csv")
    assert [row["step"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert not any(row["loss"].startswith("9") for row in rows)


def test_a_log_without_its_checkpoint_is_begun_anew(tmp_path: Path) -> None:
    train(tmp_path, Quiet())
    (tmp_path / NAME).unlink()
    train(tmp_path, Quiet(), log_every=3)
    assert [row["step"] for row in rows_of(tmp_path / "fine.csv")] == ["3", "6"]


def test_what_a_power_cut_left_in_a_log_does_not_stop_it(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, Quiet(), interrupt_at(("fine", 1)))
    with (tmp_path / "fine.csv").open("ab") as file:
        file.write(b"3,0.\n\n\0\0\0\xff\n,\n")
    train(tmp_path, Quiet())
    assert [row["step"] for row in rows_of(tmp_path / "fine.csv")] == ["1", "2", "3", "4", "5", "6"]


def test_a_log_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with no_room_for(10), pytest.raises(RecordError, match=r"rough\.csv: cannot be written: ") as caught:
        train(tmp_path, Quiet())
    assert "\n" not in str(caught.value)
    (tmp_path / "rough.csv").unlink()
    (tmp_path / "rough.csv").mkdir()
    with pytest.raises(RecordError, match=r"rough\.csv: cannot be written: Is a directory; it is a folder"):
        train(tmp_path, Quiet())
