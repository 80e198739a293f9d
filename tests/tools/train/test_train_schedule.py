"""Rates against those of the published schedules."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from reid_tools.train.schedule import Schedule


def rates(schedule: Schedule, *epochs: int) -> list[float]:
    return [schedule.rate(epoch, step=1000) for epoch in epochs]


def test_the_prompts_warm_up_then_follow_a_cosine() -> None:
    schedule = Schedule(epochs=100, learning_rate=3.5e-4, warmup_epochs=5, warmup_from=1e-5, cosine_to=1e-6)
    first, second, after, last = rates(schedule, 1, 2, 6, 100)
    assert first == pytest.approx(1e-5)
    assert second == pytest.approx(1e-5 + (3.5e-4 - 1e-5) / 5)
    assert 3.49e-4 < after < 3.5e-4
    assert last == pytest.approx(1e-6)


def test_the_backbone_warms_up_by_steps_and_drops_twice() -> None:
    schedule = Schedule(epochs=80, learning_rate=5e-6, warmup_steps=10, warmup_from=5e-7, drop_at=(40, 70))
    assert [schedule.rate(1, step) for step in (0, 5, 10)] == pytest.approx([5e-7, 2.75e-6, 5e-6])
    assert rates(schedule, 39, 40, 69, 70, 80) == pytest.approx([5e-6, 5e-7, 5e-7, 5e-8, 5e-8])


def test_without_more_the_rate_stays() -> None:
    assert rates(Schedule(epochs=20, learning_rate=3e-4), 1, 10, 20) == [3e-4] * 3


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"warmup_epochs": 1, "warmup_steps": 1}, "got both; keep one"),
        ({"warmup_epochs": 9}, "expected warmup_epochs <= epochs, got 9 > 4"),
        ({"learning_rate": 0}, "greater than 0"),
        ({"warm_up": 3}, "Extra inputs are not permitted"),
    ],
)
def test_what_does_not_fit_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Schedule.model_validate({"epochs": 4, "learning_rate": 1e-3, **keys})
