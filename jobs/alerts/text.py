"""What a message says: for somebody who is woken by it. Pure but for the language and the zone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.masking import HIDDEN, masked, without_secrets
from jobs.models.alert import AlertIncident, Kind
from jobs.models.execution import Status

SHOWN = 10
"""Jobs that a message names one by one."""

MAX_ERROR, MAX_SUBJECT = 300, 200

EXECUTION_PATH = "/admin/jobs/jobexecution/{id}/change/"
INCIDENTS_PATH = "/admin/jobs/alertincident/"
"""Said here, as the scheduler loads none of the pages."""


@dataclass(frozen=True, slots=True)
class Run:
    """As much of an execution as a message tells."""

    id: int
    finished_at: datetime | None
    duration_s: float | None
    error: str
    reason: str
    kwargs: Any


@dataclass(frozen=True, slots=True)
class News:
    """An incident that opened, or with `is_recovery` one that is over, and the run that did it."""

    incident: AlertIncident
    is_recovery: bool
    run: Run | None
    duration_s: int = 0
    """Of the rule, where it is one about time."""


@dataclass(frozen=True, slots=True)
class Text:
    subject: str
    body: str
    tone: str = "failure"
    """A type of message of `apprise`, by which services choose a colour."""


def message(shown: Sequence[News], counts: Counter[tuple[str, bool]], base_url: str) -> Text:
    """Of one thing everything, of several the number of each kind and the first SHOWN by name.

    `counts` holds all that is told, by kind and whether it is a recovery.
    """
    total = sum(counts.values())
    if total == 1 and shown:
        return _of_one(shown[0], base_url)
    parts = [summary(kind, is_recovery, n) for (kind, is_recovery), n in sorted(counts.items())]
    lines = [*parts, ""]
    lines += [f"- {_headline(news)}{_in_brief(news)}" for news in shown[:SHOWN]]
    if (more := total - len(shown[:SHOWN])) > 0:
        lines.append(ngettext("… and %(n)d more", "… and %(n)d more", more) % {"n": more})
    if base_url:
        lines += ["", f"{base_url}{INCIDENTS_PATH}"]
    is_good = all(is_recovery for _kind, is_recovery in counts)
    return Text(_subject("; ".join(parts)), "\n".join(lines), _tone(is_good))


def trial_message(channel: str) -> Text:
    """What “Send test” sends."""
    subject = _("test of the channel “%(channel)s”") % {"channel": channel}
    body = _("Alerts of schedcore reach you here. Nothing is wrong; somebody has tried it out.")
    return Text(_subject(subject), body, "info")


def summary(kind: str, is_recovery: bool, n: int) -> str:
    """So many jobs, and what is with them."""
    if is_recovery:
        if kind == Kind.RUNNING_LONG:
            text = ngettext("%(n)d long run has ended", "%(n)d long runs have ended", n)
        else:
            text = ngettext("%(n)d job has recovered", "%(n)d jobs have recovered", n)
    else:
        text = {
            Kind.TIMED_OUT.value: ngettext("%(n)d job timed out", "%(n)d jobs timed out", n),
            Kind.INTERRUPTED.value: ngettext(
                "%(n)d job was interrupted", "%(n)d jobs were interrupted", n
            ),
            Kind.MISSED.value: ngettext("%(n)d job missed its run", "%(n)d jobs missed a run", n),
            Kind.RUNNING_LONG.value: ngettext(
                "%(n)d job has been running for too long",
                "%(n)d jobs have been running for too long",
                n,
            ),
            Kind.NO_SUCCESS.value: ngettext(
                "%(n)d job has not succeeded for too long",
                "%(n)d jobs have not succeeded for too long",
                n,
            ),
        }.get(kind, ngettext("%(n)d job failed", "%(n)d jobs failed", n))
    return text % {"n": n}


def happened(kind: str, status: str) -> str:
    """What an incident is counted under: its kind, or of a rule for several verdicts the last."""
    return status if kind == Kind.TROUBLE else kind


def _of_one(news: News, base_url: str) -> Text:
    incident, run = news.incident, news.run
    lines = [
        _("Job: %(job)s") % {"job": _job(incident)},
        _("What: %(what)s") % {"what": _what(news)},
    ]
    at = incident.closed_at if news.is_recovery else incident.last_at
    lines.append(_("When: %(at)s") % {"at": moment(at or incident.last_at)})
    if news.is_recovery or incident.began_at != incident.last_at:
        lines.append(_("Since: %(at)s") % {"at": moment(incident.began_at)})
    if run is not None and run.duration_s is not None:
        lines.append(_("Duration: %(duration)s") % {"duration": duration(run.duration_s)})
    if run is not None and not news.is_recovery and (error := last_line(run)):
        lines.append(_("Error: %(error)s") % {"error": error})
    lines.append(_("Rule: %(rule)s") % {"rule": incident.rule_name})
    if run is not None and base_url:
        lines += ["", base_url + EXECUTION_PATH.format(id=run.id)]
    return Text(_subject(_headline(news)), "\n".join(lines), _tone(news.is_recovery))


def _tone(is_good: bool) -> str:
    return "success" if is_good else "failure"


def _subject(text: str) -> str:
    return " ".join(f"[schedcore] {text}".split())[:MAX_SUBJECT]


def _headline(news: News) -> str:
    return f"{_job(news.incident)}: {_what(news)}"


def _job(incident: AlertIncident) -> str:
    name = incident.job_name
    return f"{name} ({incident.job_id})" if name and name != incident.job_id else incident.job_id


def _what(news: News) -> str:
    incident = news.incident
    kind = happened(incident.kind, incident.status)
    if news.is_recovery:
        return _("has ended") if kind == Kind.RUNNING_LONG else _("has recovered")
    if incident.kind == Kind.RUNNING_LONG:
        return _("running for longer than %(time)s") % {"time": duration(news.duration_s)}
    if incident.kind == Kind.NO_SUCCESS:
        return _("no success for longer than %(time)s") % {"time": duration(news.duration_s)}
    verdict = str(Status(kind).label) if kind in Status.values else kind
    if incident.count > 1:
        row = {"verdict": verdict, "n": incident.count}
        if incident.kind == Kind.TROUBLE:
            return _("%(verdict)s, no success in %(n)d runs in a row") % row
        return _("%(verdict)s %(n)d times in a row") % row
    return verdict


def _in_brief(news: News) -> str:
    if news.is_recovery or news.run is None or not (error := last_line(news.run)):
        return ""
    return f" – {error}"


def last_line(run: Run) -> str:
    """Of its error, or else of its reason, without what looks like a secret."""
    text = run.error.strip() or run.reason.strip()
    line = without_secrets(text.splitlines()[-1]) if text else ""
    for secret in _secret_values(run.kwargs):
        line = line.replace(secret, HIDDEN)
    return line if len(line) <= MAX_ERROR else f"{line[:MAX_ERROR]}…"


def _secret_values(arguments: Any) -> list[str]:
    """Texts among the arguments that stand under names of secrets."""
    if not isinstance(arguments, dict):
        return []
    found = []
    for name, value in arguments.items():
        if isinstance(value, dict):
            found += _secret_values(value)
        elif masked(value, str(name)) == HIDDEN:
            found.append(str(value))
    return [text for text in found if text]


def moment(at: datetime) -> str:
    """In the server's zone, which is named."""
    local = at.astimezone(django_timezone.get_default_timezone())
    return f"{local:%Y-%m-%d %H:%M:%S} ({django_timezone.get_default_timezone_name()})"


def duration(seconds: float) -> str:
    """In the two greatest units."""
    if seconds < 60:
        return _("%(s).1f s") % {"s": seconds}
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, _("d")), (hours, _("h")), (minutes, _("min")), (s, _("s"))]
    return " ".join([f"{n} {unit}" for n, unit in parts if n][:2])
