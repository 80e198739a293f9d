"""What a recipe of `method: distillation` says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Folder(_Section):
    """Pictures of people of whom nothing is known; each is drawn in proportion to `weight`."""

    folder: Path
    weight: PositiveFloat = 1.0


class MixRecipe(_Section):
    """What a batch holds; see `batches.Mix`."""

    pictures: PositiveInt = 40
    persons: NonNegativeInt = 8
    views: PositiveInt = 3
    hidden: Share = 0.6
    redressed: Share = 0.25
    recoloured: Share = 0.6


class PhaseRecipe(_Section):
    """One phase; sizes in pixels, multiples of 16. The rest is told in `stage.Schedule`."""

    name: str
    height: PositiveInt
    width: PositiveInt
    steps: PositiveInt
    learning_rate: PositiveFloat
    end: Share = 0.0
    warm_up: NonNegativeInt = 100
    weight_decay: NonNegativeFloat = 0.02
    average: Share = 0.999
    batch: MixRecipe = MixRecipe()


class DistillationRecipe(_Section):
    """`start` has ImageNet weights of the backbone (torchvision's), `identities` is a flat folder of known people."""

    method: Literal["distillation"]
    model: Literal["saga-s"] = "saga-s"
    seed: int = 1
    start: Path
    teacher: Path
    pictures: Annotated[tuple[Folder, ...], Field(min_length=1)]
    identities: Path
    phases: Annotated[tuple[PhaseRecipe, ...], Field(min_length=1)]
