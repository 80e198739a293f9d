# ruff: noqa: TID253
# mypy: disallow-subclassing-any=False
"""CLIP as `open_clip` loads it, and its text tower fed with word vectors. Needed to train SAGA-B, never to run it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from reid_engines.errors import FetchError, ModelFileError

ARCHITECTURE = "ViT-B-16-quickgelu"


def load_clip(weights: str = "openai", *, architecture: str = ARCHITECTURE) -> Any:
    """CLIP as an `open_clip` model on the CPU, from a local weights file or a name that `open_clip` can download.

    Raises `FetchError` when the weights cannot be had or do not fit, `ModelFileError` for a CLIP without QuickGELU.
    """
    import open_clip

    try:
        clip = open_clip.create_model(architecture, pretrained=weights)
    except Exception as error:  # files, hubs and hash checks fail in many ways, without a common class
        reason = " ".join(str(error).split()) or type(error).__name__
        names = ", ".join(open_clip.list_pretrained_tags_by_model(architecture))
        raise FetchError(
            f"CLIP {architecture}: cannot load weights {weights!r}: {reason}; give the path of a local file, or, where "
            f"their publisher can be reached, one of {names}"
        ) from None
    if type(clip.visual.transformer.resblocks[0].mlp.gelu).__name__ != "QuickGELU":
        raise ModelFileError(f"CLIP {architecture}: expected a model with QuickGELU, such as {ARCHITECTURE}")
    return clip


class TextTower(nn.Module):
    """CLIP's text encoder, frozen, for texts given as word vectors."""

    def __init__(self, clip: Any) -> None:
        super().__init__()
        from open_clip import get_tokenizer

        self.tokenizer = get_tokenizer(ARCHITECTURE, context_length=clip.context_length)
        self.token_embedding = clip.token_embedding
        self.positional_embedding = clip.positional_embedding
        self.transformer = clip.transformer
        self.norm = clip.ln_final
        self.text_projection = clip.text_projection
        self.register_buffer("mask", clip.attn_mask, persistent=False)
        self.width = clip.text_projection.shape[1]
        self.requires_grad_(False)

    def words(self, text: str) -> Tensor:
        """The vectors (n, E) of a text's n tokens, without start and end."""
        tokens = torch.tensor(self.tokenizer.encode(text), dtype=torch.long)
        return self.token_embedding(tokens.to(self.mask.device))

    def frame(self, slots: int, ending: str) -> tuple[Tensor, int]:
        """The vectors (L, E) of a whole text: start mark, that many slots to fill, `ending`, end mark and padding.

        Also returns where the end mark is, which is where the tower's answer is read.
        """
        tokens = self.tokenizer([" ".join(["x"] * slots + [ending])])[0]
        return self.token_embedding(tokens.to(self.mask.device)), int(tokens.argmax())

    def forward(self, texts: Tensor, end: int) -> Tensor:
        """Texts (K, L, E) as word vectors that all end at position `end` -> (K, width), not normalised."""
        x = self.transformer(texts + self.positional_embedding, attn_mask=self.mask)
        return self.norm(x[:, end]) @ self.text_projection
