"""The packages of the `[footage]` extra, imported on use."""

from __future__ import annotations

import importlib
from types import ModuleType

from reid_pipeline.errors import MissingExtra


def footage_module(name: str) -> ModuleType:
    """The module called `name`.

    Raises:
        MissingExtra: it is not installed; the message names the command that installs it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"footage: rendering needs the package {(error.name or name).split('.')[0]!r}, which is not installed; "
            "run: pip install 'reid-pipeline[footage]'"
        ) from None
