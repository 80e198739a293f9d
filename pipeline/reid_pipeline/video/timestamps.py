"""From a picture's position in its container to a time on the run's clock, in nanoseconds.

Positions are exact fractions of a second, and None where the container does not tell. Stamps always increase.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from reid_pipeline.types import NS_PER_S

# A step back by more than this is a new beginning (joined recordings); less is a container that is a little wrong.
_RESTART_S = 1
# A stream's stamps stay this close behind the clock. The largest lag seen on a healthy stream is one burst of a
# congested network; a larger one means that the camera's clock runs slower than ours, or jumped.
_MAX_LAG_NS = 2 * NS_PER_S


class RecordingTimes:
    """Stamps a recording: the first picture gets `start_ns`, the others their exact distance from it, rounded down.

    A picture without a position follows the one before it by `period_s`. Two pictures at one position are kept apart by
    a nanosecond.
    """

    def __init__(self, start_ns: int, period_s: Fraction) -> None:
        self._start_ns = start_ns
        self._period_s = period_s
        self._elapsed_s: Fraction | None = None
        self._origin_s: Fraction | None = None
        self._last_ns = start_ns - 1

    def stamp(self, position_s: Fraction | None) -> int:
        """The time of the next picture."""
        expected_s = Fraction(0) if self._elapsed_s is None else self._elapsed_s + self._period_s
        elapsed_s = expected_s
        if position_s is not None:
            if self._origin_s is None or position_s - self._origin_s < expected_s - self._period_s - _RESTART_S:
                self._origin_s = position_s - expected_s
            elapsed_s = position_s - self._origin_s
        self._elapsed_s = elapsed_s if self._elapsed_s is None else max(elapsed_s, self._elapsed_s)
        self._last_ns = max(self._start_ns + floor(elapsed_s * NS_PER_S), self._last_ns + 1)
        return self._last_ns


class LiveTimes:
    """Stamps a stream: the first picture when it arrives, the others by their distance from it.

    That takes out the jitter of the network, but trusts the camera's clock. So the distance is measured anew whenever
    it leads to a time that is still to come (the first picture was late itself, or the camera's clock is fast) or that
    lags behind the arrival by more than two seconds.
    """

    def __init__(self) -> None:
        self._anchor_ns: int | None = None
        self._last_ns: int | None = None

    def restart(self) -> None:
        """The stream was opened anew: its positions no longer continue those from before."""
        self._anchor_ns = None

    def stamp(self, position_s: Fraction | None, arrival_ns: int) -> int:
        """The time of the next picture, which arrived at `arrival_ns`; that is its time if it has no position."""
        stamp_ns = arrival_ns
        if position_s is not None:
            offset_ns = floor(position_s * NS_PER_S)
            if self._anchor_ns is not None:
                stamp_ns = self._anchor_ns + offset_ns
            if self._anchor_ns is None or not arrival_ns - _MAX_LAG_NS <= stamp_ns <= arrival_ns:
                stamp_ns = arrival_ns
                self._anchor_ns = arrival_ns - offset_ns
        if self._last_ns is not None:
            stamp_ns = max(stamp_ns, self._last_ns + 1)
        self._last_ns = stamp_ns
        return stamp_ns
