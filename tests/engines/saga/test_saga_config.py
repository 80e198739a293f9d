from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from reid_engines.saga.config import MODELS, AggregationConfig, Fusion, MobileNetConfig, VitConfig, from_json, to_json
from reid_engines.saga.phrases import PHRASES


@pytest.mark.parametrize("name", MODELS)
def test_every_model_survives_json(name: str) -> None:
    assert from_json(to_json(MODELS[name])) == MODELS[name]


def test_token_counts_are_those_of_the_paper() -> None:
    assert VitConfig(stride=12).grid(256, 128) == (21, 10)
    assert VitConfig(stride=16).grid(256, 128) == (16, 8)
    assert MODELS["saga-b"].tokens == 210
    assert MODELS["saga-s"].tokens == 128


def test_there_is_one_phrase_per_anchor_of_saga_b() -> None:
    aggregation = MODELS["saga-b"].aggregation
    assert aggregation is not None
    assert len(set(PHRASES)) == aggregation.anchors == 24


def test_unknown_keys_in_json_are_refused() -> None:
    text = to_json(MODELS["saga-s"]).replace('"blocks"', '"block"')
    with pytest.raises(ValueError, match="block"):
        from_json(text)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"aggregation": AggregationConfig(heads=7)}, "aggregation.heads 7: does not divide the width 768"),
        ({"aggregation": None}, "there is no aggregation"),
        ({"backbone": MobileNetConfig()}, "a mobilenet has no projection"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(MODELS["saga-b"], **changes)


def test_a_tower_has_no_tokens_above_its_last_block() -> None:
    with pytest.raises(ValueError, match="there are only 12 layers"):
        VitConfig(token_layer=13)


def test_a_fusion_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="every weight is 0"):
        Fusion(0, 0, 0)
