"""Recipes of `method: distillation`: the one that ships, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from reid_engines.saga.config import MODELS
from reid_pipeline.errors import ConfigError
from reid_tools.train.distillation.recipe import STRIDE, DistillationRecipe, MixRecipe
from reid_tools.train.distillation.run import distil
from reid_tools.train.recipe import load_recipe

MINIMAL = """method: distillation
start: imagenet.pth
teacher: strong.xml
pictures: [{folder: crops}]
identities: ../known
phases: [{name: only, height: 64, width: 32, steps: 5, learning_rate: 0.001}]
"""


def loaded(folder: Path, text: str) -> DistillationRecipe:
    path = folder / "mine.yaml"
    path.write_text(text)
    recipe = load_recipe(str(path)).recipe
    assert isinstance(recipe, DistillationRecipe)
    return recipe


def test_the_shipped_recipe_takes_everything_from_one_folder(tmp_path: Path) -> None:
    shipped = load_recipe("saga-s", environment={"REID_DATA": str(tmp_path)})
    assert shipped.name == "saga-s"
    assert shipped.method.load() is distil
    recipe = shipped.recipe
    assert isinstance(recipe, DistillationRecipe)
    places = [recipe.start, recipe.teacher, recipe.identities, *(source.folder for source in recipe.pictures)]
    assert all(place.is_relative_to(tmp_path) for place in places)
    assert {source.folder.name: source.weight for source in recipe.pictures} == {
        "openimages-people": 1.0,
        "hd-crosswalk": 1.0,
        "hardhat-iaesp": 1.0,
        "css-raw": 1.0,
        "football-rf": 1.0,
        "deepsort-person1": 0.4,
    }


def test_the_shipped_recipe_grows_to_the_size_of_the_model() -> None:
    recipe = load_recipe("saga-s", environment={"REID_DATA": "/data"}).recipe
    assert isinstance(recipe, DistillationRecipe)
    sizes = [(phase.height, phase.width) for phase in recipe.phases]
    assert sizes == sorted(sizes)
    assert all(height == 2 * width and width % STRIDE == 0 for height, width in sizes)
    model = MODELS[recipe.model]
    assert sizes[-1] == (model.height, model.width)
    assert recipe.phases[-1].end == 0
    assert [phase.batch.persons for phase in recipe.phases] == [0, 8, 8, 4]


def test_without_its_variable_the_shipped_recipe_says_which_one_to_set() -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe("saga-s", environment={})
    lines = str(caught.value).splitlines()
    assert len(lines) == 9
    assert all("REID_DATA" in line for line in lines)


def test_what_is_left_out_has_defaults_and_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    recipe = loaded(tmp_path, MINIMAL)
    assert (recipe.start, recipe.teacher) == (tmp_path / "imagenet.pth", tmp_path / "strong.xml")
    assert (recipe.pictures[0].folder, recipe.identities) == (tmp_path / "crops", tmp_path / "../known")
    (phase,) = recipe.phases
    assert (phase.end, phase.warm_up, phase.weight_decay, phase.average) == (0.0, 100, 0.02, 0.999)
    assert phase.batch == MixRecipe()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("steps: 5", "steps: 0", "6: phases[0].steps: expected "),
        ("steps: 5", "stpes: 5", "6: phases[0].stpes: unknown key; did you mean steps?"),
        ("rate: 0.001", "rate: 0.001, average: 1.5", "6: phases[0].average: expected at most 1, got 1.5"),
        ("rate: 0.001", "rate: 0.001, batch: {pictures: 0}", "6: phases[0].batch.pictures: expected "),
        (
            "rate: 0.001",
            "rate: 0.001, batch: {persons: 1, views: 1}",
            "6: phases[0].batch: expected several pictures of known persons or none, got persons 1 x views 1",
        ),
        (
            "rate: 0.001",
            "rate: 0.001, batch: {pictures: 1, persons: 0}",
            "6: phases[0].batch: expected 2 pictures at least, got 1; raise pictures, or persons",
        ),
        (
            "width: 32",
            "width: 48",
            "6: phases[0]: expected a height of twice the width, and a width that 16 divides, got 64 x 48",
        ),
        ("height: 64, width: 32", "height: 80, width: 40", "6: phases[0]: expected a height of twice the width, and a"),
        (
            "name: only",
            "name: ../only",
            "6: phases[0].name: expected a name of letters, digits, - and _, got '../only'",
        ),
        ("start: imagenet.pth", "seed: -1\nstart: imagenet.pth", "2: seed: expected at least 0, got -1"),
        ("[{folder: crops}]", "[{folder: crops}, 3]", "4: pictures[1]: expected a map, got 3"),
        ("phases: [{", "phases: [small, {", "6: phases[0]: expected a map, got 'small'"),
        ("phases: [{", "phases: [] #", "6: phases: expected one at least, got an empty list"),
        ("{folder: crops}", "{folder: crops, weight: 0}", "4: pictures[0].weight: expected "),
        ("[{folder: crops}]", "[]", "4: pictures: expected "),
        ("identities: ../known\n", "", "1: identities: this key is required and missing; add it"),
        ("start: imagenet.pth", "model: saga-b\nstart: imagenet.pth", "2: model: expected "),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in MINIMAL
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, MINIMAL.replace(old, new))
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{tmp_path / 'mine.yaml'}:{message}")


def test_phases_of_one_name_are_refused_with_the_line_of_the_later_one(tmp_path: Path) -> None:
    """They would write the same log, and a checkpoint could be of either."""
    phase = "\n- {name: NAME, height: 64, width: 32, steps: 5, learning_rate: 0.001}"
    phases = "".join(phase.replace("NAME", name) for name in ("small", "large", "small"))
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, MINIMAL.partition("phases:")[0] + f"phases:{phases}\n")
    assert str(caught.value) == (
        f"{tmp_path / 'mine.yaml'}:9: phases[2].name: small: another phase is called so; rename one"
    )


def test_data_on_the_command_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINIMAL)
    with pytest.raises(ConfigError, match=r"--data: .* names its data by itself"):
        load_recipe(str(path), data=tmp_path)
