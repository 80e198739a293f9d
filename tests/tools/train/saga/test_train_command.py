"""`reid-pipeline train` from a recipe's file to weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reid_pipeline.cli import main
from reid_tools.train.saga.recipe import SagaRecipe


def test_a_recipe_becomes_weights(recipe: SagaRecipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = {"epochs": 1, "learning_rate": 1e-3}
    values = recipe.model_dump(mode="json", exclude={"data": {"root"}})
    values["prompts"] |= {"batch": 48, "schedule": one}
    values["backbone"] |= {"schedule": one}
    values["visual"] |= {"views": 1, "first": one, "second": one}
    file = tmp_path / "tiny.yaml"
    file.write_text(json.dumps(values))
    arguments = ["train", str(file), "--data", str(recipe.data.root), "--output", str(tmp_path / "out"), "--json"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"recipe": "tiny", "weights": str(tmp_path / "out" / "saga-b.safetensors")}
    assert "144 pictures of 24 people, on cpu" in err
    assert f"reid-pipeline evaluate reid --data {recipe.data.root} --layout market1501 --model {tmp_path}" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["saga-b-market1501"], "error: data.root: expected the folder of the data set, got none; give --data DIR\n"),
        (["saga-b-market"], "error: recipe saga-b-market: unknown; did you mean saga-b-market1501?\n"),
        (
            ["saga-b-market1501", "--data", "absent"],
            "/absent: expected the folder of a market1501 data set, found no folder\n",
        ),
    ],
)
def test_what_is_wrong_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(message)
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())
