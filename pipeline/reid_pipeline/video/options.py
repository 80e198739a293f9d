"""How sources are opened, and what they tell about trouble on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """`timeout_s` is how long an address may give nothing, both when it is opened and between two pictures.

    A lost stream is opened again after `backoff_s`, then after twice as long each time, up to `max_backoff_s`. `fps` is
    the rate of image folders, which have none of their own. `rtsp_transport` is what RTSP carries pictures over: TCP
    gets through firewalls and loses nothing, UDP suits cameras that speak nothing else.
    """

    timeout_s: float = 10.0
    backoff_s: float = 1.0
    max_backoff_s: float = 30.0
    fps: float = 10.0
    rtsp_transport: Literal["tcp", "udp"] = "tcp"

    def __post_init__(self) -> None:
        for name in ("timeout_s", "backoff_s", "max_backoff_s", "fps"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise ValueError(f"SourceOptions.{name}: expected a number above 0, got {value}")


EventType = Literal["stall", "lost", "reconnect", "decode_error"]


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """Trouble with a source, or its end; `timestamp_ns` is of the source's clock and `message` is safe to print.

    "stall": the stream gave nothing within its timeout; "lost": it broke off or could not be opened again;
    "reconnect": it is back; "decode_error": pictures could not be decoded (told once for those in a row).
    """

    camera: str
    type: EventType
    timestamp_ns: int
    message: str


Report = Callable[[SourceEvent], None]


def ignore(event: SourceEvent) -> None:
    """The `Report` of those who do not want to know."""
