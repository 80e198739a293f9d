from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from reid_pipeline.config.loader import LoadedConfig, load_config
from reid_pipeline.errors import ConfigError

Load = Callable[..., LoadedConfig]
Refusal = Callable[..., list[str]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a cameras.yaml with the given text; keyword arguments are the environment."""

    def write_and_load(text: str, **environment: str) -> LoadedConfig:
        path = tmp_path / "cameras.yaml"
        path.write_text(dedent(text), encoding="utf-8")
        return load_config(path, environment=environment)

    return write_and_load


@pytest.fixture
def refusal(load: Load, tmp_path: Path) -> Refusal:
    """The problems found in the text, as `LINE: key: problem`."""

    def refused(text: str, **environment: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text, **environment)
        return [line.removeprefix(f"{tmp_path}/cameras.yaml:") for line in str(caught.value).splitlines()]

    return refused
