"""Carries out a recipe: teacher, pictures and phases together, and the weights that come of them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from reid_engines.saga.checkpoints import start_from_imagenet
from reid_engines.saga.config import MODELS
from reid_engines.saga.mobilenet import MobileNet
from reid_engines.saga.model import Saga
from reid_engines.saga.weights import save_weights
from reid_pipeline.runtime.report import Progress
from reid_tools.train.distillation.batches import Batches, Mix
from reid_tools.train.distillation.pictures import Pool, labelled, unlabelled
from reid_tools.train.distillation.recipe import DistillationRecipe, PhaseRecipe
from reid_tools.train.distillation.stage import Distillation, Learned, Schedule
from reid_tools.train.distillation.student import model_of
from reid_tools.train.distillation.teacher import Teacher
from reid_tools.train.loop import Run, run_stages

STRIDE = 16  # pixels of the picture to one token


def distil(recipe: DistillationRecipe, folder: Path, progress: Progress) -> Path:
    """Train the recipe's model in the folder, or go on training it there; gives the weights file.

    Raises `ConfigError` for data that is not what the recipe says, and what `run_stages` raises.
    """
    progress.note("reading pictures")
    unknown = unlabelled([(source.folder, source.weight) for source in recipe.pictures])
    progress.note(f"{len(unknown.pictures)} pictures of unknown people")
    teacher = Teacher(recipe.teacher)
    try:
        learned = _start(recipe)
        known = cache(partial(labelled, recipe.identities))
        phases = [
            _stage(phase, recipe, learned, partial(_batches, phase, recipe, unknown, known), teacher)
            for phase in recipe.phases
        ]
        run = Run(folder, _hash(recipe, unknown, teacher.sha256), progress, "batch.pictures and batch.persons")
        run_stages(phases, run)
    finally:
        teacher.close()
    model = model_of(MODELS[recipe.model], learned.model)
    weights = folder / f"{recipe.model}.safetensors"
    save_weights(model, weights)
    return weights


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


def _hash(recipe: DistillationRecipe, unknown: Pool, teacher: str) -> str:
    """Of everything that the result follows from; paths aside, which may be called otherwise elsewhere."""
    plain = recipe.model_dump_json(exclude={"start": True, "teacher": True, "pictures": True, "identities": True})
    sizes = (unknown.pictures.shape, float(unknown.chances[0]), teacher)
    return hashlib.sha256(f"{plain} {sizes}".encode()).hexdigest()
