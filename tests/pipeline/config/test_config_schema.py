"""The JSON Schema that editors use agrees with the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from reid_pipeline.config.schema import config_schema


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(config_schema())


def test_every_key_is_described() -> None:
    bare = [
        f"{owner}.{name}" for owner, name, key in _keys(config_schema()) if not key.keys() & {"description", "$ref"}
    ]
    bare += [name for name, section in config_schema()["$defs"].items() if not section.get("description")]
    assert bare == []


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"cameras": {"a": {"sorce": "x"}}}, "sorce"),
        ({"cameras": {"a b": {"source": "x"}}}, "a b"),
        ({"cameras": {}}, "{}"),
        ({"cameras": {"a": {"source": "x"}}, "tracker": {"algorithm": "sort"}}, "sort"),
        ({"cameras": {"a": {"source": "x"}}, "gallery": {"retention": "long"}}, "long"),
        ({"cameras": {"a": {"source": "x", "homography": [[1, 0], [0, 1]]}}}, "homography|not valid|too short"),
    ],
)
def test_it_refuses_what_the_loader_refuses(config: dict[str, Any], error: str) -> None:
    with pytest.raises(jsonschema.ValidationError, match=error):
        jsonschema.validate(config, config_schema())


def _keys(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for owner in (schema, *schema["$defs"].values()):
        for name, key in owner["properties"].items():
            yield owner["title"], name, key
