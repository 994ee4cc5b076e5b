"""Whether there is a partition for every row: now, soon, and between. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import pairwise

from django.utils.translation import gettext as _

from jobs.estate.adapters.partitions import Bound
from jobs.estate.models.finding import FindingKind, Severity
from jobs.estate.services.partition_found import NAMED, Found, Subject, each_or_together, label
from jobs.estate.services.partition_ranges import (
    bounded,
    covers,
    default_of,
    gap_between,
    holds,
    is_below,
    open_ended,
    present,
)

URGENT = timedelta(days=2)
"""What begins within this may be reached before anybody has acted upon a daily check."""


def check_now(subject: Subject) -> Iterator[Found]:
    """An error where rows are refused, a warning where they land in a catch-all. Of numbers only
    where they follow steps: else the highest partition is as likely as not meant to be open."""
    table, at = subject.table, subject.at
    if not table.partitions:
        message = _("It has no partition at all, so nothing can be inserted.")
        yield Found(FindingKind.NONE_FOR_NOW, Severity.ERROR, message)
        return
    if at is None or not subject.is_for(at) or any(holds(part, at) for part in bounded(table)):
        return
    if table.kind == "integer" and subject.periods is None:
        return
    values = {"now": subject.shown(at), "catch_all": subject.catch_all(at)}
    if values["catch_all"]:
        message = _("No partition is for now (%(now)s); its rows go to “%(catch_all)s”.")
        yield Found(FindingKind.NONE_FOR_NOW, Severity.WARNING, message % values)
    else:
        message = _("No partition is for now (%(now)s); its rows are refused.")
        yield Found(FindingKind.NONE_FOR_NOW, Severity.ERROR, message % values)


def check_ahead(subject: Subject) -> Iterator[Found]:
    """An error where rows will be refused within two days, a warning where they will be later,
    and for information where they will land in a catch-all."""
    at, periods = subject.at, subject.periods
    if at is None or periods is None:
        return
    current = periods.index_of(at)
    wanted = [
        period
        for period in periods.between(current + 1, current + subject.ahead)
        if subject.is_for(period.lower)
    ]
    parts = bounded(subject.table)
    missing = [period for period in wanted if not covers(parts, period)]
    if not missing:
        return
    first = missing[0].lower
    values = {
        "missing": len(missing),
        "ahead": len(wanted),
        "first": subject.shown(first),
        "catch_all": subject.catch_all(first),
    }
    details = {
        "interval": periods.interval.value,
        "missing": [subject.shown(period.lower) for period in missing[:NAMED]],
    }
    if values["catch_all"]:
        severity = Severity.INFO
        message = _(
            "Periods ahead without a partition: %(missing)s of %(ahead)s, from %(first)s on; "
            "such rows will go to “%(catch_all)s”."
        )
    else:
        severity = Severity.ERROR if _is_urgent(subject, first) else Severity.WARNING
        message = _(
            "Periods ahead without a partition: %(missing)s of %(ahead)s, from %(first)s on; "
            "such rows will be refused."
        )
    yield Found(FindingKind.NONE_AHEAD, severity, message % values, details=details)


def check_gaps(subject: Subject) -> Iterable[Found]:
    """Each is told at the partition after it; for information where a default takes the rows."""
    table = subject.table
    last = open_ended(table)
    severity = Severity.INFO if default_of(table) else Severity.WARNING
    gaps = []
    for before, after in pairwise([*bounded(table), *([last] if last else [])]):
        gap = gap_between(before, after)
        if gap is not None:
            ends = {"lower": subject.shown(gap.lower), "upper": subject.shown(gap.upper)}
            message = _("No partition is for %(lower)s up to %(upper)s.") % ends
            gaps.append(Found(FindingKind.GAP, severity, message, label(table, after), ends))
    return each_or_together(gaps, _("There are %(count)s gaps, the first before “%(first)s”."))


def check_default_rows(subject: Subject) -> Iterator[Found]:
    """In a default partition, or of time in one without an upper end: no partition for such rows
    can be made without moving them."""
    table = subject.table
    default, last = default_of(table), open_ended(table)
    if default is not None and table.has_default_rows:
        part = default
        message = _("There are rows in the default partition “%(name)s” that no other takes.")
    elif last is not None and last.rows_estimate and table.kind != "integer":
        part = last
        message = _("There are rows in “%(name)s”, which has no upper end.")
    else:
        return
    name = label(table, part)
    details = {"rows_estimate": part.rows_estimate}
    yield Found(FindingKind.DEFAULT_ROWS, Severity.WARNING, message % {"name": name}, name, details)


def _is_urgent(subject: Subject, first: Bound) -> bool:
    """Whether a period begins soon; of numbers nobody knows when they are reached."""
    if subject.table.kind == "integer":
        return False
    soon = present(subject.table, subject.now + URGENT, subject.zone)
    return soon is not None and not is_below(soon, first)
