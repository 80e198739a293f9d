"""Carries out a recipe: teacher, pictures and phases together, and the weights that come of them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reid_engines.saga.checkpoints import start_from_imagenet
from reid_engines.saga.config import MODELS
from reid_engines.saga.mobilenet import MobileNet
from reid_engines.saga.model import Saga
from reid_engines.saga.weights import save_weights
from reid_engines.store import sha256_of
from reid_pipeline.errors import ConfigError
from reid_pipeline.records.files import writing
from reid_pipeline.runtime.report import Progress
from reid_tools.datasets import load_dataset
from reid_tools.train.distillation.batches import Batches, Mix
from reid_tools.train.distillation.pictures import Pool, inventory, labelled, picture_files, unlabelled
from reid_tools.train.distillation.recipe import STRIDE, DistillationRecipe, PhaseRecipe
from reid_tools.train.distillation.stage import Distillation, Learned, Schedule
from reid_tools.train.distillation.student import model_of
from reid_tools.train.distillation.teacher import Teacher
from reid_tools.train.loop import Run, run_stages


def distil(recipe: DistillationRecipe, folder: Path, progress: Progress) -> Path:
    """Train the recipe's model in the folder, or go on training it there; gives the weights file.

    Raises `ConfigError` for data that is not what the recipe says, and what `Teacher` and `run_stages` raise.
    """
    with closing(Teacher(recipe.teacher)) as teacher, ExitStack() as ending:
        known_files = _known_files(recipe)
        _check_length(recipe, teacher)
        progress.note("reading pictures")
        unknown = unlabelled([(source.folder, source.weight) for source in recipe.pictures])
        progress.note(f"{len(unknown.pictures)} pictures of unknown people")
        learned = _start(recipe)
        known = cache(partial(labelled, recipe.identities))
        stages = [
            _stage(phase, recipe, learned, partial(_batches, phase, recipe, unknown, known), teacher)
            for phase in recipe.phases
        ]
        for stage in stages:
            ending.enter_context(closing(stage))
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        hint = "batch.pictures and batch.persons, or give fewer pictures"
        run_stages(stages, Run(folder, _hash(recipe, teacher.sha256, known_files), progress, hint))
    model = model_of(MODELS[recipe.model], learned.model)
    weights = folder / f"{recipe.model}.safetensors"
    save_weights(model, weights)
    return weights


def _known_files(recipe: DistillationRecipe) -> str:
    """The inventory of the known people; empty when no phase wants them.

    Raises `ConfigError` when a phase wants more people than there are: now, and not hours later when it begins.
    """
    wanted = [phase.batch.persons for phase in recipe.phases]
    if not any(wanted):
        return ""
    known = load_dataset(recipe.identities, "flat")
    persons = len({picture.person for picture in known.query})
    for number, count in enumerate(wanted):
        if count > persons:
            raise ConfigError(
                f"phases[{number}].batch.persons: expected at most {persons}, as many people as there are in "
                f"{known.folder}, got {count}; lower it or add people"
            )
    return inventory((picture.path for picture in known.query), known.folder)


def _check_length(recipe: DistillationRecipe, teacher: Teacher) -> None:
    length = MODELS[recipe.model].backbone.width
    if teacher.dim != length:
        raise ConfigError(
            f"{recipe.teacher}: expected a teacher whose vectors have {length} numbers, as the features of "
            f"{recipe.model} do, got {teacher.dim}; take another one"
        )


def _start(recipe: DistillationRecipe) -> Learned:
    torch.manual_seed(recipe.seed)
    model = Saga(MODELS[recipe.model])
    assert isinstance(model.backbone, MobileNet)
    start_from_imagenet(model.backbone, recipe.start)
    return Learned(model.state_dict(), {})


def _batches(phase: PhaseRecipe, recipe: DistillationRecipe, unknown: Pool, known: Callable[[], Pool]) -> Batches:
    mix = Mix(**phase.batch.model_dump())
    # Each phase sees batches of its own.
    seed = int(np.random.SeedSequence([recipe.seed, *phase.name.encode()]).generate_state(1)[0])
    people = known() if mix.persons else None
    return Batches(unknown, people, mix, seed=seed, size=(phase.height, phase.width), stride=STRIDE)


def _stage(
    phase: PhaseRecipe, recipe: DistillationRecipe, learned: Learned, batches: Callable[[], Batches], teacher: Teacher
) -> Distillation:
    config = dataclasses.replace(MODELS[recipe.model], height=phase.height, width=phase.width)
    schedule = Schedule(
        steps=phase.steps,
        rate=phase.learning_rate,
        end=phase.end,
        warm_up=phase.warm_up,
        decay=phase.weight_decay,
        average=phase.average,
    )
    return Distillation(phase.name, config, batches=batches, teach=teacher, learned=learned, schedule=schedule)


def _hash(recipe: DistillationRecipe, teacher: str, known_files: str) -> str:
    """Of everything that the result follows from; paths aside, which may be called otherwise elsewhere."""
    paths: Any = {"start": True, "teacher": True, "identities": True, "pictures": {"__all__": {"folder"}}}
    parts = [recipe.model_dump_json(exclude=paths), teacher, sha256_of(recipe.start), known_files]
    parts += [inventory(picture_files(source.folder), source.folder) for source in recipe.pictures]
    return hashlib.sha256("\n\n".join(parts).encode()).hexdigest()
