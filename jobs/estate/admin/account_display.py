"""How grants, memberships, flags and differences look on a page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.display import badge, printable
from jobs.estate.models.account import Flag

PLAIN_NAME = re.compile(r"[\w$]+")

WHERE: Mapping[str, Promise] = {
    "server": gettext_lazy("the server"),
    "database": gettext_lazy("database"),
    "schema": gettext_lazy("schema"),
    "table": gettext_lazy("table"),
    "column": gettext_lazy("column"),
    "routine": gettext_lazy("routine"),
    "default": gettext_lazy("all that is yet to be made:"),
}
"""What follows “on”, by scope."""


def flag_badges(flags: Iterable[str]) -> SafeString | None:
    """None where there is none."""
    labels = dict(Flag.choices)
    shown = [(badge(flag, str(labels.get(flag, flag))),) for flag in flags]
    return format_html_join(" ", "{}", shown) if shown else None


def grant_line(grant: Mapping[str, Any]) -> str:
    """ "SELECT, UPDATE on table sales.public.orders (may grant it on)"."""
    where = _("on %(what)s %(path)s") % {
        "what": WHERE.get(grant["scope"], grant["scope"]),
        "path": ".".join(_quoted(name) for name in grant["path"]),
    }
    may_grant = _("(may grant it on)") if grant["is_grantable"] else ""
    parts = (", ".join(grant["privileges"]), where.strip(), may_grant)
    return " ".join(part for part in parts if part)


def membership_line(membership: Mapping[str, Any]) -> str:
    """ "readers (may admit others, does not inherit)"."""
    words = [
        word
        for is_so, word in (
            (membership["is_admin"], _("may admit others")),
            (membership["inherits"] is False, _("does not inherit")),
            (membership["may_set"] is False, _("may not become it")),
        )
        if is_so
    ]
    role = _quoted(membership["role"])
    return f"{role} ({', '.join(words)})" if words else role


def listed(items: Sequence[str], most: int) -> SafeString | None:
    """A line each; of more than `most` the first, and how many more there are."""
    if not items:
        return None
    return format_html('<ul class="sc-changes">{}</ul>', _items("", items, most))


def difference_block(difference: Mapping[str, Any], most: int) -> SafeString | None:
    """Fields as before → after, then a line for each grant and membership that came or went."""
    single = [(name, sides) for name, sides in sorted(difference.items()) if name not in LINE_OF]
    fields = format_html_join(
        "", "<li><b>{}</b> {}</li>", ((FIELDS.get(name, name), _sides(s)) for name, s in single)
    )
    lists = []
    for name, line in LINE_OF.items():
        for side in ("added", "removed"):
            rows = difference.get(name, {}).get(side, ())
            lists.append((_items(f"sc-{side}", [line(row) for row in rows], most),))
    return format_html(
        '<ul class="sc-changes">{}{}</ul>', fields, format_html_join("", "{}", lists)
    )


FIELDS: Mapping[str, Promise] = {
    "is_role": gettext_lazy("role"),
    "can_login": gettext_lazy("can log in"),
    "is_superuser": gettext_lazy("superuser"),
    "is_locked": gettext_lazy("locked"),
    "has_password": gettext_lazy("has a password"),
    "expires_at": gettext_lazy("expires at"),
    "never_expires": gettext_lazy("never expires"),
}
"""Whatever else differs is an attribute, by the server's own name."""


def _sides(sides: Mapping[str, Any]) -> SafeString:
    """Before → after; of an account that came or went, its one state."""
    words = [(_value(sides[side]),) for side in ("before", "after") if side in sides]
    return format_html_join(" → ", "{}", words)


def _value(value: Any) -> str | SafeString:
    if value is None:
        return _("not known")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return format_html("<code>{}</code>", printable(json.dumps(value, ensure_ascii=False)))


LINE_OF = {"memberships": membership_line, "grants": grant_line}


def attribute_lines(attributes: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in sorted(attributes.items())
    ]


def _items(kind: str, items: Sequence[str], most: int) -> SafeString:
    shown = format_html_join(
        "", '<li class="{}"><code>{}</code></li>', ((kind, item) for item in islice(items, most))
    )
    if len(items) <= most:
        return shown
    more = _("and %(more)s more") % {"more": len(items) - most}
    return format_html('{}<li class="{}">{}</li>', shown, kind, more)


def _quoted(name: str) -> str:
    """As it is, or in quotes where its end could not be told."""
    if not name:
        return "*"
    return name if PLAIN_NAME.fullmatch(name) else '"{}"'.format(name.replace('"', '""'))
