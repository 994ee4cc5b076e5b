"""Elements of a picture, escaped. Nothing here is styled: classes say what a thing is."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

Content = str | SafeString
Attribute = str | int | float | None


def tag(name: str, *content: Content, **attributes: Attribute) -> SafeString:
    """An element. `class_` is `class`, `text_anchor` is `text-anchor`, None leaves one out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_written(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return SafeString(f"<{name}{given}>{joined(content)}</{name}>")


def joined(parts: Iterable[Content]) -> SafeString:
    return SafeString("".join(conditional_escape(part) for part in parts))


def percent(share: float) -> str:
    """0.125 as `12.5%`: places along the width, so that a picture is as wide as its room."""
    return f"{number(share * 100)}%"


def number(value: float) -> str:
    """At most two decimals, and no more characters than that takes."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _written(value: str | int | float) -> str:
    return number(value) if isinstance(value, float) else conditional_escape(str(value))
