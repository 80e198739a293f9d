"""Stage 3: anchors and aggregation learn on tokens of a backbone that stays as it is, in two phases.

Both phases train everything; with a single classifier, it and its batch norm start afresh in the second one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from reid_engines.saga.checkpoints import start_aggregation
from reid_tools.train.descent import Descent
from reid_tools.train.losses import batch_hard_triplet, classifier_diversity, diversity, smoothed_cross_entropy
from reid_tools.train.pictures import Ahead
from reid_tools.train.saga.heads import Heads
from reid_tools.train.saga.tokens import TokenFile
from reid_tools.train.saga.work import Indices, Work
from reid_tools.train.seeding import generator, seed_torch

_CHUNK = 64


class _Losses(nn.Module):
    """The visual module with what it is judged by, all in float32."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        model = work.model
        assert model.anchors is not None
        assert model.aggregation is not None
        self.anchors, self.aggregation = model.anchors, model.aggregation
        width = model.config.backbone.width
        self.heads = Heads(width, work.pictures.persons, work.recipe.visual.classifiers)
        self._work = work

    def forward(self, tokens: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """This process's tokens (b, N, D), everybody's labels (B,) -> the loss and its parts."""
        settings = self._work.recipe.visual
        anchors = self.anchors()
        refined = self._work.world.gather(self.aggregation(tokens, anchors).refined)
        all_logits = self.heads(refined)
        identity = sum(smoothed_cross_entropy(logits, labels) for logits in all_logits) / len(all_logits)
        triplet = batch_hard_triplet(refined, labels)
        alike = diversity(anchors)
        heads_alike = classifier_diversity([classifier.weight for classifier in self.heads.classifiers])
        loss = (
            settings.identity * identity
            + settings.triplet * triplet
            + settings.anchor_diversity * alike
            + settings.classifier_diversity * heads_alike
        )
        return {"loss": loss, "identity": identity, "triplet": triplet, "anchors": alike, "classifiers": heads_alike}


class VisualModule:
    """What both phases share: the module, its classifiers, and the kept tokens."""

    def __init__(self, work: Work) -> None:
        self.work = work
        seed_torch(work.recipe.seed, "visual")
        self.losses = _Losses(work).to(work.world.device)
        self.parallel = work.world.wrap(self.losses)

    def trained(self) -> dict[str, Tensor]:
        """Everything that the phases change, and the batch norm's statistics."""
        wanted = {name for name, parameter in self.losses.named_parameters() if parameter.requires_grad}
        return {
            name: tensor
            for name, tensor in self.losses.state_dict().items()
            if name in wanted or name.startswith("heads.norm.")
        }

    def tokens(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, height, width) on the device -> tokens (B, N, D)."""
        with torch.no_grad(), self.work.autocast():
            return self.work.model.backbone(pictures).tokens

    @cached_property
    def kept(self) -> TokenFile:
        """The tokens of `visual.views` views of every picture; made when first asked for."""
        work, views = self.work, self.work.recipe.visual.views
        config, pictures = work.model.config, np.arange(len(work.pictures))
        file = TokenFile(work.folder, (len(pictures), views, config.tokens, config.backbone.width), work.world)
        chunks = [pictures[start : start + _CHUNK] for start in range(0, len(pictures), _CHUNK)]
        batches = [(chunk, view) for view in range(views) for chunk in chunks]

        def make(chunk: Indices, view: int) -> Tensor:
            return work.augmented(chunk, [("view", view, int(picture)) for picture in chunk])

        def use(number: int, seen: Tensor) -> None:
            file.put(*batches[number], self.tokens(seen))

        work.sweep("tokens", [partial(make, *batch) for batch in batches], use)
        work.world.wait()
        return file


class VisualStage:
    """One phase of training `Work.model.anchors` and `Work.model.aggregation`."""

    def __init__(self, module: VisualModule, phase: Literal["first", "second"]) -> None:
        settings = module.work.recipe.visual
        schedule = settings.first if phase == "first" else settings.second
        self.name = f"visual-{phase}"
        self._module, self._work, self._phase = module, module.work, phase
        self._plan = module.work.person_plan(self.name, schedule.epochs)
        self._descent = Descent("adamw", module.losses.parameters(), schedule, scaled=False)
        self._batches = Ahead(self._batch, self._plan.steps)
        self.steps = self._plan.steps

    def prepare(self) -> None:
        """Start from the backbone's weights, or cross over to the second phase.

        Tokens are computed in the first step: until then `load` may still bring the backbone.
        """
        losses = self._module.losses
        losses.train()
        self._work.model.backbone.eval()
        if self._phase == "first":
            start_aggregation(self._work.model)
        elif len(losses.heads.classifiers) == 1:
            seed_torch(self._work.recipe.seed, self.name)
            losses.heads.norm.reset_running_stats()
            losses.heads.draw_classifiers()

    def step(self, index: int) -> Mapping[str, float]:
        """One batch of tokens."""
        work, batch = self._work, self._plan.batch(index)
        tokens = self._tokens(index).float()
        seed_torch(work.recipe.seed, self.name, index, work.world.rank)
        figures = self._module.parallel(tokens, work.labels(batch))
        self._descent.step(figures["loss"], epoch=self._plan.epoch(index), step=index)
        if index + 1 == self.steps:
            self._batches.close()
        return {name: value.item() for name, value in figures.items()}

    def state(self) -> dict[str, Any]:
        """The backbone, the visual module and its classifiers, and how they move."""
        return {
            "backbone": self._work.model.backbone.state_dict(),
            "trained": self._module.trained(),
            "descent": self._descent.state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take up a `state`."""
        self._work.model.backbone.load_state_dict(state["backbone"])
        self._module.losses.load_state_dict({**self._module.losses.state_dict(), **state["trained"]})
        self._descent.load(state["descent"])

    def _tokens(self, index: int) -> Tensor:
        """This process's share of a step's tokens, on the device."""
        if self._work.recipe.visual.views:
            _ = self._module.kept
            return self._batches[index].to(self._work.world.device)
        return self._module.tokens(self._batches[index].to(self._work.world.device))

    def _batch(self, index: int) -> Tensor:
        """The share of a step's tokens on the CPU or, where none are kept, its pictures."""
        work, batch = self._work, self._plan.batch(index)
        if not work.recipe.visual.views:
            return work.augmented_share(batch, self.name, index)
        share = work.world.share(len(batch))
        views = generator(work.recipe.seed, self.name, index).integers(work.recipe.visual.views, size=len(batch))
        return self._module.kept.get(batch[share], views[share])
