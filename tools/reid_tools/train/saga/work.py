"""What the stages of one training hand to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reid_engines.saga.checkpoints import start_from_clip
from reid_engines.saga.clip import TextTower, load_clip
from reid_engines.saga.model import Saga
from reid_pipeline.errors import ConfigError
from reid_pipeline.runtime.report import Progress
from reid_tools.train.augment import Augmentation, Frame
from reid_tools.train.pictures import Ahead, TrainingPictures
from reid_tools.train.saga.recipe import SagaRecipe
from reid_tools.train.saga.texts import PersonPrompts
from reid_tools.train.sampler import PersonBatches, Plan
from reid_tools.train.seeding import derived, generator, seed_torch
from reid_tools.train.world import World

Indices = NDArray[np.int64]


@dataclass(slots=True)
class Work:
    """A model in training. `prompts` is what the first stage trains, `model` what the others do.

    `folder` is where a stage may put a large file for as long as it runs.
    """

    recipe: SagaRecipe
    pictures: TrainingPictures
    model: Saga
    prompts: PersonPrompts
    world: World
    folder: Path
    progress: Progress
    augmentation: Augmentation = field(init=False)

    def __post_init__(self) -> None:
        config, changes = self.model.config, self.recipe.augmentation
        frame = Frame(config.height, config.width, config.mean, config.std)
        self.augmentation = Augmentation(frame, changes.mirror, changes.shift_px, changes.erase)

    @property
    def half(self) -> bool:
        """Whether the backbone computes in half precision."""
        return self.recipe.mixed_precision and self.world.device.type == "cuda"

    def autocast(self) -> torch.autocast:
        """Half precision where `half` says so."""
        return torch.autocast(self.world.device.type, torch.float16, enabled=self.half)

    def person_plan(self, stage: str, epochs: int) -> Plan:
        """Batches of persons for a stage."""
        batch = self.recipe.batch
        seed = derived(self.recipe.seed, stage, "batches")
        batches = PersonBatches(
            self.pictures.labels.tolist(), persons=batch.persons, pictures=batch.pictures, seed=seed
        )
        return Plan(batches.epoch, epochs)

    def plain(self, indices: Indices) -> Tensor:
        """Pictures as they are tested (B, 3, height, width), on the CPU."""
        frame = self.augmentation.frame
        return torch.from_numpy(np.stack([frame.plain(self.pictures.read(index)) for index in indices]))

    def augmented(self, indices: Indices, purposes: Sequence[tuple[str | int, ...]]) -> Tensor:
        """Pictures (B, 3, height, width), on the CPU, each changed as follows from the seed and its purpose."""
        changed = [
            self.augmentation(self.pictures.read(index), generator(self.recipe.seed, *purpose))
            for index, purpose in zip(indices, purposes, strict=True)
        ]
        return torch.from_numpy(np.stack(changed))

    def augmented_share(self, batch: Indices, stage: str, step: int) -> Tensor:
        """This process's share of a step's batch, changed as it would be in a single process."""
        places = range(len(batch))[self.world.share(len(batch))]
        return self.augmented(batch[list(places)], [(stage, step, place) for place in places])

    def labels(self, indices: Indices) -> Tensor:
        """Persons int64 (B,), on the device."""
        return torch.from_numpy(self.pictures.labels[indices]).to(self.world.device)

    def sweep(self, task: str, make: Sequence[Callable[[], Tensor]], use: Callable[[int, Tensor], None]) -> None:
        """Have this process's share of some batches made in threads, and use each, on the device, by its number."""
        mine = range(len(make))[self.world.rank :: self.world.size]
        ahead = Ahead(lambda number: make[mine[number]](), len(mine))
        self.progress.begin(task, len(mine))
        try:
            for done, number in enumerate(mine):
                use(number, ahead[done].to(self.world.device))
                self.progress.advance(task, done + 1)
        finally:
            ahead.close()
            self.progress.end(task)


def start(recipe: SagaRecipe, pictures: TrainingPictures, world: World, *, folder: Path, progress: Progress) -> Work:
    """Everything in its first state, on the device.

    Raises `ConfigError` when the batch cannot be shared out, `FetchError` or `ModelFileError` when CLIP cannot be had.
    """
    if recipe.batch.persons % world.size:
        raise ConfigError(
            f"batch.persons: expected a multiple of the {world.size} processes, got {recipe.batch.persons}; change it"
        )
    weights = recipe.clip.weights
    clip = load_clip(str(weights) if weights.is_file() else weights.name, architecture=recipe.clip.architecture)
    seed_torch(recipe.seed, "model")
    model = Saga(recipe.config)
    start_from_clip(model, clip)
    tower = TextTower(clip)
    prompts = PersonPrompts(tower, pictures.persons, words=recipe.prompts.words, slots=recipe.prompts.slots)
    return Work(recipe, pictures, model.to(world.device), prompts.to(world.device), world, folder, progress)
