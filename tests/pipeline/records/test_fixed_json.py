from __future__ import annotations

import json
import math

import numpy as np
import pytest

from reid_pipeline.records.fixed import Raw, decimal, milliseconds, seconds, to_json


@pytest.mark.parametrize(
    ("value", "text"), [(0.91, "0.9100"), (-0.00001, "0.0000"), (1e-7, "0.0000"), (12345.67891, "12345.6789")]
)
def test_decimals_are_fixed(value: float, text: str) -> None:
    assert decimal(value, 4) == text
    assert decimal(np.float32(value), 2) == f"{float(np.float32(value)) + 0.0:.2f}".replace("-0.00", "0.00")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="cannot write"):
        decimal(value, 2)


def test_plain_floats_are_refused() -> None:
    with pytest.raises(TypeError, match="cannot write float"):
        to_json({"score": 0.5})  # type: ignore[dict-item]


def test_keys_are_sorted_and_text_is_ascii() -> None:
    text = to_json({"b": [1, True, None, Raw("2.50")], "a": {"é": 'quote"'}})
    assert text == '{"a":{"\\u00e9":"quote\\""},"b":[1,true,null,2.50]}'
    assert json.loads(text)["a"]["é"] == 'quote"'


def test_times_stay_exact_far_from_zero() -> None:
    unix_ns = 1_772_355_600_123_499_999
    assert seconds(unix_ns) == "1772355600.123"
    assert milliseconds(np.array([unix_ns, 500_000], np.int64)).tolist() == [1_772_355_600_123, 1]
