from __future__ import annotations

from pathlib import Path

import pytest

from reid_engines.saga.config import MODELS
from reid_pipeline.errors import ConfigError
from reid_tools.datasets import LAYOUTS
from reid_tools.train.recipe import load_recipe, shipped_recipes
from reid_tools.train.saga.recipe import SagaRecipe

MINIMAL = "method: saga\ndata: {layout: market1501}\n"


def write(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text)
    return str(path)


def saga(given: str, data: Path | None = None) -> SagaRecipe:
    recipe = load_recipe(given, data=data).recipe
    assert isinstance(recipe, SagaRecipe)
    return recipe


def refusal(folder: Path, text: str) -> list[str]:
    given = write(folder, text)
    with pytest.raises(ConfigError) as caught:
        load_recipe(given)
    return [line.removeprefix(f"{given}:") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize("name", [name for name in shipped_recipes() if name.startswith("saga-b-")])
def test_shipped_recipes_are_saga_b_on_a_known_layout(name: str) -> None:
    recipe = saga(name)
    assert recipe.data.layout in LAYOUTS
    assert recipe.config.backbone == MODELS["saga-b"].backbone
    assert recipe.config.aggregation == MODELS["saga-b"].aggregation


def test_sets_differ_as_published() -> None:
    recipes = {name.removeprefix("saga-b-"): saga(name) for name in shipped_recipes() if name.startswith("saga-b-")}
    assert {name: recipe.visual.classifiers for name, recipe in recipes.items()} == {
        "market1501": 4,
        "occluded-market": 4,
        "msmt17": 4,
        "occluded-duke": 1,
        "dukemtmc": 1,
        "p-dukemtmc": 1,
    }
    fusion = recipes["occluded-market"].fusion
    assert (fusion.refined, fusion.cls, fusion.projection) == (10, 1, 0)
    assert recipes["occluded-duke"].fusion == MODELS["saga-b"].fusion


def test_the_recipe_that_spells_everything_out_says_the_defaults(tmp_path: Path) -> None:
    spelt_out, short = saga("saga-b-market1501"), saga(write(tmp_path, MINIMAL))
    assert spelt_out.model_copy(update={"clip": short.clip}) == short


def test_paths_are_relative_to_the_recipe(tmp_path: Path) -> None:
    text = "method: saga\ndata: {layout: flat, root: sets/mine}\nclip: {weights: clip.pt}\n"
    recipe = saga(write(tmp_path, text))
    assert recipe.data.root == tmp_path / "sets/mine"
    assert recipe.clip.weights == tmp_path / "clip.pt"


def test_data_on_the_command_line_takes_the_place_of_the_root(tmp_path: Path) -> None:
    assert saga("saga-b-market1501").data.root is None
    assert saga("saga-b-market1501", tmp_path).data.root == tmp_path
    assert saga(write(tmp_path, MINIMAL + "seed: 3\n"), tmp_path / "other").data.root == tmp_path / "other"


def test_empty_sections_are_their_defaults(tmp_path: Path) -> None:
    assert saga(write(tmp_path, MINIMAL + "visual:\n  # views: 0\n")).visual.views == 4


def test_unknown_keys_are_named_with_line_and_neighbour(tmp_path: Path) -> None:
    text = MINIMAL + "visual:\n  first: {epochs: 3, learnin_rate: 1e-3, learning_rate: 1e-3}\n  veiws: 2\nsed: 3\n"
    assert refusal(tmp_path, text) == [
        "4: visual.first.learnin_rate: unknown key; did you mean learning_rate?",
        "5: visual.veiws: unknown key; did you mean views?",
        "6: sed: unknown key; did you mean seed?",
    ]


def test_unknown_keys_of_the_model_are_named(tmp_path: Path) -> None:
    text = MINIMAL + "model:\n  backbone: {strid: 16}\n"
    assert refusal(tmp_path, text) == ["4: model.backbone.strid: unknown key; did you mean stride?"]


def test_a_required_key_with_a_typing_error_is_one_problem(tmp_path: Path) -> None:
    text = MINIMAL + "prompts:\n  schedule: {epoch: 3, learning_rate: 1e-3}\n"
    assert refusal(tmp_path, text) == ["4: prompts.schedule.epoch: unknown key; did you mean epochs?"]


def test_duplicate_keys_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, MINIMAL + "seed: 1\nseed: 2\n") == ["4: seed: given twice, first in line 3; keep one"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL + "seed: one\n", "3: seed: expected a whole number, got 'one'"),
        (MINIMAL + "augmentation: {erase: 1.5}\n", "3: augmentation.erase: expected at most 1, got 1.5"),
        ("method: saga\nseed: 2\n", "1: data: this key is required and missing; add it"),
        ("seed: 2\n", "1: method: this key is required and missing; add one of saga"),
        ("method: sage\n", "1: method sage: did you mean saga?"),
        ("- a\n", "1: expected a map that starts with the key method"),
        ("", "1: expected a map that starts with the key method"),
        ("method: [saga\n", "2: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        (MINIMAL + "model: {height: 8}\n", "3: model: 8x128 pixels are less than one patch; enlarge them"),
        (
            MINIMAL + "prompts: {words: 20}\n",
            "3: prompts: expected words <= slots, got 20 > 16",
        ),
        (
            MINIMAL + "model: {aggregation: {heads: 7}}\n",
            "3: model: aggregation.heads 7: does not divide the width 768",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    (line,) = refusal(tmp_path, text)
    assert line.startswith(message)


def test_recipes_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="recipe saga-b-market: unknown; did you mean saga-b-market1501"):
        load_recipe("saga-b-market")
    with pytest.raises(ConfigError, match=r"absent\.yaml: no such recipe file; give a file, or one of .*saga-b-msmt17"):
        load_recipe(str(tmp_path / "absent.yaml"))
