"""A sentence per training person, spoken by CLIP's frozen text tower."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reid_engines.saga.clip import TextTower

_DEVIATION = 0.02
_CHUNK = 64


class PersonPrompts(nn.Module):
    """A sentence per person: `words` learned vectors, zeros up to `slots`, then "person."."""

    def __init__(self, tower: TextTower, persons: int, *, words: int, slots: int) -> None:
        super().__init__()
        frame, self.end = tower.frame(slots, "person.")
        self.tower = tower
        self.words = nn.Parameter(_DEVIATION * torch.randn(persons, words, frame.shape[1]))
        self.register_buffer("before", frame[:1])
        self.register_buffer("after", torch.cat([torch.zeros_like(frame[: slots - words]), frame[1 + slots :]]))

    def forward(self, persons: Tensor) -> Tensor:
        """Persons int64 (B,) -> their texts (B, projection), not normalised."""
        before, after = (part.expand(len(persons), -1, -1) for part in (self.before, self.after))
        return self.tower(torch.cat([before, self.words[persons], after], dim=1), self.end)

    def all_texts(self) -> Tensor:
        """The texts of all persons (C, projection), without gradients."""
        everybody = torch.arange(len(self.words), device=self.words.device)
        with torch.no_grad():
            return torch.cat([self(chunk) for chunk in everybody.split(_CHUNK)])
