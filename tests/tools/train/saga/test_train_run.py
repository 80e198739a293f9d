"""Whole trainings: what they leave behind, that they can be interrupted, and what they refuse."""

from __future__ import annotations

import shutil
import signal
from contextlib import closing
from pathlib import Path

import pytest
import torch

from reid_engines.encoders import open_encoder
from reid_engines.saga.weights import load_weights
from reid_pipeline.errors import ConfigError, RecordError
from reid_pipeline.runtime.report import Quiet
from reid_tools.train.loop import TrainingError
from reid_tools.train.saga.recipe import Backbone, Prompts, SagaRecipe, Visual
from reid_tools.train.saga.run import train
from reid_tools.train.saga.tokens import TokenFile
from reid_tools.train.schedule import Schedule
from reid_tools.train.world import World


@pytest.fixture
def short(recipe: SagaRecipe) -> SagaRecipe:
    """A few steps of every stage."""
    one = Schedule(epochs=1, learning_rate=1e-3)
    stages = {
        "prompts": Prompts(batch=24, schedule=one),
        "backbone": Backbone(schedule=one),
        "visual": Visual(views=2, classifiers=1, first=one, second=one),
    }
    return recipe.model_copy(update=stages)


class Watching(Quiet):
    """Keeps the notes, and interrupts each task once when it has come to a step."""

    def __init__(self, **interrupt_at: int) -> None:
        self.notes: list[str] = []
        self._at = {name.replace("_", "-"): step for name, step in interrupt_at.items()}

    def advance(self, task: str, done: int) -> None:
        if self._at.get(task) == done:
            del self._at[task]
            signal.raise_signal(signal.SIGINT)

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_a_training_leaves_weights_that_can_be_used_by_their_path(short: SagaRecipe, tmp_path: Path) -> None:
    watching = Watching()
    weights = train(short, tmp_path / "out", watching)
    assert {path.name for path in weights.parent.iterdir()} == {
        "saga-b.safetensors",
        "saga-b.yaml",
        "checkpoint.pt",
        *(f"{stage}.csv" for stage in ("prompts", "backbone", "visual-first", "visual-second")),
    }
    with closing(open_encoder(weights)) as encoder:
        assert encoder.dim == 48 + 48 + 32
    assert watching.notes[-1] == (
        f"to evaluate it: reid-pipeline evaluate reid --data {short.data.root} --layout market1501 --model {weights}"
    )


@pytest.mark.parametrize("views", [2, 0])
def test_an_interrupted_training_ends_with_the_same_weights(short: SagaRecipe, tmp_path: Path, views: int) -> None:
    short = short.model_copy(update={"visual": short.visual.model_copy(update={"views": views})})
    straight = train(short, tmp_path / "straight", Quiet())
    watching = Watching(prompts=2, backbone=3, visual_first=1, visual_second=2)
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            train(short, tmp_path / "halting", watching)
    halting = train(short, tmp_path / "halting", watching)
    assert sum("run it again to go on" in note for note in watching.notes) == 4
    wanted, found = load_weights(straight).state_dict(), load_weights(halting).state_dict()
    assert [name for name in wanted if not torch.equal(wanted[name], found[name])] == []


def test_a_finished_training_is_not_done_again(short: SagaRecipe, tmp_path: Path) -> None:
    weights = train(short, tmp_path, Quiet())
    before = load_weights(weights).state_dict()
    weights.unlink()
    after = load_weights(train(short, tmp_path, Watching(backbone=1, visual_second=1))).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_checkpoint_of_another_recipe_is_refused(short: SagaRecipe, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(short, tmp_path, Watching(prompts=1))
    with pytest.raises(ConfigError, match="was written by another recipe or other data"):
        train(short.model_copy(update={"seed": 2}), tmp_path, Quiet())


def test_the_place_of_data_and_clip_does_not_make_another_recipe(short: SagaRecipe, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(short, tmp_path / "out", Watching(prompts=1))
    assert short.data.root is not None
    moved = {
        "data": short.data.model_copy(update={"root": shutil.copytree(short.data.root, tmp_path / "people")}),
        "clip": short.clip.model_copy(update={"weights": Path(shutil.copy(short.clip.weights, tmp_path))}),
    }
    with pytest.raises(KeyboardInterrupt):
        train(short.model_copy(update=moved), tmp_path / "out", Watching(backbone=1))


def test_a_loss_that_is_not_finite_ends_it(short: SagaRecipe, tmp_path: Path) -> None:
    wild = Prompts(batch=24, schedule=Schedule(epochs=5, learning_rate=1e30))
    with pytest.raises(TrainingError, match=r"prompts: loss not finite at step \d+; lower the learning rate"):
        train(short.model_copy(update={"prompts": wild}), tmp_path, Quiet())


def changed(recipe: SagaRecipe, section: str, **values: object) -> SagaRecipe:
    return recipe.model_copy(update={section: getattr(recipe, section).model_copy(update=values)})


def test_wrong_data_is_refused(short: SagaRecipe, tmp_path: Path) -> None:
    def refusal(recipe: SagaRecipe) -> str:
        with pytest.raises(ConfigError) as caught:
            train(recipe, tmp_path / "out", Quiet())
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert refusal(changed(short, "data", root=None)).endswith("give --data DIR")
    strict = refusal(changed(short, "data", strict=True))
    assert "train: expected 12,936 pictures of 751 people, found 144 pictures of 24 people" in strict
    assert strict.endswith("set data.strict to false to train on what is there")
    assert refusal(changed(short, "batch", persons=25)).startswith("batches of 25 persons: the training pictures show")
    assert short.data.root is not None
    untrained = tmp_path / "untrained"
    shutil.copytree(short.data.root, untrained, ignore=shutil.ignore_patterns("bounding_box_train"))
    assert "market1501 has no pictures to train on here" in refusal(changed(short, "data", root=untrained))


def test_a_broken_picture_is_named(short: SagaRecipe, tmp_path: Path) -> None:
    assert short.data.root is not None
    people = shutil.copytree(short.data.root, tmp_path / "people")
    broken = sorted((people / "bounding_box_train").iterdir())[5]
    broken.write_bytes(b"not a picture")
    with pytest.raises(RecordError, match=rf"{broken.name}: not a picture that can be decoded"):
        train(changed(short, "data", root=people), tmp_path / "out", Quiet())


def test_too_small_a_disk_is_one_line(tmp_path: Path) -> None:
    world = World(0, 1, torch.device("cpu"))
    with pytest.raises(RecordError, match=r"no room for .* GB of tokens: .*lower visual\.views \(0 keeps none\)"):
        TokenFile(tmp_path, (10**9, 4, 210, 768), world)
    assert not list(tmp_path.iterdir())
