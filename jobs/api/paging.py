"""Pages of lists: by the last id of the page before where a list grows without end, else by
their number."""

from __future__ import annotations

import math
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from jobs.api.page import PageMeta
from jobs.api.strict import MAX_ID, Choice, Query, Whole
from jobs.errors import NotFound

MAX_LIMIT = 500
MAX_PAGE_SIZE = 1000


class KeysetQuery(Query):
    """Newest first, where the next page is `before` the last id of this one; or, ordered by
    `id`, oldest first, where it is `after` it."""

    ordering = Choice(["-id", "id"], default="-id")
    before = Whole(required=False, min_value=1, max_value=MAX_ID)
    after = Whole(required=False, min_value=0, max_value=MAX_ID)
    limit = Whole(default=50, min_value=1, max_value=MAX_LIMIT)


def page_of(rows: QuerySet[Any], query: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The rows of one page as a `KeysetQuery` asks for it, and the list's `meta`."""
    ordering, limit = query["ordering"], query["limit"]
    rows = rows.order_by(ordering)
    if "before" in query:
        rows = rows.filter(pk__lt=query["before"])
    if "after" in query:
        rows = rows.filter(pk__gt=query["after"])
    page = list(rows[: limit + 1])
    more = len(page) > limit
    page = page[:limit]
    following = "next_before" if ordering == "-id" else "next_after"
    return page, {"limit": limit, following: page[-1].pk if more else None}


class PageQuery(Query):
    page = Whole(default=1, min_value=1, max_value=MAX_ID)
    page_size = Whole(default=500, min_value=1, max_value=MAX_PAGE_SIZE)


def stretch_of(query: dict[str, Any]) -> tuple[int, int]:
    """The offset and the limit of the page that a `PageQuery` asks for."""
    size = query["page_size"]
    return min((query["page"] - 1) * size, MAX_ID - size), size


def page_meta(query: dict[str, Any], count: int) -> PageMeta:
    """The `meta` of a list of `count` rows in all; raises NotFound for a page behind its last."""
    number, size = query["page"], query["page_size"]
    pages = max(1, math.ceil(count / size))
    if number > pages:
        raise NotFound(
            _("There is no page %(page)d; the last one is %(last)d.")
            % {"page": number, "last": pages}
        )
    return {"count": count, "page": number, "page_size": size, "pages": pages}
