"""Which runs wait for an engine that has to be built first, and which go on meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reid_pipeline.runtime import video_run
from reid_pipeline.runtime.live import run
from reid_pipeline.runtime.replay import replay
from reid_pipeline.runtime.report import Quiet
from tiny_site import Site


@pytest.mark.parametrize(("drive", "in_background"), [(run, True), (replay, False)])
def test_only_a_live_run_goes_on_while_engines_are_built(
    plaza: Site, monkeypatch: pytest.MonkeyPatch, drive: Callable[..., object], in_background: bool
) -> None:
    asked: dict[str, bool] = {}
    for kind in ("open_detector", "open_encoder"):
        real = getattr(video_run, kind)

        def noted(*given: Any, kind: str = kind, real: Callable[..., Any] = real, **named: Any) -> Any:
            asked[kind] = named["first_build"].in_background
            return real(*given, **named)

        monkeypatch.setattr(video_run, kind, noted)
    drive(plaza.load(), plaza.options(), Quiet())
    assert asked == {"open_detector": in_background, "open_encoder": in_background}
