"""Values of a JSON document that know their place in it, so that every complaint names it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


class Unexpected(ValueError):
    """A value that does not belong in its place."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place ("tracklets[3].identity"; "" for the whole document).

    Whatever is missing or of another type raises `Unexpected`, whose text is "place: what is wrong".
    """

    value: Any
    place: str

    def __getitem__(self, key: str) -> Node:
        node = self.get(key)
        if node is None:
            raise Unexpected(f"{self._at(key)}: missing")
        return node

    def get(self, key: str) -> Node | None:
        """The value under `key`, or None where there is none."""
        fields = self._expect(dict, "an object")
        return Node(fields[key], self._at(key)) if key in fields else None

    def items(self) -> Iterator[Node]:
        """The items of a list."""
        for number, value in enumerate(self._expect(list, "a list")):
            yield Node(value, f"{self.place}[{number}]")

    def fields(self) -> Iterator[tuple[str, Node]]:
        """The keys of an object and their values."""
        for key, value in self._expect(dict, "an object").items():
            yield key, Node(value, self._at(key))

    def text(self) -> str:
        """A text."""
        return str(self._expect(str, "text"))

    def flag(self) -> bool:
        """True or false."""
        return bool(self._expect(bool, "true or false"))

    def integer(self) -> int:
        """A whole number."""
        return int(self._expect(int, "a whole number"))

    def number(self) -> float:
        """A number."""
        return float(self._expect((int, float), "a number"))

    def unexpected(self, wanted: str) -> Unexpected:
        """The complaint that this value is not what was wanted."""
        got = json.dumps(self.value, default=str)
        got = got if len(got) <= 40 else got[:37] + "..."
        return Unexpected(f"{self.place or 'the document'}: expected {wanted}, got {got}")

    def _at(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key

    def _expect(self, kind: type | tuple[type, ...], wanted: str) -> Any:
        if not isinstance(self.value, kind) or (isinstance(self.value, bool) and kind is not bool):
            raise self.unexpected(wanted)
        return self.value
