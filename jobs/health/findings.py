"""What is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Value
from django.utils.timezone import get_default_timezone_name
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs import definitions
from jobs.health.processes import Processes, age_s, is_silent, stands_still
from jobs.health.shapes import (
    BrokenJob,
    Code,
    JobsData,
    Level,
    OverdueJob,
    QueueData,
    RevisionData,
)
from jobs.health.work import OVERDUE_AFTER, SHOWN
from jobs.models import AlertChannel, AlertRule, JobExecution, JobState

FAULT_SHOWN = timedelta(minutes=5)
"""For how long a fault of the scheduler that is over is shown."""

SLOW_WRITE_S = 1.0
"""A heartbeat's transaction takes milliseconds; whatever is this slow holds up every run."""

CLOCKS_DIFFER_S = 2.0
"""From then on the times in logs of different hosts are misleading."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and what to do. What stands between backticks is to be typed."""

    level: Level
    code: Code
    message: str
    fix: str


def leadership(leader: Any, now: datetime) -> Iterator[Finding]:
    if leader is None:
        message = _("No scheduler leads: nothing will fire until `manage.py runscheduler` runs.")
        fix = _("Start it here, or on any host that reaches this database.")
        yield Finding("error", "no_leader", message, fix)
        return
    place = {"host": leader.host, "pid": leader.pid, "ttl": leader.ttl_s}
    if is_silent(leader, now):
        message = _(
            "The leader on %(host)s (pid %(pid)d) has not been heard of for %(age)d s, "
            "where %(ttl)d are allowed: nothing fires."
        )
        place["age"] = abs((now - leader.beat_at).total_seconds())
        fix = _("See what has become of it, or start another: `manage.py runscheduler`.")
        yield Finding("error", "leader_silent", message % place, fix)
    elif stands_still(leader):
        message = _(
            "The leader on %(host)s (pid %(pid)d) is alive, but its loop has not got round for "
            "more than %(ttl)d s: nothing fires."
        )
        fix = _("Stop that process and start it again; its log tells what the loop was doing.")
        yield Finding("error", "loop_stands_still", message % place, fix)


def changes(revision: RevisionData, leader: Any) -> Iterator[Finding]:
    behind_s = revision["behind_s"]
    if behind_s is not None and behind_s > leader.ttl_s:
        message = _(
            "The leader has not acted on changes for %(age)d s: it has seen %(seen)d of "
            "%(current)d."
        ) % {"age": behind_s, "seen": revision["seen"], "current": revision["current"]}
        fix = _("See what its log says; if it does not go on by itself, start it again.")
        yield Finding("warning", "changes_unseen", message, fix)


def work(jobs: JobsData, queue: QueueData, figures: dict[str, Any]) -> Iterator[Finding]:
    if broken := jobs["by_state"][JobState.BROKEN]:
        message = ngettext(
            "%(count)d job cannot run: %(ids)s.", "%(count)d jobs cannot run: %(ids)s.", broken
        ) % {"count": broken, "ids": _listed(jobs["broken"], broken)}
        fix = _("Each says why under `problem`: register its task again, or change or delete it.")
        yield Finding("warning", "broken_jobs", message, fix)
    if overdue := jobs["overdue_count"]:
        message = ngettext(
            "%(count)d job should have run more than a minute ago: %(ids)s.",
            "%(count)d jobs should have run more than a minute ago: %(ids)s.",
            overdue,
        ) % {"count": overdue, "ids": _listed(jobs["overdue"], overdue)}
        fix = _("See whether a scheduler leads, and what its log says.")
        yield Finding("warning", "overdue_jobs", message, fix)
    waiting_s = queue["oldest_queued_s"] or 0
    if figures and waiting_s > OVERDUE_AFTER.total_seconds():
        yield from _waiting(waiting_s, figures.get("full_executors", []), queue)


def _waiting(waiting_s: float, full: list[str], queue: QueueData) -> Iterator[Finding]:
    """Why runs wait that a leader could hand out."""
    words = {"executors": ", ".join(full), "age": waiting_s}
    if full:
        message = _("All workers of %(executors)s are busy, and runs wait for up to %(age)d s.")
        fix = _(
            "Raise SCHEDCORE_MAX_WORKERS (threads) or SCHEDCORE_MAX_PROCESSES, or spread the jobs "
            "over more time."
        )
        yield Finding("warning", "no_free_worker", message % words, fix)
    elif not queue["lingering"]:  # for which a retry waits
        message = _("Runs wait for up to %(age)d s although workers are free.")
        fix = _(
            "See what the leader's log says, and whether a long transaction locks their rows; if "
            "they go on waiting, start it again."
        )
        yield Finding("warning", "runs_stuck", message % words, fix)


def lingering(queue: QueueData) -> Iterator[Finding]:
    if count := queue["lingering"]:
        held = JobExecution.objects.unreleased().filter(finished_at__isnull=False).order_by("pk")
        message = ngettext(
            "%(count)d run has its verdict, but its task goes on and holds a worker: %(ids)s.",
            "%(count)d runs have their verdicts, but go on and hold workers: %(ids)s.",
            count,
        ) % {"count": count, "ids": ", ".join(f"{run.job_name} #{run.pk}" for run in held[:SHOWN])}
        fix = _(
            "Let these tasks call `current_execution().check()`, or give their jobs the executor "
            "`processes`, which can be killed. A restart of the scheduler frees the workers."
        )
        yield Finding("warning", "lingering_runs", message, fix)


