"""One phase of distillation: pictures of one size, one schedule."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from reid_engines.saga.config import SagaConfig
from reid_engines.saga.features import Features
from reid_tools.train.distillation.batches import Batch, Batches
from reid_tools.train.distillation.student import Average, freeze_start, model_of, quicken
from reid_tools.train.losses import batch_hard_triplet, diversity, smoothed_cross_entropy

Teach = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

_LONGEST_GRADIENT = 5.0
_PLAIN = ("backbone.positions", "anchors.")


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each loss counts; what each is, is told where it is computed."""

    refined: float = 1.0
    cls: float = 0.5
    likeness: float = 10.0
    covered: float = 0.3
    identity: float = 0.2
    anchors: float = 0.05


WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class Schedule:
    """`steps` of AdamW: up to `rate` over `warm_up` steps, then along a cosine down to `end` * `rate`."""

    steps: int
    rate: float
    end: float
    warm_up: int
    decay: float
    average: float

    def rate_at(self, step: int) -> float:
        if step < self.warm_up:
            return self.rate * (step + 1) / self.warm_up
        along = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        return self.rate * (self.end + (1 - self.end) * (1 + math.cos(math.pi * along)) / 2)


class Heads(nn.Module):
    """Batch norm and a classifier of the known persons, as SAGA trains its refined feature with (arXiv 2604.22190)."""

    def __init__(self, width: int, persons: int) -> None:
        super().__init__()
        self.neck = nn.BatchNorm1d(width)
        self.neck.bias.requires_grad_(False)
        self.classifier = nn.Linear(width, persons, bias=False)
        nn.init.normal_(self.classifier.weight, std=0.001)

    def forward(self, refined: Tensor) -> Tensor:
        return self.classifier(self.neck(refined))


@dataclass(slots=True)
class Learned:
    """What one phase leaves to the next: weights of the model, averaged, and of the heads that only training has.

    `heads` is empty until a phase has seen known persons.
    """

    model: Mapping[str, Tensor]
    heads: Mapping[str, Tensor]


