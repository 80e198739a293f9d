"""Stage 1: a few words per person, so that the text tower says something near that person's pictures.

The towers stay as they are. The pictures' features are computed once, without augmentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reid_tools.train.descent import Descent
from reid_tools.train.losses import prompt_contrast
from reid_tools.train.saga.work import Work
from reid_tools.train.sampler import Plan, shuffled_batches
from reid_tools.train.seeding import derived

_CHUNK = 64


class PromptStage:
    """Trains `Work.prompts`; every process of several does the same, since pictures cost nothing here."""

    name = "prompts"

    def __init__(self, work: Work) -> None:
        self._work = work
        settings, seed = work.recipe.prompts, derived(work.recipe.seed, self.name, "batches")
        batches = shuffled_batches(len(work.pictures), settings.batch, seed)
        self._plan = Plan(batches, settings.schedule.epochs)
        self._descent = Descent("adam", work.prompts.parameters(), settings.schedule, scaled=work.half)
        self._features = torch.empty(0)
        self.steps = self._plan.steps

    def prepare(self) -> None:
        """Compute the features of all pictures."""
        work, everything = self._work, np.arange(len(self._work.pictures))
        features = torch.zeros(len(everything), work.recipe.model.backbone.projection, device=work.world.device)
        work.model.eval()

        chunks = [everything[start : start + _CHUNK] for start in range(0, len(everything), _CHUNK)]

        def use(number: int, pictures: Tensor) -> None:
            with torch.no_grad(), work.autocast():
                features[torch.from_numpy(chunks[number])] = work.model.backbone(pictures).projection.float()

        work.sweep("features", [partial(work.plain, chunk) for chunk in chunks], use)
        self._features = work.world.total(features)

    def step(self, index: int) -> Mapping[str, float]:
        """One batch of pictures against the texts of their persons."""
        work, batch = self._work, self._plan.batch(index)
        labels = work.labels(batch)
        with work.autocast():
            texts = work.prompts(labels)
        loss = prompt_contrast(self._features[torch.from_numpy(batch)], texts.float(), labels)
        self._descent.step(loss, epoch=self._plan.epoch(index), step=index)
        return {"loss": loss.item()}

    def state(self) -> dict[str, Any]:
        """The words and how they move."""
        return {"words": self._work.prompts.words.detach(), "descent": self._descent.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Take up a `state`."""
        with torch.no_grad():
            self._work.prompts.words.copy_(state["words"])
        self._descent.load(state["descent"])
