"""Carries out a recipe of `method: saga`, and writes the weights that come of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from shlex import quote

from reid_engines.saga.model import Saga
from reid_engines.saga.weights import save_weights
from reid_pipeline.errors import ConfigError
from reid_pipeline.records.files import write_text, writing
from reid_pipeline.runtime.report import Progress, Quiet
from reid_tools.train.loop import Run, Stage, run_stages
from reid_tools.train.pictures import TrainingPictures, training_pictures
from reid_tools.train.saga.backbone import BackboneStage
from reid_tools.train.saga.prompts import PromptStage
from reid_tools.train.saga.recipe import SagaRecipe
from reid_tools.train.saga.visual import VisualModule, VisualStage
from reid_tools.train.saga.work import Work, start
from reid_tools.train.world import World, open_world

NAME = "saga-b"
# Cosine from which two looks are one person; a starting value, as in the spec of the model's family.
_MATCH = 0.6


def train(recipe: SagaRecipe, folder: Path, progress: Progress) -> Path:
    """Train the recipe's model in the folder, or go on training it there; gives the weights file.

    Under `torchrun` all processes train together, and the first of them writes.

    Raises `ConfigError` for data that is not what the recipe says, and what `start` and `run_stages` raise.
    """
    with open_world() as world:
        said = progress if world.writer else Quiet()
        root = recipe.data.root
        if root is None:
            raise ConfigError("data.root: expected the folder of the data set, got none; give --data DIR")
        pictures = training_pictures(root, recipe.data.layout, strict=recipe.data.strict, note=said.note)
        said.note(f"{len(pictures)} pictures of {pictures.persons} people, on {_described(world)}")
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        work = start(recipe, pictures, world, folder=folder, progress=said)
        run = Run(
            folder,
            _hash(recipe, pictures),
            said,
            memory_hint="batch.persons (of the prompts: prompts.batch), or the model's height and width",
            world=world,
        )
        run_stages(_stages(work), run)
        weights = folder / f"{NAME}.safetensors"
        if world.writer:
            _write(work.model.eval(), weights, recipe, pictures)
            command = f"--data {quote(str(root))} --layout {recipe.data.layout} --model {quote(str(weights))}"
            said.note(f"to evaluate it: reid-pipeline evaluate reid {command}")
        return weights


def _stages(work: Work) -> list[Stage]:
    module = VisualModule(work)
    return [PromptStage(work), BackboneStage(work), VisualStage(module, "first"), VisualStage(module, "second")]


def _described(world: World) -> str:
    return f"{world.size} x {world.device.type}" if world.size > 1 else str(world.device)


def _hash(recipe: SagaRecipe, pictures: TrainingPictures) -> str:
    """Of all that decides about the result; neither the data's nor CLIP's folder does."""
    anywhere = recipe.model_copy(
        update={
            "data": recipe.data.model_copy(update={"root": None}),
            "clip": recipe.clip.model_copy(update={"weights": Path(recipe.clip.weights.name)}),
        }
    )
    digest = hashlib.sha256(anywhere.model_dump_json().encode())
    for path, label in zip(pictures.paths, pictures.labels, strict=True):
        digest.update(f"{path.relative_to(pictures.folder)} {label}\n".encode())
    return digest.hexdigest()


def _write(model: Saga, weights: Path, recipe: SagaRecipe, pictures: TrainingPictures) -> None:
    """The weights after the last step, and the spec that lets them be used by their path."""
    save_weights(model, weights)
    config = model.config
    write_text(
        weights.with_suffix(".yaml"),
        f"kind: encoder\n"
        f"licence: that of CLIP's weights (MIT) and of {recipe.data.layout}\n"
        f"description: SAGA trained on {len(pictures)} pictures of {pictures.persons} people of {recipe.data.layout}, "
        f"seed {recipe.seed}; match is a starting value\n"
        f"input: {{width: {config.width}, height: {config.height}, color: rgb, layout: nhwc}}\n"
        f"encoder: {{match: {_MATCH}}}\n",
    )
