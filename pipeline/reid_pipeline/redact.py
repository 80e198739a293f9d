"""Takes passwords out of texts that people get to see: names, messages, log lines, records.

Cameras are opened by address, and an address often holds a password: in front of the host
(`rtsp://viewer:secret@10.0.0.5/stream1`) or among its parameters (`?user=viewer&pwd=secret`). A password typed into an
address by hand may hold any character, also those that should have been percent-encoded, so where an address can be
read in two ways the reading that hides more wins.
"""

from __future__ import annotations

import re

HIDDEN = "***"

# What follows `://` up to the next address on the line; blanks are let in because a password may hold one.
_AFTER_SCHEME = re.compile(r"://(?P<rest>.*?)(?=\s\S*://|$)", re.MULTILINE)
_SECRET_PARAMETER = re.compile(
    r"(?P<name>[?&;][^=&;\s]*(?:pass|pwd|psw|secret|token|api_?key|access_?key|auth|sig)[^=&;\s]*=)[^&\s'\"]*",
    re.IGNORECASE,
)
_HOST_AND_PORT = re.compile(r"[^:]+:\d{1,5}")


def redact(text: str) -> str:
    """The text with every password in an address replaced by `***`; user names and the rest stay.

    >>> redact("lost rtsp://viewer:p@ss/w0rd@10.0.0.5:554/stream1")
    'lost rtsp://viewer:***@10.0.0.5:554/stream1'
    """
    return _SECRET_PARAMETER.sub(rf"\g<name>{HIDDEN}", _AFTER_SCHEME.sub(_without_password, text))


def _without_password(address: re.Match[str]) -> str:
    rest = address["rest"]
    word = re.split(r"\s", rest, maxsplit=1)[0]
    authority = re.split(r"[/?#]", word, maxsplit=1)[0]
    has_path = len(authority) < len(word)
    # `viewer:my` cannot be the whole of a host: the password goes on behind the blank, up to the last @ of the text.
    cut_by_blank = "@" not in word and ":" in authority and not (has_path and _HOST_AND_PORT.fullmatch(authority))
    credentials, at, _ = (rest if cut_by_blank else word).rpartition("@")
    if not at or not ("@" in authority or ":" in authority):
        return address[0]
    user = credentials.partition(":")[0] + ":" if ":" in credentials else ""
    return f"://{user}{HIDDEN}{rest[len(credentials) :]}"
