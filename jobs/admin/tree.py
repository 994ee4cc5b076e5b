"""JSON as a tree that folds, by the browser's own means."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from jobs.admin.display import printable

MOST_ENTRIES = 200
"""Of one list or object; the others are counted."""
MOST_OPEN = 20
"""A list or object that is longer is folded at first."""
DEEPEST = 12
"""What lies deeper is written as JSON."""


def tree(value: Any) -> SafeString:
    """The value as nested lists; names and texts are escaped, also what no page can hold."""
    return format_html('<div class="sc-tree">{}</div>', _node(value, 0))


def _node(value: Any, depth: int) -> SafeString:
    entries = _entries(value)
    if not entries or depth > DEEPEST:
        return _leaf(value)
    items = format_html_join(
        "",
        "<li>{}</li>",
        ((_entry(name, child, depth + 1),) for name, child in islice(_pairs(value), MOST_ENTRIES)),
    )
    more = _more(entries - MOST_ENTRIES)
    return format_html("<ul>{}{}</ul>", items, more)


def _entry(name: str, value: Any, depth: int) -> SafeString:
    entries = _entries(value)
    if not entries or depth > DEEPEST:
        return format_html("{} {}", _name(name), _leaf(value))
    return format_html(
        "<details{}><summary>{} <small>{}</small></summary>{}</details>",
        SafeString(" open") if entries <= MOST_OPEN and depth < 3 else "",
        _name(name),
        _size(value, entries),
        _node(value, depth),
    )


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return ((str(name), child) for name, child in value.items())
    return ((str(number), child) for number, child in enumerate(value))


def _entries(value: Any) -> int:
    return len(value) if isinstance(value, Mapping | list) else 0


def _name(name: str) -> SafeString:
    return format_html("<b>{}</b>", printable(name))


def _size(value: Any, entries: int) -> str:
    if isinstance(value, Mapping):
        return ngettext("%(n)d field", "%(n)d fields", entries) % {"n": entries}
    return ngettext("%(n)d entry", "%(n)d entries", entries) % {"n": entries}


def _leaf(value: Any) -> SafeString:
    if isinstance(value, str):
        return format_html('<span class="sc-text">{}</span>', printable(value))
    text = json.dumps(value, ensure_ascii=False)
    return format_html('<code class="sc-value">{}</code>', printable(text))


def _more(count: int) -> SafeString:
    if count <= 0:
        return SafeString("")
    text = ngettext("… and %(n)d more", "… and %(n)d more", count) % {"n": count}
    return format_html("<li><small>{}</small></li>", text)
