"""The `runscheduler` process: what it checks, says and does at its end."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db import Error as DatabaseFault
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Q
from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _
from django_apscheduler.models import DjangoJob

from jobs import definitions
from jobs.conf import conf
from jobs.control.audit import system_actor
from jobs.errors import SchedulerError, Unavailable
from jobs.executions.database import database_now
from jobs.models import Job, JobState
from jobs.runtime import capture, systemd
from jobs.runtime.alerts import AlertDesk
from jobs.runtime.aside import aside
from jobs.runtime.heartbeat import Heartbeat
from jobs.runtime.scheduler import SchedcoreScheduler
from jobs.runtime.stop_request import StopRequest
from jobs.runtime.systemd import Notifier
from jobs.runtime.watchdog import Watchdog, give_up

logger = logging.getLogger(__name__)

FIRST_LEAD_WAIT_S = 3.0
"""How long the start-up paragraph waits to know whether this process leads."""

END_LIMIT_S = 30.0
"""For the rest of the end, besides the grace."""

SECOND_THOUGHT_S = 0.5
"""One Ctrl-C often arrives twice, through a wrapper; later than that it is another one."""


class Service:
    """One scheduler process from its start to its end."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._stop = StopRequest()
        self._asked_at: float | None = None

    def run(self, *, handles_signals: bool = True) -> int:
        """Run until `stop` or a signal, then end gracefully: 0. Raises Unavailable.

        If the loop hangs or dies, the watchdog ends the process; what it held is left to the
        next leader. With `handles_signals` the process is this service's own: once it is asked
        to end, it is gone after the grace and `END_LIMIT_S`, whatever its threads wait for.
        """
        notifier = Notifier(conf().notify_socket, conf().watchdog_s)
        systemd.withdraw_from_environment()
        check_database()
        with reaching_database():
            load_definitions()
        if handles_signals:
            signal.signal(signal.SIGTERM, self._on_signal)
            signal.signal(signal.SIGINT, self._on_signal)
            threading.Thread(target=self._end_at_last, name="schedcore-end", daemon=True).start()
        leave_capture = capture.install()
        try:
            scheduler = SchedcoreScheduler()
            watchdog = Watchdog(scheduler, notifier, status=lambda: describe_state(scheduler))
            with reaching_database():
                scheduler.begin()
            notifier.ready(describe_state(scheduler))
            watchdog.start()
            identity = scheduler.membership.identity
            tell_aside(
                "Scheduler started",
                {"event": "scheduler.started", "host": identity.host, "pid": identity.pid},
            )
            alerts, heartbeat = AlertDesk(scheduler), Heartbeat(scheduler)
            alerts.start()
            heartbeat.start()
            self._introduce(scheduler)
            connection.close()  # this thread only waits from now on
            self._wait(scheduler)
            notifier.stopping(_("stopping"))
            heartbeat.stop()
            watchdog.stop(ends_within_s=self._end_limit_s if handles_signals else None)
            self._end(scheduler)
            alerts.stop()
        finally:
            leave_capture()
        return 0

    def _wait(self, scheduler: SchedcoreScheduler) -> None:
        """Wait to be asked to stop."""
        while not self._stop.wait(1.0):
            if not scheduler.pools.runs():
                capture.put_back()

    def stop(self) -> None:
        """Ask the process to end gracefully; may be called from any thread."""
        self._stop.make()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
            self._stop.make()
        elif number == signal.SIGINT and now - self._asked_at > SECOND_THOUGHT_S:
            os._exit(130)  # a person asks again: at once, and the next leader sorts it out

    @property
    def _end_limit_s(self) -> float:
        return conf().shutdown_grace_s + END_LIMIT_S

    def _end_at_last(self) -> None:
        """In a thread of its own, as the main one may hang anywhere: in the database, or in a
        log handler's lock that a task does not let go."""
        self._stop.wait()
        time.sleep(self._end_limit_s)
        give_up("The scheduler does not come to its end; ending this process")

    def _end(self, scheduler: SchedcoreScheduler) -> None:
        grace_s = conf().shutdown_grace_s
        going = len(scheduler.pools.runs())
        if going:
            self._tell(
                _("Stopping: waiting up to %(grace)g s for %(going)d runs.")
                % {"grace": grace_s, "going": going}
            )
        interrupted = scheduler.end(grace_s=grace_s)
        tell_aside(
            "Scheduler stopped", {"event": "scheduler.stopped", "interrupted_count": interrupted}
        )
        self._tell(
            _("Stopped; %(count)d runs were interrupted.") % {"count": interrupted}
            if interrupted
            else _("Stopped.")
        )

    def _tell(self, text: str) -> None:
        """Nothing waits for a standard output that nobody reads."""
        aside(lambda: self._say(text))

    def _introduce(self, scheduler: SchedcoreScheduler) -> None:
        try:
            self._tell(self._paragraph(scheduler))
        except DatabaseError:
            logger.exception(
                "The database went away during the start; the scheduler goes on trying",
                extra={"event": "scheduler.start_incomplete"},
            )

    def _paragraph(self, scheduler: SchedcoreScheduler) -> str:
        deadline = time.monotonic() + FIRST_LEAD_WAIT_S
        membership = scheduler.membership
        while (
            not membership.is_leader and membership.holder is None and time.monotonic() < deadline
        ):
            time.sleep(0.02)
        identity = membership.identity
        return "\n".join(
            [
                _("schedcore scheduler on %(host)s, pid %(pid)d")
                % {"host": identity.host, "pid": identity.pid},
                _("  database  %(database)s") % {"database": describe_database()},
                _("  jobs      %(jobs)s") % {"jobs": describe_jobs()},
                _("  workers   %(threads)d threads, %(processes)d processes")
                % {alias: scheduler.pools[alias].workers for alias in ("threads", "processes")},
                _("  role      %(role)s") % {"role": describe_role(scheduler)},
            ]
        )


