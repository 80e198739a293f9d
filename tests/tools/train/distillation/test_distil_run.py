"""Whole distillations: weights that come of them, interruptions, and what is refused."""

from __future__ import annotations

import csv
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from drawn_people import colour_network, drawn_people, write_people
from reid_engines.errors import ModelFileError, SpecError
from reid_engines.saga.config import MODELS, MobileNetConfig
from reid_engines.saga.embedder import Embedder
from reid_engines.saga.mobilenet import MobileNet
from reid_engines.saga.weights import load_weights
from reid_pipeline.errors import ConfigError, RecordError
from reid_pipeline.runtime.report import Quiet
from reid_pipeline.types import Image
from reid_tools.train.distillation import run
from reid_tools.train.distillation.recipe import DistillationRecipe, Folder, MixRecipe, PhaseRecipe
from reid_tools.train.distillation.run import distil
from reid_tools.train.distillation.teacher import Teacher
from reid_tools.train.loop import TrainingError

SMALL = PhaseRecipe(
    name="small",
    height=64,
    width=32,
    steps=3,
    learning_rate=1e-3,
    warm_up=1,
    batch=MixRecipe(pictures=8, persons=0),
)
LARGER = PhaseRecipe(
    name="larger",
    height=128,
    width=64,
    steps=3,
    learning_rate=1e-3,
    warm_up=0,
    batch=MixRecipe(pictures=4, persons=2, views=2),
)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> DistillationRecipe:
    """Two short phases over drawn people; the backbone starts from random weights in torchvision's names."""
    root = tmp_path_factory.mktemp("given")
    torch.manual_seed(0)
    backbone = MobileNet(MobileNetConfig(), 64, 32)
    start = {name: value for name, value in backbone.state_dict().items() if name.startswith("features.")}
    torch.save({**start, "classifier.1.weight": torch.zeros(1000, 1280)}, root / "imagenet.pth")
    return DistillationRecipe(
        method="distillation",
        start=root / "imagenet.pth",
        teacher=colour_network(root / "colours.onnx"),
        pictures=(
            Folder(folder=write_people(root / "many", 6)),
            Folder(folder=write_people(root / "few", 2, first=20), weight=0.5),
        ),
        identities=write_people(root / "known", 3, 2, first=50),
        phases=(SMALL, LARGER),
    )


class Watching(Quiet):
    """Keeps the notes, and interrupts each task once when it has come to a step."""

    def __init__(self, **interrupt_at: int) -> None:
        self.notes: list[str] = []
        self._at = dict(interrupt_at)

    def advance(self, task: str, done: int) -> None:
        if self._at.get(task) == done:
            del self._at[task]
            signal.raise_signal(signal.SIGINT)

    def note(self, text: str) -> None:
        self.notes.append(text)


def trained(recipe: DistillationRecipe, folder: Path, shown: Quiet | None = None) -> Path:
    return distil(recipe, folder, shown or Quiet())


def changed(recipe: DistillationRecipe, **values: object) -> DistillationRecipe:
    return recipe.model_copy(update=values)


