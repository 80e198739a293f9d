"""CLIP as `open_clip` loads it, and its text tower fed with word vectors. Needed to train SAGA-B, never to run it."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor, nn

from reid_engines.errors import FetchError, ModelFileError
from reid_engines.saga.tensors import fill, one_line, read_checkpoint

ARCHITECTURE = "ViT-B-16-quickgelu"
# Numbers that OpenAI's own files carry beside the weights.
_SIZES = ("input_resolution", "context_length", "vocab_size")


def load_clip(weights: str = "openai", *, architecture: str = ARCHITECTURE) -> Any:
    """CLIP as an `open_clip` model on the CPU, from a local weights file or a name that `open_clip` can download.

    Raises `ModelFileError` when the file or the architecture does not fit, `FetchError` when a name cannot be had.
    """
    path = Path(weights)
    clip = _from_file(path, architecture) if path.is_file() else _from_publisher(weights, architecture)
    if type(clip.visual.transformer.resblocks[0].mlp.gelu).__name__ != "QuickGELU":
        raise ModelFileError(f"CLIP {architecture}: expected a tower with QuickGELU, such as {ARCHITECTURE}")
    clip.eval()
    return clip


def _from_file(path: Path, architecture: str) -> Any:
    import open_clip

    clip = open_clip.CLIP(**open_clip.get_model_config(architecture))
    state = {name: tensor for name, tensor in read_checkpoint(path).items() if name not in _SIZES}
    fill(clip, state, origin=str(path))
    return clip


def _from_publisher(name: str, architecture: str) -> Any:
    import open_clip

    names = open_clip.list_pretrained_tags_by_model(architecture)
    if name not in names:
        raise FetchError(f"CLIP weights {name!r}: neither a file nor one of {', '.join(names)}")
    try:
        return open_clip.create_model(architecture, pretrained=name)
    except Exception as error:  # hubs, proxies and hash checks fail in many ways, without a common class
        raise FetchError(
            f"CLIP weights {name!r}: cannot be fetched: {shorten(one_line(error), 200)}; "
            "where their publisher is out of reach, give the path of a local file"
        ) from None


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