def tell_aside(message: str, keys: dict[str, Any]) -> None:
    """Log, and do not wait for a standard error that nobody reads."""
    aside(lambda: logger.info(message, extra=keys))


@contextmanager
def reaching_database() -> Iterator[None]:
    """Raises Unavailable if the database does not answer."""
    try:
        yield
    except (DatabaseFault, ImproperlyConfigured, OSError) as error:
        raise Unavailable(
            _("The database %(database)s cannot be reached: %(error)s")
            % {"database": describe_address(), "error": str(error).strip()}
        ) from error


def check_database() -> None:
    """Raises Unavailable if the database does not answer or lacks migrations."""
    with reaching_database():
        connection.ensure_connection()
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise Unavailable(
            _("The database lacks %(count)d migrations; run `manage.py migrate` first.")
            % {"count": len(missing)}
        )


def load_definitions() -> None:
    """Bring in the default jobs; a bad file leaves the jobs as they stand, and is said."""
    try:
        definitions.ensure(system_actor())
    except SchedulerError as error:
        logger.error(
            "The task file was refused; the jobs stay as they are",
            extra={"event": "definitions.refused", "errors": error.errors or error.message},
        )


def describe_address() -> str:
    """Where the database is, without its password."""
    settings: dict[str, Any] = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(settings["NAME"])
    host = settings["HOST"] or "localhost"
    return f"{host}:{settings['PORT'] or 5432}/{settings['NAME']}"


def describe_database() -> str:
    version = ".".join(str(part) for part in connection.get_database_version())
    return f"{connection.display_name} {version}, {describe_address()}"


def describe_jobs() -> str:
    """How many jobs there are, what keeps some from running, and the next run."""
    now = database_now()
    held = {
        JobState.DISABLED: Q(is_enabled=False),
        JobState.PAUSED: Job.paused_condition(now),
        JobState.BROKEN: ~Q(problem=""),
    }
    counted = {state.value: Count("pk", filter=condition) for state, condition in held.items()}
    found = Job.objects.aggregate(total=Count("pk"), **counted)
    words = [f"{found[state.value]} {state.label}" for state in held if found[state.value]]
    text = ", ".join([str(found["total"]), *words])
    armed = DjangoJob.objects.filter(next_run_time__isnull=False, pk__in=Job.objects.values("pk"))
    upcoming = armed.order_by("next_run_time").first()
    if upcoming is None or upcoming.next_run_time is None:
        return text
    zone = django_timezone.get_default_timezone()
    at = upcoming.next_run_time.astimezone(zone)
    return _("%(counts)s; next: %(id)s at %(at)s (%(zone)s)") % {
        "counts": text,
        "id": upcoming.pk,
        "at": f"{at:%Y-%m-%d %H:%M:%S}",
        "zone": django_timezone.get_default_timezone_name(),
    }


def describe_state(scheduler: SchedcoreScheduler) -> str:
    """Its role, and what is wrong."""
    role, fault = describe_role(scheduler), scheduler.faults.current
    return f"{role}; {fault}" if fault else role


def describe_role(scheduler: SchedcoreScheduler) -> str:
    membership = scheduler.membership
    if membership.lease is not None:
        return _("leader, epoch %(epoch)d") % {"epoch": membership.lease.epoch}
    if membership.holder is not None:
        return _("standby; %(host)s, pid %(pid)d leads") % {
            "host": membership.holder.host,
            "pid": membership.holder.pid,
        }
    return _("standby; waiting for the lease")
