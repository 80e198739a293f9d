"""What a recipe of `method: saga` says.

The defaults are the training of SAGA-B as it was released: rates, epochs, batches and the weights of all losses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from reid_engines.saga.config import HALF, AggregationConfig, Fusion, SagaConfig, VitConfig
from reid_engines.saga.phrases import PHRASES
from reid_pipeline.config.models import Section
from reid_tools.train.schedule import Schedule

# Of the blocks that refinement starts from.
_EXPANSION = 4

Share = Annotated[float, Field(ge=0, le=1)]


class Clip(Section):
    """The CLIP that is started from."""

    weights: Path = Path("openai")
    """A local file, or a name under which open_clip finds weights of the architecture."""
    architecture: str = Field(default="ViT-B-16-quickgelu", min_length=1)
    """open_clip's name of its shape."""


class Model(Section):
    """The shape of the model; the knobs of the paper's ablations are among its keys."""

    height: PositiveInt = 256
    """Pixels."""
    width: PositiveInt = 128
    """Pixels."""
    backbone: VitConfig = VitConfig()
    """CLIP's image tower, its stride and the layer that tokens are taken from."""
    aggregation: AggregationConfig = AggregationConfig()
    """Anchors and refinement."""

    @model_validator(mode="after")
    def _fits(self) -> Model:
        config = self.config(Fusion())
        if min(config.backbone.grid(self.height, self.width)) < 1:
            raise ValueError(f"{self.height}x{self.width} pixels are less than one patch; enlarge them")
        anchors = self.aggregation
        if anchors.source == "text" and anchors.anchors != len(PHRASES):
            raise ValueError(f"aggregation.anchors {anchors.anchors}: expected {len(PHRASES)}, one per phrase")
        if anchors.expansion != _EXPANSION:
            raise ValueError(f"aggregation.expansion {anchors.expansion}: expected {_EXPANSION}, as in CLIP's blocks")
        return self

    def config(self, fusion: Fusion) -> SagaConfig:
        """The whole shape; CLIP-ReID and SAGA take a mean and deviation of half the range in the place of CLIP's."""
        parts = (self.backbone, self.aggregation, fusion, HALF, HALF)
        return SagaConfig(*parts, height=self.height, width=self.width)


class Data(Section):
    """What is trained on."""

    root: Path | None = None
    """The data set's folder; --data takes its place."""
    layout: str
    """How the folder is laid out, such as market1501."""
    strict: bool = True
    """Refuse a data set that holds other numbers of pictures and people than was published."""


class Batch(Section):
    """What one step of the backbone and of the visual module sees."""

    persons: PositiveInt = 16
    """Persons per batch."""
    pictures: PositiveInt = 4
    """Pictures of each person."""


class Changes(Section):
    """How pictures are changed while training."""

    mirror: Share = 0.5
    """How often a picture is mirrored."""
    shift_px: NonNegativeInt = 10
    """How far it is moved at most, in pixels of the model's input."""
    erase: Share = 0.5
    """How often a rectangle of it is erased."""


class Prompts(Section):
    """Stage 1: a few words per person, which CLIP's text tower turns into that person's text."""

    words: PositiveInt = 8
    """Learned words per person."""
    slots: PositiveInt = 16
    """Words of the sentence before "person."; those that are not learned are zeros."""
    batch: PositiveInt = 64
    """Pictures per step."""
    schedule: Schedule = Schedule(epochs=100, learning_rate=3.5e-4, warmup_epochs=5, warmup_from=1e-5, cosine_to=1e-6)
    """Of Adam."""

    @model_validator(mode="after")
    def _room(self) -> Prompts:
        if self.words > self.slots:
            raise ValueError(f"expected words <= slots, got {self.words} > {self.slots}")
        return self


class Backbone(Section):
    """Stage 2: the image tower, held by a classifier and by the persons' texts."""

    schedule: Schedule = Schedule(epochs=80, learning_rate=5e-6, warmup_steps=10, warmup_from=5e-7, drop_at=(40, 70))
    """Of Adam."""
    identity: NonNegativeFloat = 0.25
    """Weight of the classifier's cross-entropy."""
    triplet: NonNegativeFloat = 1.0
    """Weight of the triplet loss on the class token."""
    text: NonNegativeFloat = 1.0
    """Weight of the cross-entropy against the persons' texts."""


class Visual(Section):
    """Stage 3: anchors and aggregation on a backbone that stays as it is, in two phases."""

    views: NonNegativeInt = 4
    """Augmented views per picture whose tokens are kept in a file, half precision; 0: computed anew in every step."""
    classifiers: PositiveInt = 4
    """Classifiers side by side; with a single one it and its batch norm start afresh in the second phase."""
    first: Schedule = Schedule(epochs=20, learning_rate=3.5e-4, warmup_epochs=5, warmup_from=3.5e-5)
    """First phase, of AdamW."""
    second: Schedule = Schedule(epochs=80, learning_rate=2e-4, warmup_epochs=5, warmup_from=2e-5, cosine_to=1e-4)
    """Second phase, of AdamW."""
    identity: NonNegativeFloat = 1.0
    """Weight of the classifiers' mean cross-entropy."""
    triplet: NonNegativeFloat = 1.0
    """Weight of the triplet loss on the refined feature."""
    anchor_diversity: NonNegativeFloat = 0.05
    """Weight of how alike the shared anchors are."""
    classifier_diversity: NonNegativeFloat = 0.5
    """Weight of how alike the classifiers are."""


class SagaRecipe(Section):
    """The whole recipe."""

    method: Literal["saga"]
    """What this recipe is for."""
    seed: NonNegativeInt = 1
    """All chance follows from it."""
    clip: Clip = Clip()
    """Where it starts."""
    model: Model = Model()
    """What is trained."""
    fusion: Fusion = Fusion()
    """What the final vector is made of."""
    data: Data
    """What it learns from."""
    batch: Batch = Batch()
    """Batches of the second and third stage."""
    augmentation: Changes = Changes()
    """How pictures are changed."""
    mixed_precision: bool = True
    """On a GPU, compute the first two stages in half precision where that is safe; weights and losses stay float32."""
    prompts: Prompts = Prompts()
    """Stage 1."""
    backbone: Backbone = Backbone()
    """Stage 2."""
    visual: Visual = Visual()
    """Stage 3."""

    @property
    def config(self) -> SagaConfig:
        """The model that is trained."""
        return self.model.config(self.fusion)
