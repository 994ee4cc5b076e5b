"""The last runs of a job as a row of small bars: height by duration, shape and colour by verdict.

The picture stands without a script. What each bar is stands in `data-runs`, from which
`static/jobs/js/bars.js` makes a link of each. It is kept short, as a page has a hundred of them:
a success, of which there are most, has neither a class nor a code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.executions.last_runs import LastRun
from jobs.models import Status

MOST = 20
STEP = 5
"""Pixels from one bar to the next; the stylesheet draws them 4 wide, in a picture 28 high."""

FOOT = 27
ROOM = 18
"""Of the tallest bar; a sign of the verdict has the room above it."""

LEAST, GOING = 2, 12
"""Of the shortest bar, and of a run that still goes on."""

WARNED = "warned"
"""A run that succeeded with a warning looks of its own."""

CODES: Mapping[str, str] = {
    Status.SUCCEEDED.value: "",
    WARNED: "w",
    Status.FAILED.value: "f",
    Status.TIMED_OUT.value: "t",
    Status.CANCELLED.value: "c",
    Status.INTERRUPTED.value: "i",
    Status.SKIPPED.value: "k",
    Status.MISSED.value: "m",
    Status.RUNNING.value: "r",
    Status.QUEUED.value: "q",
}


def bars(runs: Sequence[LastRun]) -> SafeString:
    """An SVG, the newest run at its right; `runs` are the newest first, at most `MOST`."""
    longest = max((run.duration_s or 0 for run in runs), default=0) or 1
    lines: dict[str, str] = {}
    signs: dict[str, str] = {}
    for place, run in enumerate(reversed(runs), start=MOST - len(runs)):
        kind, x = look(run), place * STEP + 2
        height = max(round((run.duration_s or 0) / longest * ROOM), LEAST)
        if run.status == Status.RUNNING:
            height = GOING
        if kind not in UNFILLED:
            lines[kind] = lines.get(kind, "") + f"M{x} {FOOT}V{FOOT - height}"
        signs[kind] = signs.get(kind, "") + _sign(kind, x, height)
    return format_html(
        '<svg class="sc-bars" role="img" aria-label="{}" data-runs="{}">{}<g>{}</g></svg>',
        *(summary(runs), encoded(runs), _paths(lines), _paths(signs)),
    )


def look(run: LastRun) -> str:
    return WARNED if run.status == Status.SUCCEEDED and run.is_warned else run.status.value


def summary(runs: Sequence[LastRun]) -> str:
    """ "The last 20 runs: 18 succeeded, 2 failed." """
    if not runs:
        return _("It has not run yet.")
    counts = Counter(run.status for run in runs)
    told = ", ".join(f"{n} {status.label}" for status, n in counts.most_common())
    n = len(runs)
    return ngettext("The last run: %(told)s.", "The last %(n)d runs: %(told)s.", n) % {
        "n": n,
        "told": told,
    }


def encoded(runs: Sequence[LastRun]) -> str:
    """For the script, the newest first: id, start in Unix minutes, seconds and look, separated by
    commas; ids and starts as what the one before has more."""
    parts: list[str] = []
    key, at = 0, 0
    for run in runs:
        starts = int(run.at.timestamp()) // 60
        took = "" if run.duration_s is None else f"{run.duration_s:.3g}"
        part = f"{key - run.id},{at - starts},{took},{CODES[look(run)]}"
        parts.append(part.rstrip(","))
        key, at = run.id, starts
    return ";".join(parts)


UNFILLED = frozenset({"cancelled", "missed", "skipped", "queued"})
"""Looks that are a sign alone."""


def _sign(kind: str, x: int, height: int) -> str:
    """What is drawn above a bar around `x`, or in its place, so that colour is not alone."""
    top = FOOT - height
    match kind:
        case "failed":  # a cross
            return f"M{x - 1.5} {top - 5}l3 3m0-3l-3 3"
        case "timed_out":  # a lid
            return f"M{x - 2.5} {top - 2.5}h5"
        case "interrupted":  # a bolt
            return f"M{x + 1} {top - 7}l-2 3h2l-2 3"
        case "warned":  # a dot
            return f"M{x - 1} {top - 3}h2"
        case "cancelled":  # hollow
            return f"M{x - 1.5} {FOOT - 0.5}v-{height}h3v{height}z"
        case "missed":  # a ring
            return f"M{x - 2} {FOOT - 3}a2 2 0 1 0 4 0a2 2 0 1 0-4 0"
        case "skipped":  # a dash
            return f"M{x - 2} {FOOT - 3}h4"
        case "queued":  # a point
            return f"M{x - 0.5} {FOOT - 1}h1"
    return ""


def _paths(drawn: Mapping[str, str]) -> SafeString:
    return format_html_join(
        "",
        '<path{} d="{}"/>',
        ((_look_class(kind), d) for kind, d in drawn.items() if d),
    )


def _look_class(kind: str) -> SafeString:
    if kind == Status.SUCCEEDED:
        return SafeString("")
    return format_html(' class="sc-look-{}"', kind)
