"""Whether partitions are what they should be: their sizes, number, indexes, and leftovers. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from django.utils.translation import gettext as _

from jobs.estate.models.finding import FindingKind, Severity
from jobs.estate.services.partition_found import Found, Subject, each_or_together, label
from jobs.estate.units import format_bytes

OVERSIZED_FACTOR = 3
OVERSIZED_FROM_BYTES = 1024**3
MEDIAN_OF = 4
EMPTY_BELOW_BYTES = 1024**2
"""Oversized is at least 1 GiB, and more than 3 times the median of at least 4 partitions. Those
below 1 MiB were made ahead or emptied, and are left out of the median."""

MANY = 1000
"""More make planning noticeably slower on PostgreSQL (its documentation, 5.12.6: best practices),
and come near the 8192 of MySQL."""


def check_sizes(subject: Subject) -> Iterable[Found]:
    sizes = {
        label(subject.table, part): part.size_bytes
        for part in subject.table.partitions
        if not part.is_default and (part.size_bytes or 0) >= EMPTY_BELOW_BYTES
    }
    if len(sizes) < MEDIAN_OF:
        return []
    usual = median(size for size in sizes.values() if size is not None)
    found = []
    for name, size in sizes.items():
        if size is None or size < OVERSIZED_FROM_BYTES or size <= OVERSIZED_FACTOR * usual:
            continue
        message = _("“%(name)s” is %(size)s, %(times).1f times the median of %(median)s.") % {
            "name": name,
            "size": format_bytes(size),
            "times": size / usual,
            "median": format_bytes(int(usual)),
        }
        details = {"size_bytes": size, "median_bytes": int(usual)}
        found.append(Found(FindingKind.OVERSIZED, Severity.WARNING, message, name, details))
    return each_or_together(found, _("%(count)s partitions are oversized, “%(first)s” among them."))


def check_number(subject: Subject) -> Iterable[Found]:
    count = len(subject.table.partitions)
    if count > MANY:
        message = _("It has %(count)s partitions; more than %(many)s slow down its queries.")
        values = {"count": count, "many": MANY}
        yield Found(
            FindingKind.TOO_MANY, Severity.WARNING, message % values, details={"count": count}
        )


def check_indexes(subject: Subject) -> Iterable[Found]:
    found = []
    for part in subject.table.partitions:
        if part.missing_indexes:
            name, indexes = label(subject.table, part), ", ".join(part.missing_indexes)
            message = _("“%(name)s” lacks these indexes of its table: %(indexes)s.")
            values = {"name": name, "indexes": indexes}
            details = {"indexes": list(part.missing_indexes)}
            found.append(
                Found(FindingKind.INDEX_MISSING, Severity.WARNING, message % values, name, details)
            )
    return each_or_together(
        found, _("%(count)s partitions lack indexes of their table, “%(first)s” among them.")
    )


def check_leftovers(subject: Subject) -> Iterable[Found]:
    message = _("“%(name)s” looks like a detached partition that still takes space.")
    found = [
        Found(FindingKind.LEFTOVER, Severity.INFO, message % {"name": name}, name)
        for name in subject.table.leftovers
    ]
    return each_or_together(
        found,
        _("%(count)s tables look like detached partitions, “%(first)s” among them."),
    )
