"""Structured anchor-guided aggregation (arXiv 2604.22190): patch tokens in, one vector per picture out.

Patches are the queries and anchors the keys, the other way round from pooling with learned queries: a patch that finds
nothing it knows (part of an occluder, say) is to spread its attention over all anchors, and then it weighs little.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reid_engines.saga.attention import CrossAttention
from reid_engines.saga.config import AggregationConfig
from reid_engines.saga.features import Aggregated
from reid_engines.saga.vit import Block


class DomainAnchors(nn.Module):
    """Anchors made from the picture itself: tokens (B, N, D) -> (B, count, D)."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, count * width))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.mlp(tokens.mean(dim=1)).unflatten(-1, (self.count, tokens.shape[-1]))


class RefinementBlock(nn.Module):
    """Tokens take in what they find among the anchors."""

    def __init__(self, width: int, config: AggregationConfig) -> None:
        super().__init__()
        hidden = config.expansion * width
        self.norm_q = nn.LayerNorm(width)
        self.norm_kv = nn.LayerNorm(width)
        self.attention = CrossAttention(width, config.heads, config.dropout)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(hidden, width),
            nn.Dropout(config.dropout),
        )

    def forward(self, tokens: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, N, D), anchors (B, A, D) -> tokens (B, N, D), attention (B, N, A)."""
        found, attention = self.attention(self.norm_q(tokens), self.norm_kv(anchors))
        tokens = tokens + found
        return tokens + self.mlp(self.norm_mlp(tokens)), attention

    def start_from(self, block: Block) -> None:
        """Copy a block of the image tower as a warm start; heads and GELU differ, so it is not the same function.

        Raises `ValueError` when the sizes differ (a tower's block expands four times).
        """
        if block.mlp[0].weight.shape != self.mlp[0].weight.shape:
            expected, got = tuple(self.mlp[0].weight.shape), tuple(block.mlp[0].weight.shape)
            raise ValueError(f"a refinement block with layers {expected} cannot start from a block with layers {got}")
        width = block.norm1.weight.shape[0]
        pairs = (
            (self.norm_q, block.norm1),
            (self.norm_kv, block.norm1),
            (self.attention.out, block.attention.out),
            (self.norm_mlp, block.norm2),
            (self.mlp[0], block.mlp[0]),
            (self.mlp[3], block.mlp[2]),
        )
        for ours, theirs in pairs:
            ours.load_state_dict(theirs.state_dict())
        query, rest = self.attention.q, self.attention.kv
        fused = block.attention.qkv.state_dict()
        query.load_state_dict({name: tensor[:width] for name, tensor in fused.items()})
        rest.load_state_dict({name: tensor[width:] for name, tensor in fused.items()})


class Aggregation(nn.Module):
    """Refines tokens by shared and domain anchors, then pools them by how strongly each committed to one anchor."""

    def __init__(self, width: int, config: AggregationConfig) -> None:
        super().__init__()
        self.domain = DomainAnchors(width, config.domain_anchors) if config.domain_anchors else None
        self.blocks = nn.ModuleList(RefinementBlock(width, config) for _ in range(config.blocks))

    def forward(self, tokens: Tensor, anchors: Tensor) -> Aggregated:
        """Tokens (B, N, D) and the shared anchors (K, D) -> see `Aggregated`. Every block sees the same anchors."""
        bank = anchors.expand(tokens.shape[0], -1, -1)
        if self.domain is not None:
            bank = torch.cat([bank, self.domain(tokens)], dim=1)
        for block in self.blocks:
            tokens, attention = block(tokens, bank)
        weights = attention.amax(dim=-1)
        weights = weights / weights.sum(dim=-1, keepdim=True)
        refined = (weights.unsqueeze(1) @ tokens).squeeze(1)
        return Aggregated(refined, tokens, attention, weights)

    def start_from(self, block: Block) -> None:
        """Start every refinement block from one block of the image tower (the one that its tokens leave)."""
        for refinement in self.blocks:
            refinement.start_from(block)
