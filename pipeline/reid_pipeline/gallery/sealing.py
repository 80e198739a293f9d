"""Vectors that only who has the key can read."""

from __future__ import annotations

from typing import Protocol


class Seal(Protocol):
    """Closes and opens what is stored of vectors."""

    def close(self, plain: bytes) -> bytes:
        """The bytes, unreadable."""
        ...

    def open(self, sealed: bytes) -> bytes:
        """The bytes again. Raises `ValueError` where they were not closed with this key, or have changed since."""
        ...
