"""The JSON Schema of cameras.yaml, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any

from reid_pipeline.config.models import Config


def config_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a cameras.yaml; what needs other keys or the file system is left to the loader."""
    schema = Config.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "cameras.yaml"}
