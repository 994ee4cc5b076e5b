"""Lists of tables that grow to millions of rows."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator

MOST_ROWS = 10_000


class KnownPaginator(Paginator):  # type: ignore[type-arg]  # no subscript at run time
    """Of rows whose number is known already."""

    def __init__(self, rows: Any, per_page: int, *, count: int) -> None:
        super().__init__(rows, per_page)
        self.count = count


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # no subscript at run time
    """Counts and pages the first 10,000 rows; what lies behind is reached by filters.

    PostgreSQL and SQLite count by reading, so a table's whole count costs a scan of it.
    """

    @cached_property
    def count(self) -> int:
        return min(self._counted, MOST_ROWS)

    @property
    def has_more(self) -> bool:
        return self._counted > MOST_ROWS

    @cached_property
    def _counted(self) -> int:
        # Of keys alone, so that nothing is worked out for rows that are only counted.
        rows = self.object_list.order_by().values("pk")  # type: ignore[attr-defined]  # always a queryset here
        return int(rows[: MOST_ROWS + 1].count())
