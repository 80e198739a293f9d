"""JSON with sorted keys and a fixed number of decimals: the same values give the same bytes on any machine."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

MS_PER_S = 1000
_NS_PER_MS = 1_000_000

Time = TypeVar("Time", int, NDArray[np.int64])


class Raw(str):
    """Text that is JSON already and is written as it is."""

    __slots__ = ()


Json: TypeAlias = "str | int | bool | Raw | list[Json] | tuple[Json, ...] | Mapping[str, Json] | None"


def decimal(value: float, places: int) -> Raw:
    """The number rounded to `places` decimals and written with all of them; never "-0.00".

    Raises:
        ValueError: NaN or infinity, which JSON has no word for.
    """
    if not math.isfinite(value):
        raise ValueError(f"cannot write {value} to JSON")
    return Raw(f"{round(float(value), places) + 0.0:.{places}f}")


def milliseconds(timestamp_ns: Time) -> Time:
    """The time, or array of times, rounded to whole milliseconds, in integers so that hours from zero stay exact."""
    return (timestamp_ns + _NS_PER_MS // 2) // _NS_PER_MS


def seconds(timestamp_ns: int) -> Raw:
    """The time as seconds with three decimals."""
    return decimal(milliseconds(timestamp_ns) / MS_PER_S, 3)


def to_json(value: Json) -> str:
    """The value as one line of ASCII JSON without spaces; plain floats are refused, `decimal` gives them a format.

    Raises:
        TypeError: the value holds a plain float or something that JSON does not know.
    """
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(key)}:{to_json(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(to_json, value)) + "]"
    if value is None or isinstance(value, (str, int)):
        return json.dumps(value)
    raise TypeError(f"cannot write {type(value).__name__} with a fixed format")
