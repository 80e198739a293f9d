"""One way in: a YAML file becomes a checked `Config`, or one line per problem says what to change.

Loading reads the YAML file and the environment, and nothing else: no model, no other file, no network.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from reid_pipeline.config import problems
from reid_pipeline.config.document import Document, Finding, KeyPath, read_document
from reid_pipeline.config.models import Config
from reid_pipeline.config.paths import with_absolute_paths
from reid_pipeline.errors import ConfigError
from reid_pipeline.redact import redact

MAX_BYTES = 4_000_000

_HAS_ZONE = re.compile(r"(?:[Zz]|[+-]\d\d:?\d\d)$")


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration and where it came from.

    Paths in `config` are absolute. `public` is the configuration as JSON values with every default filled in, paths and
    `${NAME}` as written and credentials hidden: safe to print. `sha256` is the hash of `public`, so it is the same on
    every machine and for every password.
    """

    config: Config = field(repr=False)
    path: Path
    public: Mapping[str, Any]
    sha256: str
    warnings: tuple[str, ...]


def load_config(path: Path | str, *, environment: Mapping[str, str] | None = None) -> LoadedConfig:
    """Read and check a cameras.yaml.

    Args:
        path: The YAML file.
        environment: What `${NAME}` refers to; the process's environment when left out.

    Raises:
        ConfigError: Something is wrong; the message has one line per problem, `FILE:LINE: key: problem`.
    """
    name, path = str(path), Path(path)
    text = _read(path)
    document = _parse(text, name, os.environ if environment is None else environment)
    config = _validate(document, name)
    public = _public(config, document)
    canonical = json.dumps(public, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    absolute = path.absolute()
    return LoadedConfig(
        config=with_absolute_paths(config, absolute.parent),
        path=absolute,
        public=public,
        sha256=hashlib.sha256(canonical.encode()).hexdigest(),
        warnings=tuple(f"{name}:{warning}" for warning in _warnings(config, document)),
    )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        hint = "write one with `reid-pipeline config init SOURCE... > cameras.yaml`"
        raise ConfigError(f"{path}: no such file; {hint}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: expected a YAML file, got a folder; name the file in it") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: expected a YAML file, got more than {MAX_BYTES // 1_000_000} MB of something else")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: expected UTF-8 text; save the file in that encoding") from None


def _parse(text: str, name: str, environment: Mapping[str, str]) -> Document:
    try:
        document = read_document(text, environment)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{name}:{line}: expected text, got the control character {error.character!r}") from None
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_syntax_message(error, text, name)) from None
    except RecursionError:
        raise ConfigError(f"{name}: nested too deeply, or anchors that repeat themselves") from None
    if document.data is None:
        raise ConfigError(f"{name}:1: the file is empty; expected a map with the key cameras")
    if not isinstance(document.data, dict):
        raise ConfigError(f"{name}:{document.line(())}: expected a map with the key cameras at the top")
    return document


def _syntax_message(error: yaml.MarkedYAMLError, text: str, name: str) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    around = " " + error.context if error.context else ""
    message = f"{place}: not valid YAML: {error.problem or 'the text ends too early'}{around}"
    line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    return message + "; put quotes around values with ${...} inside braces" if "${" in line else message


def _validate(document: Document, name: str) -> Config:
    # a section whose keys are all commented out means its defaults
    sections = {key: value for key, value in document.data.items() if value is not None}
    found: list[Finding] = list(document.findings)
    known_bad = {finding.path for finding in found}
    config: Config | None = None
    try:
        # JSON's strict mode is the one that takes lists for tuples and text for times, but no "10" for 10
        config = Config.model_validate_json(json.dumps(sections), strict=True)
    except ValidationError as error:
        found += [finding for finding in problems.findings(error, document) if finding.path not in known_bad]
    if found or config is None:
        ordered = sorted(found, key=lambda finding: (finding.line, str(finding)))
        raise ConfigError("\n".join(f"{name}:{finding}" for finding in ordered))
    return config


def _public(config: Config, document: Document) -> dict[str, Any]:
    values: dict[str, Any] = config.model_dump(mode="json")
    for path, written in document.written.items():
        _put(values, path, written)
    shown = _hidden(values)
    assert isinstance(shown, dict)
    return shown


def _put(values: Any, path: KeyPath, value: str) -> None:
    for part in path[:-1]:
        values = values[part]
    values[path[-1]] = value


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _hidden(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    return redact(value) if isinstance(value, str) else value


def _warnings(config: Config, document: Document) -> Iterator[str]:
    seen: dict[str | int, str] = {}
    for name, camera in config.cameras.items():
        first = seen.setdefault(camera.source, name)
        if first != name:
            path: KeyPath = ("cameras", name, "source")
            yield str(Finding(document.line(path), path, f"camera {first} has the same source"))
        path = ("cameras", name, "start")
        if camera.start is not None and not _HAS_ZONE.search(document.data["cameras"][name]["start"]):
            yield str(Finding(document.line(path), path, "no time zone given, read as UTC; add Z or +02:00"))
