"""Stage 2: the image tower learns the persons, held near their texts.

Texts are those of the finished prompts and do not change any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid_tools.train.descent import Descent
from reid_tools.train.losses import batch_hard_triplet, smoothed_cross_entropy
from reid_tools.train.pictures import Ahead
from reid_tools.train.saga.heads import Heads
from reid_tools.train.saga.work import Work
from reid_tools.train.seeding import seed_torch


class _Losses(nn.Module):
    """The tower with what it is judged by, in one module, as several processes need it."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        config, persons = work.recipe.model.backbone, work.pictures.persons
        self.tower = work.model.backbone
        self.heads = Heads(config.width, persons)
        self.register_buffer("texts", torch.zeros(persons, config.projection))
        self._work = work

    def forward(self, pictures: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """This process's pictures (b, 3, height, width), everybody's labels (B,) -> the loss and its parts."""
        settings, world = self._work.recipe.backbone, self._work.world
        with self._work.autocast():
            features = self.tower(pictures)
        cls, projection = world.gather(features.cls.float()), world.gather(features.projection.float())
        identity = smoothed_cross_entropy(self.heads(cls)[0], labels)
        triplet = batch_hard_triplet(cls, labels)
        text = smoothed_cross_entropy(F.linear(projection, self.texts), labels)
        loss = settings.identity * identity + settings.triplet * triplet + settings.text * text
        return {"loss": loss, "identity": identity, "triplet": triplet, "text": text}


class BackboneStage:
    """Trains `Work.model.backbone`."""

    name = "backbone"

    def __init__(self, work: Work) -> None:
        self._work = work
        schedule = work.recipe.backbone.schedule
        seed_torch(work.recipe.seed, self.name)
        self._losses = _Losses(work).to(work.world.device)
        self._parallel = work.world.wrap(self._losses)
        self._descent = Descent("adam", self._losses.parameters(), schedule, scaled=work.half)
        self._plan = work.person_plan(self.name, schedule.epochs)
        self._batches = Ahead(self._batch, self._plan.steps)
        self.steps = self._plan.steps

    def prepare(self) -> None:
        """Compute all persons' texts."""
        self._losses.train()
        self._losses.texts.copy_(self._work.world.from_writer(self._work.prompts.all_texts()))

    def step(self, index: int) -> Mapping[str, float]:
        """One batch of augmented pictures."""
        work = self._work
        figures = self._parallel(self._batches[index].to(work.world.device), work.labels(self._plan.batch(index)))
        self._descent.step(figures["loss"], epoch=self._plan.epoch(index), step=index)
        if index + 1 == self.steps:
            self._batches.close()
        return {name: value.item() for name, value in figures.items()}

    def state(self) -> dict[str, Any]:
        """Tower, classifier and texts, and how they move."""
        return {"losses": self._losses.state_dict(), "descent": self._descent.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Take up a `state`."""
        self._losses.load_state_dict(state["losses"])
        self._descent.load(state["descent"])

    def _batch(self, index: int) -> Tensor:
        return self._work.augmented_share(self._plan.batch(index), self.name, index)
