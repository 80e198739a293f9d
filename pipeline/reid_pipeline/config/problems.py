"""What pydantic found wrong, in words for the person who wrote the file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from reid_pipeline.config.document import Document, Finding, KeyPath
from reid_pipeline.config.models import CROSS_CHECK, EXPECTED_PATTERNS, Config
from reid_pipeline.redact import redact

# pydantic's error type -> what was expected; the error's own bounds are filled in
_EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "string_too_short": "some text",
    "string_too_long": "at most {max_length} characters",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "model_type": "a map",
    "dict_type": "a map",
    "tuple_type": "a list",
    "datetime_type": "a time such as 2026-03-01T09:00:00Z",
    "datetime_parsing": "a time such as 2026-03-01T09:00:00Z",
    "datetime_from_date_parsing": "a time such as 2026-03-01T09:00:00Z",
    "literal_error": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length}",
}


def findings(error: ValidationError, document: Document) -> list[Finding]:
    """The error's parts, each with its line; alternatives of one value are joined into one finding."""
    found: list[Finding] = []
    missing: list[KeyPath] = []
    meant: set[KeyPath] = set()
    expected: dict[KeyPath, list[str]] = {}
    got: dict[KeyPath, str] = {}
    for part in error.errors(include_url=False):
        kind, context = part["type"], part.get("ctx", {})
        path = _path_in(document, part["loc"], keep_last=kind == "missing")
        if kind == CROSS_CHECK:
            found.extend(Finding(document.line(where), where, message) for where, message in context["problems"])
        elif kind == "extra_forbidden":
            known = _model_around(path).model_fields
            meant.update((*path[:-1], name) for name in difflib.get_close_matches(str(path[-1]), known, n=1))
            found.append(Finding(document.line(path), path, f"unknown key; {nearest(str(path[-1]), known)}"))
        elif kind == "missing":
            missing.append(path)
        elif kind in _EXPECTED or kind == "string_pattern_mismatch":
            expected.setdefault(path, []).append(_expectation(kind, context))
            got[path] = _shown(part["input"], path, document)
        else:
            message = str(context.get("error", part["msg"]))
            found.append(Finding(document.line(path), path, redact(message)))
    # a required key that is there with a typing error in it is one problem, not two
    alone = (path for path in missing if path not in meant)
    found += [Finding(document.line(path), path, "this key is required and missing; add it") for path in alone]
    for path, phrases in expected.items():
        message = f"expected {' or '.join(dict.fromkeys(phrases))}, got {got[path]}"
        found.append(Finding(document.line(path), path, message))
    return found


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean ...?` where something similar is known, else the list of what is."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(names)}"


def _path_in(document: Document, location: tuple[int | str, ...], *, keep_last: bool) -> KeyPath:
    """The part of pydantic's location that is in the file; the rest names its internal alternatives."""
    path: KeyPath = location
    while path and path not in document.lines:
        path = path[:-1]
    return (*path, location[-1]) if keep_last and location and len(path) < len(location) else path


def _expectation(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "string_pattern_mismatch":
        return EXPECTED_PATTERNS[context["pattern"]]
    bounds = {key: f"{value:g}" if isinstance(value, float) else value for key, value in context.items()}
    return _EXPECTED[kind].format_map(bounds)


def _shown(value: Any, path: KeyPath, document: Document) -> str:
    if path in document.written:
        return redact(document.written[path])
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        kind = "a map" if isinstance(value, dict) else "a list"
        return kind if value else f"an empty {kind.removeprefix('a ')}"
    text = redact(str(value))
    return f"{text[:60]!r}" if isinstance(value, str) else text[:60]


def _model_around(path: KeyPath) -> type[BaseModel]:
    """The model whose key the last part of `path` should have been."""
    model: type[BaseModel] = Config
    parts: Iterator[str | int] = iter(path[:-1])
    for part in parts:
        annotation = model.model_fields[str(part)].annotation
        if get_origin(annotation) is dict:
            next(parts, None)
        model = next(_models_in(annotation), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if get_origin(annotation) is None and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
