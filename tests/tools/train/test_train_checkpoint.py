from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from reid_pipeline.errors import ConfigError, RecordError
from reid_tools.train.checkpoint import NAME, Checkpoint, load_checkpoint, save_checkpoint
from tiny_training import no_room_for


def state() -> dict[str, Any]:
    """What real stages keep: weights and counters, an optimiser with moments, plain values, empty parts."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(5, 3)).square().sum().backward()
    optimizer.step()
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "heads": {}, "seen": 7}


def checkpoint(step: int = 3, **state: Any) -> Checkpoint:
    return Checkpoint("recipe", "backbone", step, state)


def refusal(folder: Path) -> str:
    with pytest.raises(RecordError) as caught:
        load_checkpoint(folder, "recipe")
    text = str(caught.value)
    assert text.startswith(f"{folder / NAME}: ")
    assert "\n" not in text
    return text


def assert_same(found: Any, wanted: Any) -> None:
    if isinstance(wanted, torch.Tensor):
        assert found.dtype == wanted.dtype
        assert torch.equal(found, wanted)
    elif isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for key, value in wanted.items():
            assert_same(found[key], value)
    else:
        assert found == wanted


def test_what_was_saved_comes_back_bit_for_bit(tmp_path: Path) -> None:
    saved = checkpoint(**state())
    save_checkpoint(tmp_path, saved)
    found = load_checkpoint(tmp_path, "recipe")
    assert found is not None
    assert (found.recipe, found.stage, found.step) == ("recipe", "backbone", 3)
    assert_same(found.state, saved.state)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_where_nothing_was_saved_there_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path, "recipe") is None
    assert load_checkpoint(tmp_path / "absent", "recipe") is None


def test_a_later_one_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    for step in (3, 4):
        save_checkpoint(tmp_path, checkpoint(step))
    found = load_checkpoint(tmp_path, "recipe")
    assert found is not None
    assert found.step == 4


def test_one_of_another_recipe_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, checkpoint())
    with pytest.raises(ConfigError) as caught:
        load_checkpoint(tmp_path, "another")
    assert str(caught.value) == (
        f"{tmp_path / NAME}: was written by another recipe or other data; "
        "give another --output, or delete it to start anew"
    )


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_one_that_was_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    save_checkpoint(tmp_path, checkpoint(**state()))
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole[: int(share * len(whole))])
    assert refusal(tmp_path).endswith("; delete it")


def test_a_byte_that_changed_is_never_taken_for_what_was_saved(tmp_path: Path) -> None:
    """Of its parts each has a checksum; what lies between them may change, since nothing is read from it."""
    saved = checkpoint(**state())
    save_checkpoint(tmp_path, saved)
    whole = (tmp_path / NAME).read_bytes()
    rng = np.random.default_rng(0)
    refusals = []
    for place in rng.choice(len(whole), 600, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= rng.integers(1, 256)
        (tmp_path / NAME).write_bytes(damaged)
        try:
            found = load_checkpoint(tmp_path, "recipe")
        except RecordError as error:
            refusals.append(str(error))
        else:
            assert found is not None
            assert (found.recipe, found.stage, found.step) == ("recipe", "backbone", 3)
            assert_same(found.state, saved.state)
    assert len(refusals) > 200
    assert all(line.endswith("; delete it") and "\n" not in line for line in refusals)


@pytest.mark.parametrize("content", [b"not a checkpoint", b"\0" * 5000, b"PK\x03\x04" + b"\xff" * 500])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert "not a checkpoint that can be read" in refusal(tmp_path)


@pytest.mark.parametrize("value", [[1, 2], {"stage": "backbone"}, {"model": torch.zeros(2)}, torch.zeros(3), 5])
def test_torch_files_that_hold_something_else_are_refused(tmp_path: Path, value: object) -> None:
    torch.save(value, tmp_path / NAME)
    refusal(tmp_path)


class Untrusted:
    """Would print something when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("executed",)


def test_code_in_a_checkpoint_is_not_executed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"recipe": "recipe", "stage": "backbone", "step": 1, "state": Untrusted()}, tmp_path / NAME)
    assert "UnpicklingError" in refusal(tmp_path)
    assert capsys.readouterr().out == ""


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    refusal(tmp_path)


def test_on_a_full_disk_the_one_before_stays_whole(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, checkpoint(3))
    with no_room_for(2000), pytest.raises(RecordError) as caught:
        save_checkpoint(tmp_path, checkpoint(4, big=torch.zeros(100_000)))
    assert str(caught.value).startswith(f"{tmp_path / NAME}: cannot be written: ")
    assert str(caught.value).endswith("; free some space and start again")
    assert "\n" not in str(caught.value)
    found = load_checkpoint(tmp_path, "recipe")
    assert found is not None
    assert found.step == 3
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


class Interrupting:
    """Interrupts whoever pickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        signal.raise_signal(signal.SIGINT)
        return dict, ()


def test_an_interrupted_save_leaves_the_one_before_and_nothing_else(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, checkpoint(3))
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, checkpoint(4, weights=torch.zeros(5), late=Interrupting()))
    found = load_checkpoint(tmp_path, "recipe")
    assert found is not None
    assert found.step == 3
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@pytest.mark.parametrize("kind", ["absent", "file"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / kind
    if kind == "file":
        folder.write_text("in the way")
    with pytest.raises(RecordError, match=r"checkpoint\.pt: cannot be written: ") as caught:
        save_checkpoint(folder, checkpoint())
    assert "\n" not in str(caught.value)


def test_what_a_killed_save_left_behind_is_not_taken_for_one(tmp_path: Path) -> None:
    unfinished = tmp_path / ".checkpoint.killed"
    unfinished.mkdir()
    (unfinished / NAME).write_bytes(b"half")
    assert load_checkpoint(tmp_path, "recipe") is None
    save_checkpoint(tmp_path, checkpoint())
    assert load_checkpoint(tmp_path, "recipe") is not None