def faults(fault: dict[str, Any] | None, now: datetime) -> Iterator[Finding]:
    if fault is None:
        return
    since = datetime.fromisoformat(fault["since"])
    until = datetime.fromisoformat(fault["until"]) if fault["until"] else now
    if now - until < FAULT_SHOWN:
        message = _(
            "The scheduler could not work for %(age)d s, until %(until)s UTC: %(error)s."
        ) % {
            "age": age_s(since, until),
            "until": f"{until:%H:%M:%S}",
            "error": fault["error"],
        }
        fix = _("It goes on by itself; see whether its database and its host are well.")
        yield Finding("warning", "scheduler_faulted", message, fix)


def database(figures: dict[str, Any]) -> Iterator[Finding]:
    worst_s = figures.get("database_write_max_s") or 0.0
    if worst_s > SLOW_WRITE_S:
        message = _(
            "The database took up to %(worst).1f s to write a heartbeat in the last 5 minutes, "
            "where milliseconds are usual."
        ) % {"worst": worst_s}
        fix = _("See what loads it or holds its locks: long transactions, slow disks, a backup.")
        yield Finding("warning", "database_slow", message, fix)


def clocks(processes: Processes) -> Iterator[Finding]:
    for process in filter(None, [processes.leader, *processes.standbys]):
        ahead_s = process.figures.get("clock_ahead_s") or 0.0
        if abs(ahead_s) > CLOCKS_DIFFER_S:
            text = (
                _("The clock of %(host)s is %(seconds).1f s ahead of the database's.")
                if ahead_s > 0
                else _("The clock of %(host)s is %(seconds).1f s behind the database's.")
            )
            message = text % {"host": process.host, "seconds": abs(ahead_s)}
            fix = _("Jobs follow the database's clock; let NTP set both, so that logs agree.")
            yield Finding("warning", "clock_differs", message, fix)


def configuration(leader: Any) -> Iterator[Finding]:
    """Of the file of jobs and of the environment, as this process sees them."""
    for text in definitions.warnings():
        fix = _("Correct the file of jobs; `manage.py loadtasks --plan` tells what is wrong.")
        yield Finding("warning", "definitions", text, fix)
    for unknown in settings.SCHEDCORE_UNKNOWN:
        message = _("Nothing reads the variable %s.") % unknown.name
        fix = (
            _("Did you mean %s?") % unknown.nearest
            if unknown.nearest
            else _("Take it out of the environment.")
        )
        yield Finding("warning", "setting_unknown", message, fix)
    here = get_default_timezone_name()
    if leader is not None and leader.led_zone and leader.led_zone != here:
        message = _(
            "The leader's time zone is %(leader)s, but %(here)s here: jobs without one of their "
            "own run at other times than shown."
        ) % {"leader": leader.led_zone, "here": here}
        fix = _("Give all processes the same SCHEDCORE_TIME_ZONE.")
        yield Finding("warning", "time_zones_differ", message, fix)


def alert_desk(figures: dict[str, Any]) -> Iterator[Finding]:
    """Whether the leader works alerts out, as of its last heartbeat."""
    if fault := figures.get("alert_fault"):
        words = {"age": fault["age_s"], "error": fault["error"]}
        if fault["error"]:
            message = _(
                "Alerts have not been worked out for %(age)d s, and may reach nobody: %(error)s"
            )
            fix = _(
                "Mend what the error names; the leader's log has more. It tries again by itself, "
                "and what happened meanwhile is told then."
            )
        else:
            message = _("The leader's thread for alerts has stood still for %(age)d s.")
            fix = _("Start that scheduler again: what happened meanwhile is told then.")
        yield Finding("warning", "alerts_fail", message % words, fix)


def alerts() -> Iterator[Finding]:
    """What nobody would hear of; in one statement, as every list of jobs asks for it."""
    failing = AlertChannel.objects.filter(is_enabled=True).exclude(last_error="")
    heard = AlertChannel.objects.filter(is_enabled=True, rules=OuterRef("pk"))
    mute = AlertRule.objects.filter(~Exists(heard), is_enabled=True)
    found = failing.order_by().values_list("name", "last_error")
    found = found.union(mute.order_by().values_list("name", Value("")), all=True)
    for name, error in found[: 2 * SHOWN]:
        if error:
            message = _("The alert channel “%(name)s” could not be reached: %(error)s")
            fix = _("Correct its address, and send a test from its page.")
            message %= {"name": name, "error": error}
            yield Finding("warning", "alert_channel_fails", message, fix)
        else:
            message = _("The alert rule “%(name)s” tells nobody: its channels are switched off.")
            fix = _("Switch one of them on, give the rule another, or switch the rule off.")
            yield Finding("warning", "alert_rule_mute", message % {"name": name}, fix)


def _listed(rows: Sequence[OverdueJob | BrokenJob], count: int) -> str:
    ids = ", ".join(row["id"] for row in rows)
    return f"{ids}, …" if count > len(rows) else ids
