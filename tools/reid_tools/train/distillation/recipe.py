"""What a recipe of `method: distillation` says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)
from pydantic_core import PydanticCustomError

from reid_pipeline.config.models import CROSS_CHECK, NAME_PATTERN, Section

T = TypeVar("T")

STRIDE = 16  # pixels of the picture to one token


def _not_empty(items: tuple[T, ...]) -> tuple[T, ...]:
    # Field(min_length=1) would count the items that are right, and so complain twice of one that is wrong.
    if not items:
        raise ValueError("expected one at least, got an empty list")
    return items


Share = Annotated[float, Field(ge=0, le=1)]
Some = Annotated[tuple[T, ...], AfterValidator(_not_empty)]


class Folder(Section):
    """Pictures of people of whom nothing is known; each is drawn in proportion to `weight`."""

    folder: Path
    weight: PositiveFloat = 1.0


class MixRecipe(Section):
    """What a batch holds; see `batches.Mix`."""

    pictures: PositiveInt = 40
    persons: NonNegativeInt = 8
    views: PositiveInt = 3
    hidden: Share = 0.6
    redressed: Share = 0.25
    recoloured: Share = 0.6

    @model_validator(mode="after")
    def _comparable(self) -> MixRecipe:
        known = self.persons * self.views
        if known == 1:
            raise ValueError("expected several pictures of known persons or none, got persons 1 x views 1; raise one")
        if self.pictures + known < 2:
            raise ValueError("expected 2 pictures at least, got 1; raise pictures, or persons")
        return self


class PhaseRecipe(Section):
    """One phase; sizes in pixels. Its log is called as it is. The rest is told in `stage.Schedule`."""

    name: str = Field(pattern=NAME_PATTERN, max_length=64)
    height: PositiveInt
    width: PositiveInt
    steps: PositiveInt
    learning_rate: PositiveFloat
    end: Share = 0.0
    warm_up: NonNegativeInt = 100
    weight_decay: NonNegativeFloat = 0.02
    average: Share = 0.999
    batch: MixRecipe = MixRecipe()

    @model_validator(mode="after")
    def _upright(self) -> PhaseRecipe:
        if self.height != 2 * self.width or self.width % STRIDE:
            size = f"{self.height} x {self.width}"
            raise ValueError(f"expected a height of twice the width, and a width that {STRIDE} divides, got {size}")
        return self


class DistillationRecipe(Section):
    """`start` has ImageNet weights of the backbone (torchvision's), `identities` is a flat folder of known people."""

    method: Literal["distillation"]
    model: Literal["saga-s"] = "saga-s"
    seed: NonNegativeInt = 1
    start: Path
    teacher: Path
    pictures: Some[Folder]
    identities: Path
    phases: Some[PhaseRecipe]

    @model_validator(mode="after")
    def _told_apart(self) -> DistillationRecipe:
        names = [phase.name for phase in self.phases]
        again = [index for index, name in enumerate(names) if name in names[:index]]
        if again:
            problems = [(("phases", i, "name"), f"{names[i]}: another phase is called so; rename one") for i in again]
            context: dict[str, Any] = {"problems": problems}
            raise PydanticCustomError(CROSS_CHECK, "two phases of one name", context)
        return self