class Distillation:
    """A `Stage`: the student's features of a hidden person go to the teacher's vector of the whole person.

    The refined and the class feature learn from the same pictures, so that comparing them compares aggregation alone.
    `learned` is where the phase starts from, and where it leaves what came of it.
    """

    def __init__(
        self,
        name: str,
        config: SagaConfig,
        *,
        batches: Callable[[], Batches],
        teach: Teach,
        learned: Learned,
        schedule: Schedule,
    ) -> None:
        self.name = name
        self.steps = schedule.steps
        self._config, self._schedule, self._learned = config, schedule, learned
        self._make_batches, self._teach = batches, teach
        self._ahead: tuple[int, Future[tuple[Batch, NDArray[np.float32]]]] | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="batches")

    def prepare(self) -> None:
        """Build the student at this phase's size."""
        self._batches = self._make_batches()
        self._model = model_of(self._config, self._learned.model).train()
        persons = self._batches.persons
        self._heads = Heads(self._config.backbone.width, persons).train() if persons else None
        if self._heads and self._learned.heads:
            self._heads.load_state_dict(dict(self._learned.heads))
        quicken(self._model.backbone)
        freeze_start(self._model.backbone)
        self._model.to(memory_format=torch.channels_last)
        self._average = Average(self._model, self._schedule.average)
        self._optimizer = torch.optim.AdamW(self._groups())
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (self._config.mean, self._config.std))
        self._mean, self._std = mean, std

    def step(self, index: int) -> dict[str, float]:
        """See `Stage.step`."""
        batch, targets = self._taught(index)
        for group in self._optimizer.param_groups:
            group["lr"] = self._schedule.rate_at(index)
        pictures = torch.from_numpy(batch.seen).permute(0, 3, 1, 2).float()
        with torch.autocast("cpu", torch.bfloat16):
            features = self._model((pictures - self._mean) / self._std)
        losses = self._losses(features, batch, torch.from_numpy(targets))
        loss = torch.stack([getattr(WEIGHTS, name) * value for name, value in losses.items()]).sum()
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._model.parameters(), _LONGEST_GRADIENT)
        self._optimizer.step()
        self._average.update(self._model, index)
        if index + 1 == self.steps:
            self._finish()
        return {"loss": loss.item(), **{name: value.item() for name, value in losses.items()}}

    def state(self) -> dict[str, Any]:
        """See `Stage.state`."""
        return {
            "model": self._model.state_dict(),
            # A phase without known persons hands on the heads of those before it, and the next heads are drawn later.
            "heads": self._heads.state_dict() if self._heads else dict(self._learned.heads),
            "average": self._average.state,
            "optimizer": self._optimizer.state_dict(),
            "random": torch.get_rng_state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """See `Stage.load`."""
        self._model.load_state_dict(state["model"])
        if self._heads:
            self._heads.load_state_dict(state["heads"])
        else:
            self._learned.heads = state["heads"]
        self._average.state = state["average"]
        self._optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        self._finish()

    def close(self) -> None:
        """Wait for the batch that is being made, so that the teacher can be closed; no step comes after this."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _finish(self) -> None:
        self._learned.model = dict(self._average.state)
        if self._heads:
            self._learned.heads = {name: value.detach().clone() for name, value in self._heads.state_dict().items()}

    def _taught(self, index: int) -> tuple[Batch, NDArray[np.float32]]:
        """The batch and the teacher's vectors; the next one is made while the student learns from this one."""
        if self._ahead is None or self._ahead[0] != index:
            self._ahead = (index, self._worker.submit(self._make, index))
        made = self._ahead[1].result()
        if index + 1 < self.steps:
            self._ahead = (index + 1, self._worker.submit(self._make, index + 1))
        return made

    def _make(self, index: int) -> tuple[Batch, NDArray[np.float32]]:
        batch = self._batches[index]
        return batch, self._teach(batch.whole)

    def _losses(self, features: Features, batch: Batch, targets: Tensor) -> dict[str, Tensor]:
        assert features.aggregated is not None
        assert self._model.anchors is not None
        refined, cls = features.aggregated.refined.float(), features.backbone.cls.float()
        towards = F.normalize(refined, dim=1)
        away = ~torch.eye(len(targets), dtype=torch.bool)
        likeness = (towards @ towards.T - targets @ targets.T)[away]
        weights = features.aggregated.weights.float()
        losses = {
            "refined": 1 - (towards * targets).sum(dim=1).mean(),
            "cls": 1 - F.cosine_similarity(cls, targets).mean(),
            "likeness": likeness.square().mean(),
            # No method of the paper: here it is known which tokens show what is in front, and they should not count.
            "covered": (weights * torch.from_numpy(batch.covered).flatten(1)).sum(dim=1).mean(),
            "anchors": diversity(self._model.anchors()),
        }
        known = batch.labels >= 0
        if self._heads:
            labels, of_known = torch.from_numpy(batch.labels[known]), refined[torch.from_numpy(known)]
            logits = self._heads(of_known)
            losses["identity"] = smoothed_cross_entropy(logits, labels) + batch_hard_triplet(of_known, labels)
        return losses

    def _groups(self) -> list[dict[str, Any]]:
        """Matrices and filters decay; biases, norms, positions and anchors do not."""
        parameters = [
            (name, parameter)
            for module in filter(None, (self._model, self._heads))
            for name, parameter in module.named_parameters()
            if parameter.requires_grad
        ]
        decays = [value for name, value in parameters if value.dim() > 1 and not name.startswith(_PLAIN)]
        others = [value for name, value in parameters if value.dim() <= 1 or name.startswith(_PLAIN)]
        return [{"params": decays, "weight_decay": self._schedule.decay}, {"params": others, "weight_decay": 0.0}]
