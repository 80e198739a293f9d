"""Each stage learns what it is for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from reid_engines.saga.model import Saga
from reid_tools.train.loop import Stage
from reid_tools.train.saga.backbone import BackboneStage
from reid_tools.train.saga.prompts import PromptStage
from reid_tools.train.saga.recipe import SagaRecipe
from reid_tools.train.saga.visual import VisualModule, VisualStage
from reid_tools.train.saga.work import Work

Begin = Callable[[SagaRecipe], Work]
Rank1 = Callable[[Saga, str], float]


def run(stage: Stage) -> list[float]:
    """All steps of a stage; gives the losses."""
    stage.prepare()
    return [stage.step(index)["loss"] for index in range(stage.steps)]


def told_apart(work: Work) -> float:
    """How often the text nearest to a training picture is that of its person."""
    everything = np.arange(len(work.pictures))
    with torch.inference_mode():
        features = work.model.eval().backbone(work.plain(everything)).projection
    likeness = features @ work.prompts.all_texts().T
    return float((likeness.argmax(dim=1).numpy() == work.pictures.labels).mean())


def test_prompts_learn_to_name_their_person(recipe: SagaRecipe, begin: Begin) -> None:
    work = begin(recipe)
    before = told_apart(work)
    losses = run(PromptStage(work))
    assert told_apart(work) > before + 0.15
    assert losses[-1] < losses[0]


def test_the_backbone_learns_to_tell_unseen_people_apart(recipe: SagaRecipe, begin: Begin, rank1: Rank1) -> None:
    work = begin(recipe)
    before = rank1(work.model, "cls")
    losses = run(BackboneStage(work))
    assert rank1(work.model, "cls") > before + 0.3
    assert losses[-1] < losses[0] / 2


def test_the_visual_module_learns_on_a_backbone_that_stays(recipe: SagaRecipe, begin: Begin, rank1: Rank1) -> None:
    work = begin(recipe)
    before = rank1(work.model, "refined"), rank1(work.model, "cls")
    module = VisualModule(work)
    losses = run(VisualStage(module, "first")) + run(VisualStage(module, "second"))
    assert rank1(work.model, "refined") > before[0] + 0.2
    assert rank1(work.model, "cls") == before[1]
    assert losses[-1] < losses[0] / 2
