"""Learning rates over the epochs of a stage."""

from __future__ import annotations

from math import cos, pi
from typing import Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from reid_pipeline.config.models import Section

_DROP = 0.1


class Schedule(Section):
    """How long a stage trains and how fast; rates are absolute, epochs are counted from 1."""

    epochs: PositiveInt
    """Passes over the training pictures."""
    learning_rate: PositiveFloat
    """The rate after warming up."""
    weight_decay: NonNegativeFloat = 1e-4
    """Weight decay, as the stage's optimiser understands it."""
    warmup_from: NonNegativeFloat = 0.0
    """The rate that warming up starts from."""
    warmup_epochs: NonNegativeInt = 0
    """Epochs over which the rate rises, in equal steps from one epoch to the next."""
    warmup_steps: NonNegativeInt = 0
    """Steps of optimisation over which the rate rises, in the place of epochs."""
    cosine_to: NonNegativeFloat | None = None
    """The rate of the last epoch, reached along a cosine; null: the rate stays."""
    drop_at: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Epochs from which the rate is a tenth of what it was."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Schedule:
        if self.warmup_epochs and self.warmup_steps:
            raise ValueError("expected warmup_epochs or warmup_steps, got both; keep one")
        if self.warmup_epochs > self.epochs:
            raise ValueError(f"expected warmup_epochs <= epochs, got {self.warmup_epochs} > {self.epochs}")
        return self

    def rate(self, epoch: int, step: int) -> float:
        """The rate in an epoch (counted from 1), at a step of the whole stage (counted from 0)."""
        if epoch <= self.warmup_epochs:
            return self._rising((epoch - 1) / self.warmup_epochs)
        if step < self.warmup_steps:
            return self._rising(step / self.warmup_steps)
        rate = self.learning_rate * _DROP ** sum(epoch >= drop for drop in self.drop_at)
        if self.cosine_to is None:
            return rate
        done = (epoch - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
        return self.cosine_to + (rate - self.cosine_to) * (1 + cos(pi * done)) / 2

    def _rising(self, share: float) -> float:
        return self.warmup_from + (self.learning_rate - self.warmup_from) * share
