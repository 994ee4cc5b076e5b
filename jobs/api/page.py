"""What `meta` of a list says of its pages."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class CountMeta(TypedDict):
    count: int


class PageMeta(CountMeta):
    """Of a list whose pages are numbered from 1 on; `count` is of all pages together."""

    page: int
    page_size: int
    pages: int


class KeysetMeta(TypedDict):
    """`next_before` is the `before` of the next page, null on the last one; of a list that is
    ordered by `id` it is `next_after`."""

    limit: int
    next_before: NotRequired[int | None]
    next_after: NotRequired[int | None]
