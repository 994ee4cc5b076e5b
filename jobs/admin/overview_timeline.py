"""The timeline of the overview: lanes in words and links, for the chart that draws them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.admin.charts import timeline as chart
from jobs.admin.charts.time_axis import TimeAxis
from jobs.admin.display import abbreviation, duration
from jobs.overview.lanes import Due, Lane, Span, Stretch


def timeline_of(lanes: Sequence[Lane], span: Span, zone: tzinfo) -> SafeString:
    """Each run is a link to itself, each row of close runs to the last of the worst."""
    drawn = [
        chart.Lane(
            label=_label(lane),
            name=lane.name,
            stretches=[_stretch(stretch, zone) for stretch in lane.stretches],
            due=[_due(due, zone) for due in lane.due],
        )
        for lane in lanes
    ]
    return chart.timeline(drawn, TimeAxis(span.start, span.end), now=span.now, zone=zone)


def _label(lane: Lane) -> SafeString:
    if lane.job is None:
        return format_html('<span title="{0}">{0}</span>', lane.name)
    url = reverse("admin:jobs_job_change", args=[quote(lane.job_id)])
    return format_html('<a href="{0}" title="{1}">{1}</a>', url, lane.name)


def _stretch(stretch: Stretch, zone: tzinfo) -> chart.Stretch:
    runs = sum(stretch.counts.values())
    took = duration((stretch.end - stretch.start).total_seconds())
    if runs == 1:
        tip = f"#{stretch.last_id} {stretch.worst.label} · {_at(stretch, zone)} · {took}"
    else:
        counted = ", ".join(f"{n} {status.label}" for status, n in stretch.counts.items())
        told = ngettext("%(n)d run", "%(n)d runs", runs) % {"n": runs}
        opens = _("opens the last that is %(verdict)s") % {"verdict": stretch.worst.label}
        tip = f"{told}: {counted} · {_at(stretch, zone)} · {opens}"
    return chart.Stretch(
        start=stretch.start,
        end=stretch.end,
        verdict=stretch.worst.value,
        tip=tip,
        url=reverse("admin:jobs_jobexecution_change", args=[stretch.last_id]),
    )


def _at(stretch: Stretch, zone: tzinfo) -> str:
    local = stretch.start.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S} {abbreviation(local)}"


def _due(due: Due, zone: tzinfo) -> chart.Due:
    first, last = due.first.astimezone(zone), due.last.astimezone(zone)
    words = {"first": f"{first:%Y-%m-%d %H:%M:%S}", "zone": abbreviation(first)}
    if due.first == due.last:
        tip = _("due at %(first)s %(zone)s") % words
    else:
        words["last"] = f"{last:%Y-%m-%d %H:%M:%S}"
        tip = _("due again and again, from %(first)s to about %(last)s %(zone)s") % words
    return chart.Due(due.first, due.last, tip)