@pytest.fixture(scope="module")
def straight(recipe: DistillationRecipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a training that nothing disturbed."""
    return trained(recipe, tmp_path_factory.mktemp("straight"))


@pytest.fixture
def halted(recipe: DistillationRecipe, tmp_path: Path) -> Path:
    """The folder of a training that was stopped after its first step."""
    with pytest.raises(KeyboardInterrupt):
        trained(recipe, tmp_path / "halted", Watching(small=1))
    return tmp_path / "halted"


def differing(first: Path, second: Path) -> list[str]:
    """Names of the weights that are not the same bit for bit."""
    found, wanted = load_weights(first).state_dict(), load_weights(second).state_dict()
    assert found.keys() == wanted.keys()
    return [name for name, value in wanted.items() if not torch.equal(found[name], value)]


def columns(path: Path) -> list[str]:
    with path.open(newline="") as file:
        return next(csv.reader(file))


def test_the_weights_are_of_the_full_model_whatever_sizes_it_was_trained_at(
    recipe: DistillationRecipe, straight: Path
) -> None:
    assert straight.name == "saga-s.safetensors"
    assert {path.name for path in straight.parent.iterdir()} == {
        "saga-s.safetensors",
        "checkpoint.pt",
        "small.csv",
        "larger.csv",
    }
    model = load_weights(straight)
    assert model.config == MODELS["saga-s"]
    given = torch.load(recipe.start, weights_only=True)
    state = model.state_dict()
    assert torch.equal(state["backbone.features.0.0.weight"], given["features.0.0.weight"])
    assert not torch.equal(state["backbone.features.18.0.weight"], given["features.18.0.weight"])
    with torch.inference_mode():
        vectors = Embedder(model)(torch.from_numpy(drawn_people(2)[0])).numpy()
    assert vectors.shape == (2, 512)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("stops", [{"small": 2}, {"larger": 1}, {"small": 1, "larger": 2}])
def test_an_interrupted_training_ends_with_the_same_weights(
    recipe: DistillationRecipe, straight: Path, tmp_path: Path, stops: dict[str, int]
) -> None:
    watching = Watching(**stops)
    for _ in stops:
        with pytest.raises(KeyboardInterrupt):
            trained(recipe, tmp_path / "halting", watching)
        assert not (tmp_path / "halting" / straight.name).exists()
    halting = trained(recipe, tmp_path / "halting", watching)
    assert sum("run it again to go on" in note for note in watching.notes) == len(stops)
    assert differing(halting, straight) == []


KNOWN = MixRecipe(pictures=4, persons=2, views=2)
NOBODY_KNOWN = MixRecipe(pictures=4, persons=0)


@pytest.mark.parametrize("mixes", [(KNOWN, NOBODY_KNOWN, KNOWN), (NOBODY_KNOWN, NOBODY_KNOWN, KNOWN)])
def test_heads_are_those_of_a_straight_training_after_a_stop_in_a_phase_without_known_people(
    recipe: DistillationRecipe, tmp_path: Path, mixes: tuple[MixRecipe, ...]
) -> None:
    """Whether they come from a phase before it, or are drawn after it."""
    phases = tuple(
        SMALL.model_copy(update={"name": name, "steps": 2, "batch": mix})
        for name, mix in zip(("one", "two", "three"), mixes, strict=True)
    )
    long = changed(recipe, phases=phases)
    wanted = trained(long, tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        trained(long, tmp_path / "halting", Watching(two=1))
    halting = trained(long, tmp_path / "halting")
    assert differing(halting, wanted) == []


def test_a_finished_training_gives_its_weights_again(
    recipe: DistillationRecipe, straight: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "finished"
    shutil.copytree(straight.parent, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    assert differing(trained(recipe, folder, Watching(small=1, larger=1)), straight) == []


def test_logs_tell_every_loss(recipe: DistillationRecipe, tmp_path: Path) -> None:
    long = changed(recipe, phases=(SMALL.model_copy(update={"steps": 20}),))
    trained(long, tmp_path)
    assert columns(tmp_path / "small.csv") == [
        *("step", "loss", "refined", "cls", "likeness", "covered", "anchors", "s_per_step")
    ]


def test_another_recipe_does_not_go_on_from_the_checkpoint(
    recipe: DistillationRecipe, halted: Path, tmp_path: Path
) -> None:
    fewer = recipe.pictures[:1]
    lighter = (recipe.pictures[0], recipe.pictures[1].model_copy(update={"weight": 0.25}))
    teacher = colour_network(tmp_path / "other.onnx", seed=6)
    slower = (SMALL.model_copy(update={"learning_rate": 1e-4}), LARGER)
    start = torch.load(recipe.start, weights_only=True)
    torch.save({name: value * 2 for name, value in start.items()}, tmp_path / "other.pth")
    more_known = write_people(tmp_path / "more_known", 4, 2, first=50)
    repainted = shutil.copytree(recipe.pictures[0].folder, tmp_path / "repainted")
    shutil.copy(min(recipe.identities.iterdir()), max(repainted.iterdir()))
    for difference in (
        {"seed": 2},
        {"phases": slower},
        {"pictures": fewer},
        {"pictures": lighter},
        {"pictures": (Folder(folder=repainted), recipe.pictures[1])},
        {"identities": more_known},
        {"start": tmp_path / "other.pth"},
        {"teacher": teacher},
    ):
        with pytest.raises(ConfigError, match="was written by another recipe or other data"):
            trained(changed(recipe, **difference), halted)


def test_the_places_of_files_do_not_make_another_recipe(
    recipe: DistillationRecipe, straight: Path, halted: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(recipe.start.parent, tmp_path / "moved")
    elsewhere = changed(
        recipe,
        start=moved / recipe.start.name,
        teacher=moved / recipe.teacher.name,
        pictures=tuple(source.model_copy(update={"folder": moved / source.folder.name}) for source in recipe.pictures),
        identities=moved / recipe.identities.name,
    )
    assert differing(trained(elsewhere, halted), straight) == []


def test_known_people_are_read_only_when_a_phase_wants_them(recipe: DistillationRecipe, tmp_path: Path) -> None:
    strangers_alone = changed(recipe, identities=tmp_path / "absent", phases=(SMALL,))
    assert trained(strangers_alone, tmp_path / "out").exists()
    with pytest.raises(ConfigError, match="absent: expected a folder of pictures, found no folder"):
        trained(changed(recipe, identities=tmp_path / "absent"), tmp_path / "other")


def test_a_loss_that_is_not_finite_ends_it(recipe: DistillationRecipe, tmp_path: Path) -> None:
    wild = changed(recipe, phases=(SMALL.model_copy(update={"learning_rate": 1e30, "warm_up": 0}),))
    with pytest.raises(TrainingError, match=r"small: loss.* not finite at step \d; lower the learning rate"):
        trained(wild, tmp_path)
    assert not (tmp_path / "saga-s.safetensors").exists()


def test_what_it_starts_from_must_be_what_the_recipe_says(recipe: DistillationRecipe, tmp_path: Path) -> None:
    torch.save({"features.0.0.weight": torch.zeros(32, 3, 3, 3)}, tmp_path / "half.pth")
    empty = tmp_path / "empty"
    empty.mkdir()
    unknown = Path(shutil.copy(recipe.teacher, tmp_path / "unknown.onnx"))
    refusals = (
        ({"start": tmp_path / "absent.pth"}, ModelFileError, r"absent\.pth: cannot be read"),
        ({"start": tmp_path / "half.pth"}, ModelFileError, r"half\.pth: does not fit the model: 311 missing: "),
        ({"teacher": tmp_path / "absent.xml"}, ModelFileError, r"absent\.xml: no such model file"),
        ({"pictures": (Folder(folder=empty),)}, ConfigError, "empty: expected pictures of people"),
        (
            {"phases": (SMALL, LARGER.model_copy(update={"batch": MixRecipe(persons=4)}))},
            ConfigError,
            r"phases\[1\]\.batch\.persons: expected at most 3, as many people as there are in .*known, got 4; lower it",
        ),
        ({"teacher": unknown}, SpecError, r"unknown\.onnx: nothing is known of this encoder; write "),
        (
            {"teacher": colour_network(tmp_path / "short.onnx", dim=128)},
            ConfigError,
            r"short\.onnx: expected a teacher whose vectors have 256 numbers, .* got 128; take another one",
        ),
    )
    for values, error, message in refusals:
        with pytest.raises(error, match=message) as caught:
            trained(changed(recipe, **values), tmp_path / "out")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()


def test_the_folder_is_made_on_the_way(recipe: DistillationRecipe, tmp_path: Path) -> None:
    short = changed(recipe, phases=(SMALL.model_copy(update={"steps": 1}),))
    assert trained(short, tmp_path / "new" / "out").exists()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecordError, match="out: cannot be written: Not a directory; a part of the path is a file"):
        trained(short, tmp_path / "file" / "out")


def test_the_teacher_is_closed_when_it_is_asked_nothing_more(
    recipe: DistillationRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is always being made while the student learns, also when it is told to stop."""
    asked, answered, closed = [], [], []

    class Slow(Teacher):
        def __call__(self, pictures: Image) -> NDArray[np.float32]:
            asked.append(len(pictures))
            time.sleep(0.5)
            vectors = super().__call__(pictures)
            answered.append(len(vectors))
            return vectors

        def close(self) -> None:
            closed.append(len(answered))
            super().close()

    monkeypatch.setattr(run, "Teacher", Slow)
    with pytest.raises(KeyboardInterrupt):
        trained(recipe, tmp_path, Watching(small=1))
    assert asked == answered
    assert closed == [len(asked)]
