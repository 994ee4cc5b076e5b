"""What looks like a secret, and what is shown in its place: the rule of log and audit.

A last net below the rule that none is ever written to either.
"""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "[hidden]"

_SECRET_NAME = re.compile(
    r"(password|passwd|secret|token(?!_name)|credential|authorization|cookie|api_?key)",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(
    r"""(://[^:/@\s]*:)(?!\d{1,5}[/?\#])  # not the port of a web address, whose path has an @
    [^\s"'<>]{1,1000}@""",  # up to the last @: a password may hold one, and a slash, by mistake
    re.VERBOSE,
)
_ASSIGNED = re.compile(
    r"""((?:password|passwd|secret|token|api_?key)(?:=|["']\s*:\s*)["']?)[^\s"',;)}\]]+""",
    re.IGNORECASE,
)
_API_TOKEN = re.compile(r"schedcore_[A-Za-z0-9_-]{40,}")


def masked(value: Any, name: str = "") -> Any:
    """The value, without what stands in it under names of secrets, in URLs or as a token.

    `name` is its own. Only mappings, lists, tuples and texts are looked into.
    """
    if name and _SECRET_NAME.search(name) and value not in (None, ""):
        return HIDDEN
    if isinstance(value, dict):
        return {key: masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner) for inner in value]
    return without_secrets(value) if isinstance(value, str) else value


def without_secrets(text: str) -> str:
    """The text without API tokens, passwords in URLs, and what is written as `password=…`."""
    text = _URL_PASSWORD.sub(rf"\1{HIDDEN}@", _API_TOKEN.sub(HIDDEN, text))
    return _ASSIGNED.sub(rf"\1{HIDDEN}", text)
