"""All jobs, schedules, rights and loaded definitions as they stand, kept and restored exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db import models
from django_apscheduler.models import DjangoJob

from jobs.control.audit import Actor
from jobs.control.job import remove
from jobs.control.schedule import MARKER, arm, set_problem
from jobs.definition_plan import Plan
from jobs.models import (
    Job,
    JobGroupPermission,
    JobSnapshot,
    JobUserPermission,
    LoadedDefinition,
)

M = TypeVar("M", bound=models.Model)

KEPT = 10
"""Snapshots; only the newest can be undone, the others are for the eye."""

BESIDE_JOBS: tuple[type[models.Model], ...] = (
    LoadedDefinition,
    JobUserPermission,
    JobGroupPermission,
)
"""What is put back as a whole."""

SAVED: tuple[type[models.Model], ...] = (Job, *BESIDE_JOBS)
"""What is saved, each model's rows under its name; beside them stand the `next_run_times`."""


def take(actor: Actor, *, now: datetime) -> JobSnapshot:
    """Save all rows as they stand; older snapshots than the last ten go."""
    rows: dict[str, Any] = {
        model.__name__: [_row(found) for found in model._base_manager.order_by("pk")]
        for model in SAVED
    }
    rows["next_run_times"] = {
        job_id: moment and moment.astimezone(UTC).isoformat()
        for job_id, moment in DjangoJob.objects.values_list("pk", "next_run_time")
    }
    snapshot = JobSnapshot.objects.create(taken_at=now, actor=actor.name, rows=rows)
    newest = list(JobSnapshot.objects.order_by("-pk").values_list("pk", flat=True)[:KEPT])
    JobSnapshot.objects.exclude(pk__in=newest).delete()
    return snapshot


def jobs_in(snapshot: JobSnapshot) -> dict[str, Job]:
    """The jobs as they stood, by id; not saved."""
    return {row["id"]: _instance(Job, row) for row in snapshot.rows[Job.__name__]}


def overdue_in(snapshot: JobSnapshot, plan: Plan, *, now: datetime) -> list[str]:
    """Ids of the jobs put back whose next run has passed since; it is worked out anew."""
    moments = _next_run_times(snapshot)
    put_back = sorted(change.job_id for change in (*plan.added, *plan.changed))
    return [job_id for job_id in put_back if (moment := moments.get(job_id)) and moment <= now]


def restore(
    snapshot: JobSnapshot, plan: Plan, standing: Mapping[str, Job], *, now: datetime
) -> int:
    """Put all rows back as the plan says; the number of rights whose holder has gone since.

    Schedules of jobs that are as they were go on as they are. Call it with all jobs locked.
    """
    wanted = jobs_in(snapshot)
    moments = _next_run_times(snapshot)
    overdue = frozenset(overdue_in(snapshot, plan, now=now))
    put_back = {change.job_id for change in (*plan.added, *plan.changed)}
    for change in plan.deleted:
        remove(standing[change.job_id])
    for job_id, job in sorted(wanted.items()):
        problem_changed = set_problem(job)  # its task may have come or gone since
        job.save(force_update=job_id in standing, force_insert=job_id not in standing)
        if job_id in overdue or job_id not in moments or problem_changed:
            arm(job, now=now)
        elif job_id in put_back:
            DjangoJob.objects.update_or_create(
                pk=job_id, defaults={"next_run_time": moments[job_id], "job_state": MARKER}
            )
    return sum(_replace(model, snapshot.rows[model.__name__]) for model in BESIDE_JOBS)


def _replace(model: type[models.Model], rows: Iterable[Mapping[str, Any]]) -> int:
    """The number of rows that point at something that is gone, and so were left out."""
    found = [_instance(model, row) for row in rows]
    kept = found
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            targets = {getattr(row, field.attname) for row in kept}
            related: type[models.Model] = field.related_model
            there = set(related._base_manager.filter(pk__in=targets).values_list("pk", flat=True))
            kept = [row for row in kept if getattr(row, field.attname) in there]
    model._base_manager.all().delete()
    model._base_manager.bulk_create(kept)
    return len(found) - len(kept)


def _next_run_times(snapshot: JobSnapshot) -> dict[str, datetime | None]:
    return {
        job_id: text and datetime.fromisoformat(text)
        for job_id, text in snapshot.rows["next_run_times"].items()
    }


def _row(instance: models.Model) -> dict[str, Any]:
    return {
        field.attname: _plain(field.value_from_object(instance))
        for field in instance._meta.concrete_fields
    }


def _plain(value: Any) -> Any:
    """As JSON; what is not (moments, keys that are UUIDs) as the text that `to_python` reads."""
    return value if isinstance(value, str | int | float | list | dict | None) else str(value)


def _instance(model: type[M], row: Mapping[str, Any]) -> M:
    """The row as an instance; fields that came later have their defaults."""
    return model(
        **{
            field.attname: field.to_python(row[field.attname])
            for field in model._meta.concrete_fields
            if field.attname in row
        }
    )
