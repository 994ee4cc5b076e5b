"""Rows for tests; each factory asks only for what matters to the test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django_apscheduler.models import DjangoJob

from jobs.cipher import encrypt
from jobs.control import alert_rule as rule_control
from jobs.control import job as control
from jobs.control.audit import Actor
from jobs.control.input import clean_job
from jobs.control.schedule import MARKER, arm
from jobs.control.token import create as create_token
from jobs.models import (
    AlertChannel,
    AlertIncident,
    AlertMessage,
    AlertRule,
    ApiToken,
    ExecutionLog,
    Job,
    JobExecution,
    JobUserPermission,
    Kind,
    LogLevel,
    SchedulerLease,
    SchedulerProcess,
    Scope,
    Source,
    Status,
)
from jobs.models.audit import Via
from jobs.models.rights import Right

ACTOR = Actor(name="tester", via=Via.COMMAND)
_numbers = count(1)


def make_job(job_id: str | None = None, **fields: Any) -> Job:
    """A job as `control` makes it; by default every day at 3, of the task `send_report`."""
    number = next(_numbers)
    given = {
        "id": job_id or f"job-{number}",
        "name": f"Job {number}",
        "function": "send_report",
        "trigger_type": "cron",
        "trigger_params": {"cron_expression": "0 3 * * *"},
    }
    return control.create({**given, **fields}, actor=ACTOR)


def make_builtin(job_id: str = "cleanup_logs", **fields: Any) -> Job:
    """A built-in job, as a start of the scheduler adds it; of the task `send_report`."""
    now = datetime.now(UTC)
    given = {
        "id": job_id,
        "name": job_id,
        "function": "send_report",
        "trigger_type": "cron",
        "trigger_params": {"hour": 2, "minute": 0},
    }
    job = Job(**clean_job({**given, **fields}, now=now), anchor=now)
    job.save(force_insert=True)
    arm(job, now=now)
    return job


def make_jobs(number: int) -> list[Job]:
    """Many jobs at once, each with its schedule and one execution."""
    now = datetime.now(UTC)
    ids = [f"bulk-{next(_numbers):06}" for _ in range(number)]
    jobs = Job.objects.bulk_create(
        Job(
            id=job_id,
            name=job_id,
            function="send_report",
            trigger_type="cron",
            trigger_params={"cron_expression": "0 3 * * *"},
            anchor=now,
        )
        for job_id in ids
    )
    DjangoJob.objects.bulk_create(
        DjangoJob(id=job_id, next_run_time=now + timedelta(hours=1), job_state=MARKER)
        for job_id in ids
    )
    JobExecution.objects.bulk_create(_execution(job_id) for job_id in ids)
    return jobs


def make_execution(job_id: str | None = "job", **fields: Any) -> JobExecution:
    """An execution that succeeded a minute ago, unless `fields` say otherwise."""
    execution = _execution(job_id, **fields)
    execution.save()
    return execution


def make_log_line(execution: JobExecution, message: str = "a line", **fields: Any) -> ExecutionLog:
    given = {"at": datetime.now(UTC), "level": LogLevel.INFO, "logger": "tests"}
    return ExecutionLog.objects.create(execution=execution, message=message, **{**given, **fields})


def make_scheduler(process_id: str = "one", **fields: Any) -> SchedulerProcess:
    """A scheduler process whose heart beats now."""
    now = datetime.now(UTC)
    given: dict[str, Any] = {
        "host": "db-1",
        "host_id": "boot",
        "pid": 4711,
        "started_at": now - timedelta(hours=1),
        "beat": 1,
        "beat_at": now,
        "ttl_s": 15.0,
        "figures": {"last_tick_at": now.isoformat(), "workers": 5, "busy_workers": 0},
    }
    return SchedulerProcess.objects.create(id=process_id, **{**given, **fields})


def make_leader(process_id: str = "one", **fields: Any) -> SchedulerProcess:
    """A scheduler process that holds the lease."""
    process = make_scheduler(process_id, **fields)
    SchedulerLease.objects.update_or_create(
        pk=1, defaults={"holder": process_id, "epoch": 3, "acquired_at": process.started_at}
    )
    return process


def make_user(*rights: Right, name: str | None = None, **fields: Any) -> User:
    """A user who holds `rights` on all jobs."""
    user = User.objects.create_user(name or f"user-{next(_numbers)}", **fields)
    user.user_permissions.set(permissions(*rights))
    return user


def grant(user: User, right: Right, job: Job) -> None:
    """Give the user a right on one job."""
    (permission,) = permissions(right)
    JobUserPermission.objects.create(user=user, permission=permission, content_object=job)


def make_token(
    user: User, *, name: str = "ci", scope: Scope = Scope.VIEW, days: int = 1
) -> tuple[ApiToken, str]:
    """A token of the user, and its text."""
    return create_token(user, name=name, scope=scope, days=days, actor=ACTOR)


def make_group(*rights: Right) -> Group:
    group = Group.objects.create(name=f"group-{next(_numbers)}")
    group.permissions.set(permissions(*rights))
    return group


def permissions(*rights: Right) -> list[Permission]:
    return list(Permission.objects.filter(content_type__app_label="jobs", codename__in=rights))


def _execution(job_id: str | None, **fields: Any) -> JobExecution:
    now = datetime.now(UTC)
    moment = now - timedelta(minutes=1)
    given: dict[str, Any] = {
        "job_name": f"Job {job_id}",
        "function": "send_report",
        "source": Source.SCHEDULE,
        "status": Status.SUCCEEDED,
        "scheduled_for": moment - timedelta(seconds=next(_numbers)),
        "queued_at": moment,
    }
    status = fields.get("status", Status.SUCCEEDED)
    if status == Status.RUNNING:
        given |= {"started_at": moment, "owner": "one", "epoch": 3}
    elif status != Status.QUEUED:
        given |= {
            "started_at": moment,
            "finished_at": moment + timedelta(seconds=2),
            "released_at": moment + timedelta(seconds=2),
            "duration_s": 2.0,
        }
    return JobExecution(job_id=job_id, **{**given, **fields})


def make_channel(
    name: str | None = None, url: str = "json://127.0.0.1:9/", **fields: Any
) -> AlertChannel:
    """A channel, without asking anybody whether its address can be used."""
    name = name or f"channel-{next(_numbers)}"
    return AlertChannel.objects.create(
        name=name, url_encrypted=encrypt(url), shown="json://…", **fields
    )


def make_rule(*channels: AlertChannel, **fields: Any) -> AlertRule:
    """A rule for every job that failed, for a channel of its own unless some are given."""
    given = {
        "name": f"rule-{next(_numbers)}",
        "pattern": "*",
        "kind": Kind.FAILED.value,
        "channels": [channel.name for channel in channels or (make_channel(),)],
    }
    return rule_control.create({**given, **fields}, actor=ACTOR)


def make_incident(job_id: str = "report", **fields: Any) -> AlertIncident:
    """One that is open, of a job that failed twice."""
    now = datetime.now(UTC)
    given = {"rule_name": "nightly", "kind": Kind.FAILED, "began_at": now, "last_at": now}
    given |= {"opened_at": now, "execution_id": 7, "count": 2}
    return AlertIncident.objects.create(job_id=job_id, **{**given, **fields})


def make_message(**fields: Any) -> AlertMessage:
    """One that waits to be sent to a channel that has gone."""
    given = {"channel_name": "mail", "created_at": datetime.now(UTC)}
    given |= {"subject": "it failed", "body": "boom"}
    return AlertMessage.objects.create(**{**given, **fields})
