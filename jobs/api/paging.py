"""Pages of lists that grow without end: by the last id of the page before."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from jobs.api.strict import MAX_ID, Choice, Query, Whole

MAX_LIMIT = 500


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
