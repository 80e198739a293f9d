from __future__ import annotations

from fractions import Fraction

from reid_pipeline.types import NS_PER_S
from reid_pipeline.video.timestamps import LiveTimes, RecordingTimes

MS = 1_000_000
NTSC = Fraction(1001, 30000)


def test_positions_become_exact_distances_from_the_first() -> None:
    times = RecordingTimes(7, NTSC)
    stamps = [times.stamp(5 + index * NTSC) for index in range(1000)]
    assert stamps == [7 + index * 1001 * NS_PER_S // 30000 for index in range(1000)]


def test_missing_positions_follow_at_the_rate() -> None:
    times = RecordingTimes(0, NTSC)
    assert [times.stamp(None) for _ in range(301)][-1] == 10_010 * MS
    mixed = RecordingTimes(0, Fraction(1, 10))
    positions = [None, None, Fraction(5), None, Fraction(6)]
    assert [mixed.stamp(place) for place in positions] == [0, 100 * MS, 200 * MS, 300 * MS, 1200 * MS]


def test_repeated_and_slightly_wrong_positions_still_increase() -> None:
    times = RecordingTimes(0, Fraction(1, 10))
    positions = [Fraction(n, 10) for n in (0, 1, 1, 0, 2)]
    assert [times.stamp(place) for place in positions] == [0, 100 * MS, 100 * MS + 1, 100 * MS + 2, 200 * MS]


def test_a_recording_that_begins_anew_goes_on() -> None:
    times = RecordingTimes(0, Fraction(1, 10))
    positions = [Fraction(0), Fraction(60), Fraction(0), Fraction(1)]
    assert [times.stamp(place) for place in positions] == [0, 60_000 * MS, 60_100 * MS, 61_100 * MS]


def test_a_stream_is_stamped_by_its_own_distances_not_by_the_jitter_of_arrivals() -> None:
    times = LiveTimes()
    arrivals = [1000 * MS, 1150 * MS, 1230 * MS, 1390 * MS]
    stamps = [times.stamp(Fraction(index, 10), arrival) for index, arrival in enumerate(arrivals)]
    assert stamps == [1000 * MS, 1100 * MS, 1200 * MS, 1300 * MS]


def test_no_picture_comes_from_the_future() -> None:
    times = LiveTimes()
    backlog = [times.stamp(Fraction(index, 10), 5000 * MS + index) for index in range(10)]
    assert backlog == [5000 * MS + index for index in range(10)]
    assert times.stamp(Fraction(1), 5200 * MS) == 5100 * MS + 9


def test_a_slow_camera_clock_is_caught_up_with() -> None:
    times = LiveTimes()
    stamps = [times.stamp(Fraction(index), index * 1100 * MS) for index in range(100)]
    lags = [index * 1100 * MS - stamp for index, stamp in enumerate(stamps)]
    assert max(lags) <= 2 * NS_PER_S
    assert stamps == sorted(set(stamps))


def test_stamps_never_go_back_after_a_reconnect_or_when_the_clock_is_set() -> None:
    times = LiveTimes()
    first = times.stamp(Fraction(90), 1000 * MS)
    times.restart()
    assert times.stamp(Fraction(0), 3000 * MS) == 3000 * MS
    assert times.stamp(Fraction(1, 10), 3100 * MS) == 3100 * MS
    assert times.stamp(Fraction(2, 10), 500 * MS) == 3100 * MS + 1
    assert first == 1000 * MS


def test_a_stream_without_positions_is_stamped_on_arrival() -> None:
    times = LiveTimes()
    assert [times.stamp(None, arrival) for arrival in (5, 9, 9)] == [5, 9, 10]
