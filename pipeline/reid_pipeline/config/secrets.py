"""Keeps passwords out of everything that is printed or hashed."""

from __future__ import annotations

import re

HIDDEN = "***"

# a password may hold any character, so everything from the scheme to the last @ counts as credentials
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)\S*@")
_QUERY = re.compile(r"(?P<key>[?&;](?:pass|pwd|token|secret|auth|api_?key|key)[^=&\s]*=)[^&\s]*", re.IGNORECASE)


def hide_credentials(text: str) -> str:
    """The text with the credentials of every address in it replaced by `***`."""
    return _QUERY.sub(rf"\g<key>{HIDDEN}", _USERINFO.sub(rf"\g<scheme>{HIDDEN}@", text))
