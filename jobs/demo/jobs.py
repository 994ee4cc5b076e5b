"""Makes the jobs of the demonstration, in every state that a job can be in."""

from __future__ import annotations

from datetime import datetime, timedelta

from jobs import definitions
from jobs.control import job as control
from jobs.control.audit import Actor, system_actor
from jobs.control.input import clean_job
from jobs.control.schedule import arm, set_problem
from jobs.demo.catalogue import BUILTIN, GONE, DemoJob, custom_jobs
from jobs.models import Job
from jobs.models.audit import Via

ANNA = Actor("anna.keller", Via.ADMIN, "10.20.4.17")
CHEN = Actor("陈明", Via.ADMIN, "10.20.4.23")
ROBOT = Actor("deploy-bot", Via.API, "10.20.9.2")


def make_jobs(now: datetime) -> list[tuple[Job, DemoJob]]:
    """The built-in jobs, if they are not there, and the others; each with how it fares."""
    definitions.ensure(system_actor())
    made = [_made(demo, now) for demo in custom_jobs()]
    control.change(
        "cleanup_logs",
        {"trigger_params": {"cron_expression": "30 2 * * *"}, "timeout": 1800},
        actor=ANNA,
    )
    control.change("verify-backups", {"kwargs": {"keep_days": 21}}, actor=CHEN)
    builtin = Job.objects.in_bulk([demo.id for demo in BUILTIN])
    return [*made, *((builtin[demo.id], demo) for demo in BUILTIN)]


def _made(demo: DemoJob, now: datetime) -> tuple[Job, DemoJob]:
    if demo.fate == "finished":
        return _of_the_past(demo, now), demo
    actor = (ANNA, CHEN, ROBOT)[len(demo.id) % 3]
    job = control.create(demo.definition(), actor=actor)
    if demo.fate == "disabled":
        job = control.disable(job.pk, actor=ANNA)
    elif demo.fate == "paused":
        job = control.pause(job.pk, actor=CHEN)
    elif demo.fate == "paused_until":
        until = (now + timedelta(days=2)).replace(hour=6, minute=0, second=0, microsecond=0)
        job = control.pause(job.pk, actor=CHEN, until=until)
    elif demo.fate == "broken":
        _break(job, now)
    return job, demo


def _of_the_past(demo: DemoJob, now: datetime) -> Job:
    """A person may not set a date that is over; a file may hold one."""
    job = Job(**clean_job(demo.definition(), now=now, allow_past=True), anchor=now)
    job.save(force_insert=True)
    arm(job, now=now)
    return job


def _break(job: Job, now: datetime) -> None:
    """Its task goes, as after a deployment that has left it out."""
    job.function = GONE
    set_problem(job)
    job.save()
    arm(job, now=now)
