"""Timing the search of made-up galleries."""

from __future__ import annotations

import json

import pytest

from reid_pipeline.cli import main
from reid_pipeline.errors import ConfigError
from reid_tools.bench.search import DIM, measure


def test_a_gallery_is_filled_and_searched_and_finds_who_is_there() -> None:
    report = measure([2000, 4000], rounds=2)
    assert [(each.looks, each.people) for each in report.galleries] == [(2000, 100), (4000, 200)]
    for each in report.galleries:
        assert each.memory_mb > 0
        assert min(each.insert_us) > 0
        assert 0 < each.search.wall.p10_ms <= each.search.wall.median_ms <= each.search.wall.p90_ms
        assert each.search.cpu.median_ms > 0
        assert 0.9 < each.right <= 1.0
    assert "4,000" in report.table()


def test_the_command_prints_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--search", "2000", "--rounds", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["dim"] == DIM
    (gallery,) = told["galleries"]
    assert gallery["looks"] == 2000
    assert gallery["search"]["wall"].keys() == {"p10_ms", "median_ms", "p90_ms"}
    assert gallery["insert_us"]["last_tenth"] > 0


def test_what_says_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected 2000 looks or more, got 10"):
        measure([10], rounds=1)
    with pytest.raises(ConfigError, match="expected 1 or more, got 0"):
        measure([2000], rounds=0)
