"""YAML text to plain values, remembering the line of every key.

Values are read as YAML 1.2 reads them: only `true` and `false` are booleans and `012` is text, so a camera called `on`
or a model called `0287` stays what was written. `${NAME}` comes from the environment (percent-encoded where it
is the user or password of an address), `$${` is a literal `${`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote

import yaml

KeyPath: TypeAlias = tuple[str | int, ...]

MAX_DEPTH = 20
MAX_VALUES = 100_000

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with the scalars of YAML 1.2's core schema (decimal numbers only)."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  PyYAML's own way to replace them


_Loader.add_implicit_resolver(_TAG + "bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(_TAG + "null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(_TAG + "int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    _TAG + "float",
    re.compile(r"^[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)


def _plain_tag(text: str) -> str:
    """The tag of the text as a scalar without quotes."""
    return str(_Loader("").resolve(yaml.ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in the file: its line (from 1), the key it concerns, and what to do about it."""

    line: int
    path: KeyPath
    message: str

    def __str__(self) -> str:
        place = show_path(self.path)
        return f"{self.line}: {place}: {self.message}" if place else f"{self.line}: {self.message}"


@dataclass(slots=True)
class Document:
    """The values of a YAML file; `lines` and `written` are by key path.

    `written` holds the text of those values that took something from the environment, as it stands in the file.
    """

    data: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    written: dict[KeyPath, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def line(self, path: KeyPath) -> int:
        """The line of the key, or of the nearest one around it that is in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def show_path(path: KeyPath) -> str:
    """A key path as people write it: `cameras.lobby.overlaps[1]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def read_document(text: str, environment: Mapping[str, str]) -> Document:
    """The document in `text`; what is wrong with single keys is in its `findings`.

    Raises:
        yaml.YAMLError: The text is not YAML.
        RecursionError: It is nested so deeply that it cannot be meant.
    """
    root = yaml.compose(text, Loader=_Loader)
    reader = _Reader(environment)
    if root is not None:
        reader.document.data = reader.value(root, ())
    return reader.document


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.document = Document()
        self._environment = environment
        self._values = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._values += 1
        # aliases can repeat or contain themselves, so the size of the file bounds nothing
        if len(path) > MAX_DEPTH or self._values > MAX_VALUES:
            raise RecursionError
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._find(line, path, "expected a plain name as key, got a list or map")
                continue
            key = str(key_node.value)
            key_path = (*path, key)
            if key in found:
                self._find(line, key_path, f"given twice, first in line {self.document.lines[key_path]}; keep one")
                continue
            self.document.lines[key_path] = line
            found[key] = self.value(value_node, key_path)
        return found

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        text, tag = str(node.value), node.tag
        if "${" in text:
            self.document.written[path] = text
            text = _REFERENCE.sub(lambda match: self._replacement(match, node, path), text)
            if node.style is None:
                tag = _plain_tag(text)
        if tag == _TAG + "null":
            return None
        if tag == _TAG + "bool":
            return text.lower() == "true"
        if tag == _TAG + "int":
            return int(text)
        if tag == _TAG + "float":
            return float(text)
        if tag != _TAG + "str":
            self._find(node.start_mark.line + 1, path, f"the tag {tag} is not understood; remove it")
        return text

    def _replacement(self, match: re.Match[str], node: yaml.ScalarNode, path: KeyPath) -> str:
        name = match["name"]
        if name is None:
            return "${"
        line = node.start_mark.line + 1
        if not _NAME.fullmatch(name):
            self._find(line, path, f"expected ${{NAME}}, got {match[0]}; write $${{ for a literal ${{")
        elif name not in self._environment:
            self._find(line, path, f"the environment variable {name} is not set; set it before starting")
        value = self._environment.get(name, "")
        return quote(value, safe="") if _in_credentials(match) else value

    def _find(self, line: int, path: KeyPath, message: str) -> None:
        self.document.findings.append(Finding(line, path, message))


def _in_credentials(match: re.Match[str]) -> bool:
    """Whether the reference stands before the host of an address, where `/ # ? @` must be percent-encoded."""
    _, separator, before = match.string[: match.start()].partition("://")
    return bool(separator) and "/" not in before and "@" in match.string[match.end() :]
