"""Text of others, made harmless for whoever reads it in a terminal.

A task must not be able to move the cursor of whoever looks at it, hide a line or set the title
of their window.
"""

from __future__ import annotations

import re

_OBEYED = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f"  # C0 but for the end of a line, and C1
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that turn the direction of writing
    r"\u2028\u2029\ud800-\udfff]"  # separators of lines and paragraphs, halves of surrogate pairs
)
_NOT_JSON = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """The text with everything that a terminal would obey written out, as `\\x1b`.

    Tabs become spaces; lines stay lines.
    """
    return _OBEYED.sub(lambda found: _written_out(found[0]), text)


def one_line(text: str) -> str:
    """The same in one line."""
    return " ".join(harmless(text).split())


def harmless_json(document: str) -> str:
    """A JSON document that means the same, with what a terminal would obey escaped in it."""
    return _NOT_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def _written_out(char: str) -> str:
    return "    " if char == "\t" else ascii(char)[1:-1]
