"""One step of optimisation, and all that has to be kept to go on with the next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from reid_tools.train.schedule import Schedule


class Descent:
    """Adam or AdamW along a schedule; with `scaled` the loss is scaled up so that half-precision gradients survive."""

    def __init__(
        self, kind: Literal["adam", "adamw"], parameters: Iterable[nn.Parameter], schedule: Schedule, *, scaled: bool
    ) -> None:
        optimiser = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        self._optimiser = optimiser(trained, lr=schedule.learning_rate, weight_decay=schedule.weight_decay)
        self._schedule = schedule
        self._scaler = torch.amp.GradScaler("cuda", enabled=scaled)

    def step(self, loss: Tensor, *, epoch: int, step: int) -> None:
        """Go down the gradient of the loss, at the rate of that epoch (from 1) and step (from 0)."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._schedule.rate(epoch, step)
        self._optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.step(self._optimiser)
        self._scaler.update()

    def state(self) -> dict[str, Any]:
        """What `load` takes."""
        return {"optimiser": self._optimiser.state_dict(), "scaler": self._scaler.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a `state`, of the same kind and parameters."""
        self._optimiser.load_state_dict(state["optimiser"])
        # A run that began without a GPU has none.
        if state["scaler"]:
            self._scaler.load_state_dict(state["scaler"])
