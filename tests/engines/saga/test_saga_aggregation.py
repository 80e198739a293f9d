from __future__ import annotations

import pytest
import torch

from reid_engines.saga.aggregation import Aggregation
from reid_engines.saga.config import AggregationConfig
from reid_engines.saga.vit import Block

WIDTH, TOKENS, ANCHORS = 48, 50, 24


@pytest.fixture
def aggregation() -> Aggregation:
    module = Aggregation(WIDTH, AggregationConfig(heads=4))
    module.eval()
    return module


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randn(3, TOKENS, WIDTH)


@pytest.fixture
def anchors() -> torch.Tensor:
    return torch.randn(ANCHORS, WIDTH)


def test_attention_and_weights_sum_to_one(
    aggregation: Aggregation, tokens: torch.Tensor, anchors: torch.Tensor
) -> None:
    made = aggregation(tokens, anchors)
    assert made.refined.shape == (3, WIDTH)
    assert made.attention.shape == (3, TOKENS, ANCHORS + 3)
    torch.testing.assert_close(made.attention.sum(-1), torch.ones(3, TOKENS))
    torch.testing.assert_close(made.weights.sum(-1), torch.ones(3))


def test_the_vector_is_the_weighted_sum_of_the_refined_tokens(
    aggregation: Aggregation, tokens: torch.Tensor, anchors: torch.Tensor
) -> None:
    made = aggregation(tokens, anchors)
    strongest = made.attention.max(dim=-1).values
    by_hand = (strongest[..., None] * made.tokens).sum(1) / strongest.sum(1, keepdim=True)
    torch.testing.assert_close(made.refined, by_hand)


def test_the_order_of_anchors_does_not_matter(
    aggregation: Aggregation, tokens: torch.Tensor, anchors: torch.Tensor
) -> None:
    shuffled = aggregation(tokens, anchors[torch.randperm(ANCHORS)])
    torch.testing.assert_close(shuffled.refined, aggregation(tokens, anchors).refined)


def test_the_order_of_patches_does_not_matter(
    aggregation: Aggregation, tokens: torch.Tensor, anchors: torch.Tensor
) -> None:
    shuffled = aggregation(tokens[:, torch.randperm(TOKENS)], anchors)
    torch.testing.assert_close(shuffled.refined, aggregation(tokens, anchors).refined)


def test_tokens_without_a_preference_are_averaged(
    aggregation: Aggregation, tokens: torch.Tensor, anchors: torch.Tensor
) -> None:
    for block in aggregation.blocks:
        torch.nn.init.zeros_(block.attention.q.weight)
        torch.nn.init.zeros_(block.attention.q.bias)
    made = aggregation(tokens, anchors)
    torch.testing.assert_close(made.attention, torch.full_like(made.attention, 1 / (ANCHORS + 3)))
    torch.testing.assert_close(made.refined, made.tokens.mean(dim=1))


def test_a_committed_token_weighs_as_many_times_more_as_there_are_anchors(
    tokens: torch.Tensor, anchors: torch.Tensor
) -> None:
    module = Aggregation(WIDTH, AggregationConfig(heads=1, blocks=1)).eval()
    query = module.blocks[0].attention.q
    torch.nn.init.normal_(query.weight, std=1e6)
    torch.nn.init.zeros_(query.bias)
    tokens[:, 0] = 0  # asks for nothing, while all the others want one anchor and no other
    weights = module(tokens, anchors).weights
    torch.testing.assert_close(weights[:, 1:], (ANCHORS + 3) * weights[:, :1].expand(-1, TOKENS - 1), rtol=0.01, atol=0)


def test_pictures_do_not_see_each_other(aggregation: Aggregation, tokens: torch.Tensor, anchors: torch.Tensor) -> None:
    alone = aggregation(tokens[1:2], anchors)
    torch.testing.assert_close(alone.refined[0], aggregation(tokens, anchors).refined[1])


def test_without_domain_anchors_only_the_shared_ones_are_seen(tokens: torch.Tensor, anchors: torch.Tensor) -> None:
    made = Aggregation(WIDTH, AggregationConfig(heads=4, domain_anchors=0)).eval()(tokens, anchors)
    assert made.attention.shape == (3, TOKENS, ANCHORS)


def test_blocks_start_from_a_block_of_the_tower(aggregation: Aggregation) -> None:
    tower = Block(WIDTH, heads=12)
    aggregation.start_from(tower)
    for block in aggregation.blocks:
        mixed = torch.cat([block.attention.q.weight, block.attention.kv.weight])
        assert torch.equal(mixed, tower.attention.qkv.weight)
        assert torch.equal(block.norm_q.bias, tower.norm1.bias)
        assert torch.equal(block.mlp[3].weight, tower.mlp[2].weight)
    first, second = aggregation.blocks
    assert first.mlp[0].weight.data_ptr() != second.mlp[0].weight.data_ptr()


def test_a_block_of_another_size_is_no_start() -> None:
    narrow = Aggregation(WIDTH, AggregationConfig(heads=4, expansion=2))
    with pytest.raises(ValueError, match=r"\(96, 48\) cannot start from a block with layers \(192, 48\)"):
        narrow.start_from(Block(WIDTH, heads=4))


def test_dropout_acts_in_training_only(aggregation: Aggregation, tokens: torch.Tensor, anchors: torch.Tensor) -> None:
    first, second = aggregation(tokens, anchors), aggregation(tokens, anchors)
    assert torch.equal(first.refined, second.refined)
    aggregation.train()
    assert not torch.equal(aggregation(tokens, anchors).weights, first.weights)
