from __future__ import annotations

import pytest

from reid_pipeline.core.offsets import Lag, Offset, offsets


def by_camera(*lags: Lag, **given_s: float) -> dict[str, Offset]:
    return {offset.camera: offset for offset in offsets(lags, given_s)}


def test_one_wrong_clock_among_many_is_the_one_that_is_named() -> None:
    found = by_camera(
        Lag("a", "b", 1.4, 0.05, 20),
        Lag("b", "c", -1.4, 0.05, 9),
        Lag("a", "c", 0.0, 0.05, 7),
        Lag("c", "d", 0.1, 0.1, 6),
    )
    assert [camera for camera, offset in found.items() if offset.sure] == ["b"]
    assert found["b"].ahead_s == pytest.approx(1.4, abs=0.02)
    assert found["b"].tracks == 29
    assert found["b"].reference in "acd"


def test_of_two_the_one_ahead_is_named() -> None:
    found = by_camera(Lag("a", "b", -0.8, 0.05, 20))
    assert (found["a"].ahead_s, found["a"].reference) == (0.8, "b")
    assert (found["b"].ahead_s, found["b"].error_s, found["b"].sure) == (0.0, 0.0, False)


def test_a_lag_that_does_not_fit_the_others_hardly_counts() -> None:
    right = [
        Lag("a", "b", 1.0, 0.1, 9),
        Lag("b", "c", 1.0, 0.1, 9),
        Lag("c", "d", 1.0, 0.1, 9),
        Lag("b", "d", 2.0, 0.1, 9),
    ]
    found = by_camera(*right, Lag("a", "d", -2.0, 0.1, 9))
    assert found["d"].ahead_s - found["b"].ahead_s == pytest.approx(2.0, abs=0.3)


def test_cameras_that_nothing_connects_have_references_of_their_own() -> None:
    found = by_camera(Lag("a", "b", 1.0, 0.1, 9), Lag("x", "y", -1.0, 0.1, 9))
    assert {camera: offset.reference for camera, offset in found.items()} == {"a": "a", "b": "a", "x": "y", "y": "y"}


def test_the_order_of_lags_does_not_matter() -> None:
    lags = [Lag("a", "b", 1.0, 0.1, 9), Lag("b", "c", 0.4, 0.3, 9), Lag("a", "c", 1.1, 0.2, 9)]
    assert offsets(lags, {}) == offsets(lags[::-1], {})


def test_what_was_given_comes_on_top() -> None:
    found = by_camera(Lag("a", "b", 0.5, 0.05, 9), b=1.0)
    assert (found["b"].ahead_s, found["b"].given_s, found["b"].total_s) == (0.5, 1.0, 1.5)


@pytest.mark.parametrize(
    ("lag_s", "error_s", "sure"), [(0.19, 0.01, False), (0.2, 0.05, True), (0.9, 0.35, False), (-1.2, 0.35, True)]
)
def test_a_clock_is_wrong_when_it_is_clearly_so(lag_s: float, error_s: float, sure: bool) -> None:
    assert Offset("a", "b", lag_s, error_s, 9).sure is sure


def test_no_lags_no_offsets() -> None:
    assert offsets([], {"a": 1.0}) == []
