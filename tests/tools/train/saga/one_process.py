"""One of several processes that train together: RECIPE CLIP_FOLDER OUTPUT; the writer leaves its gradients there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import open_clip
import torch
from torch import Tensor

from reid_pipeline.runtime.report import Quiet
from reid_tools.train.pictures import training_pictures
from reid_tools.train.saga.backbone import BackboneStage
from reid_tools.train.saga.recipe import SagaRecipe
from reid_tools.train.saga.run import train
from reid_tools.train.saga.visual import VisualModule, VisualStage
from reid_tools.train.saga.work import start
from reid_tools.train.world import World, open_world


def gradients(recipe: SagaRecipe, folder: Path, world: World) -> dict[str, Tensor]:
    """Of the first batches of the backbone and of the visual module, from the first weights."""
    assert recipe.data.root is not None
    pictures = training_pictures(recipe.data.root, recipe.data.layout, strict=False, note=lambda line: None)
    work = start(recipe, pictures, world, folder=folder, progress=Quiet())
    backbone, visual = BackboneStage(work), VisualStage(module := VisualModule(work), "first")
    visual.prepare()
    module.parallel(visual._tokens(0).float(), work.labels(visual._plan.batch(0)))["loss"].backward()
    backbone.prepare()
    backbone._parallel(backbone._batch(0), work.labels(backbone._plan.batch(0)))["loss"].backward()
    parts = {"backbone": backbone._losses, "visual": module.losses}
    return {
        f"{part} {name}": parameter.grad
        for part, losses in parts.items()
        for name, parameter in losses.named_parameters()
        if parameter.grad is not None
    }


def main(recipe: SagaRecipe, folder: Path) -> None:
    with open_world() as world:
        found = gradients(recipe, folder, world)
        if world.writer:
            torch.save(found, folder / "gradients.pt")
    # A second meeting at the first one's place could begin before that one has ended everywhere.
    os.environ["MASTER_PORT"] = os.environ["SECOND_PORT"]
    train(recipe, folder / "trained", Quiet())


if __name__ == "__main__":
    open_clip.add_model_config(Path(sys.argv[2]))
    main(SagaRecipe.model_validate_json(sys.argv[1]), Path(sys.argv[3]))
