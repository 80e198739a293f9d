"""Vectors that only who has the key can read: AES-256-GCM, each with a nonce of its own.

The key is 32 bytes, written as base64, in an environment variable or a file; `openssl rand -base64 32` makes one. The
gallery holds a short text sealed with its key, so that another key is noticed before anything is read or written with
it. Who was seen where and when is not sealed, only what they look like.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reid_pipeline.errors import ConfigError, GalleryError, MissingExtra

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12
_CHECK = b"reid-pipeline gallery"
_HOW_TO_MAKE = "expected 32 random bytes as base64, such as `openssl rand -base64 32` prints"


class Seal:
    """Closes and opens what is stored of vectors."""

    def __init__(self, cipher: AESGCM) -> None:
        self._cipher = cipher

    def close(self, plain: bytes) -> bytes:
        """The bytes, unreadable."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, None)

    def open(self, sealed: bytes) -> bytes:
        """The bytes again. Raises `ValueError` where they were not closed with this key, or have changed since."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - optional

        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            raise ValueError("a vector cannot be opened with this key") from None


def read_seal(key: str | None) -> Seal | None:
    """The seal that `env:NAME` or `file:PATH` leads to; None where nothing is to be sealed.

    Raises:
        ConfigError: there is no such variable or file, or what it holds is no key; the message does not repeat it.
        MissingExtra: the cipher's library is not installed.
    """
    if key is None:
        return None
    kind, _, place = key.partition(":")
    if kind == "env":
        text = os.environ.get(place, "")
    elif kind == "file" and place:
        text = _read(Path(place))
    else:
        raise ConfigError("gallery key: expected env:NAME or file:PATH; the key itself does not belong there")
    if not text.strip():
        raise ConfigError(f"gallery key {key}: is empty or not set; {_HOW_TO_MAKE}")
    return Seal(_cipher(_decoded(text.strip(), key)))


def new_check(seal: Seal) -> str:
    """A text by which a gallery knows its key again."""
    return base64.b64encode(seal.close(_CHECK)).decode()


def refuse_other_key(meta: Mapping[str, str], seal: Seal | None, label: str) -> None:
    """Raise `GalleryError` unless the gallery with these notes can be used with this seal, or without any."""
    check = meta.get("sealed")
    if check is None:
        if seal is not None:
            raise GalleryError(
                f"{label}: was begun without a key, so its vectors can be read by anybody; "
                "leave the key out, or name another gallery to start a sealed one"
            )
    elif seal is None:
        raise GalleryError(
            f"{label}: its vectors are sealed; name their key: env:NAME or file:PATH "
            "as `key` in the configuration, or with --key"
        )
    else:
        try:
            seal.open(base64.b64decode(check))
        except ValueError:
            raise GalleryError(f"{label}: this is not the key that its vectors were sealed with") from None


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not text"
        raise ConfigError(f"gallery key file:{path}: cannot be read ({why}); {_HOW_TO_MAKE}") from None


def _decoded(text: str, key: str) -> bytes:
    try:
        plain = base64.b64decode(text, validate=True)
    except binascii.Error:
        plain = b""
    if len(plain) != KEY_BYTES:
        raise ConfigError(f"gallery key {key}: is no key; {_HOW_TO_MAKE}")
    return plain


def _cipher(plain: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtra(
            "gallery key: sealing vectors needs cryptography; install it with: pip install 'reid-pipeline[encryption]'"
        ) from None
    return AESGCM(plain)
