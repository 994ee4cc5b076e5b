"""`scheduler_tasks.yaml` to jobs and back: load, plan, reload, undo, export.

What is defined is the file, then the tasks whose decorator names a trigger, then the
built-in jobs in code; of one id the first counts. What stands is the jobs, and what was
loaded last (`LoadedDefinition`) tells which of them somebody has edited by hand.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypedDict, TypeVar

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs import definition_file, definition_plan, definition_snapshot
from jobs.conf import conf
from jobs.control.audit import Actor, record
from jobs.control.input import TRIGGER_FIELDS
from jobs.control.job import SCHEDULE_FIELDS, remove, withdraw_of_stopped
from jobs.control.schedule import arm, set_problem
from jobs.definition_file import DefinitionsInvalid
from jobs.definition_items import Definitions, item_of_job, load, warnings
from jobs.definition_plan import Definition, Plan, PlanData, Reason
from jobs.errors import Conflict
from jobs.executions.database import database_now
from jobs.executions.revision import bump_revision
from jobs.models import Job, JobSnapshot, LoadedDefinition

__all__ = [
    "DefinitionsInvalid",
    "NothingToUndo",
    "Plan",
    "ReloadData",
    "ReloadResult",
    "ensure",
    "export",
    "load",
    "plan_load",
    "reload",
    "undo",
    "undoable",
    "warnings",
]

logger = logging.getLogger(__name__)

R = TypeVar("R")

LOCK_KEY = 0x5C4ED
"""PostgreSQL's advisory lock: one process at a time loads, also when no job is there to lock."""

ATTEMPTS = 5


class NothingToUndo(Conflict):
    code = "nothing_to_undo"

    def __init__(self) -> None:
        super().__init__(
            _("There is nothing to undo: no forced reload since the last undo has changed a job.")
        )


class ReloadData(TypedDict):
    """Ids of jobs, how many they are, and the plan that they come from."""

    deleted: list[str]
    reloaded: list[str]
    deleted_count: int
    reloaded_count: int
    dry_run: bool
    warnings: list[str]
    plan: PlanData


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """What a load, reload or undo did, or would do if it `is_dry_run`."""

    plan: Plan
    reloaded: tuple[str, ...]
    """Ids of the jobs that stand now as they are defined, or stood then."""
    warnings: tuple[str, ...] = ()
    is_dry_run: bool = False

    @property
    def deleted(self) -> tuple[str, ...]:
        return tuple(change.job_id for change in self.plan.deleted)

    def as_dict(self) -> ReloadData:
        return {
            "deleted": list(self.deleted),
            "reloaded": list(self.reloaded),
            "deleted_count": len(self.deleted),
            "reloaded_count": len(self.reloaded),
            "dry_run": self.is_dry_run,
            "warnings": list(self.warnings),
            "plan": self.plan.as_dict(),
        }


def plan_load(*, force: bool = False, keep_custom: bool = False) -> Plan:
    """What `ensure` or, with `force`, `reload` would do now. Writes nothing."""
    definitions = load()
    standing = _standing() if force else _standing(among=definitions.items)
    return _plan(definitions, standing, force=force, keep_custom=keep_custom)


def ensure(actor: Actor, *, dry_run: bool = False) -> ReloadResult:
    """The ordinary load, at every start: what is defined and missing is added.

    Jobs that nobody has edited follow the file; what people edited, switched or deleted by
    hand stays so. Any number of processes may call it at once. Raises DefinitionsInvalid.
    """
    definitions = load()
    plan = _plan(definitions, _standing(among=definitions.items), force=False)
    if dry_run:
        return _result(definitions, plan, is_dry_run=True)
    if not plan.changes_jobs and not plan.loaded:
        return _result(definitions, plan)  # as at most starts: without any lock

    def run() -> Plan:
        standing = _standing(among=definitions.items, locked=True)
        now = database_now()
        plan = _plan(definitions, standing, force=False)
        _apply(plan, standing, actor, "definitions.load", now=now)
        return plan

    return _result(definitions, _alone(run))


def reload(actor: Actor, *, keep_custom: bool = False, dry_run: bool = False) -> ReloadResult:
    """Put every defined job back to its definition, and delete the others (or keep them).

    Rows stay the same rows, so rights on them stay; history is not touched. All rows are
    saved first, for `undo`. Without a file to read, nothing is deleted. Raises
    DefinitionsInvalid, and then nothing has changed.
    """
    definitions = load()
    if dry_run:
        plan = _plan(definitions, _standing(), force=True, keep_custom=keep_custom)
        return _result(definitions, plan, is_dry_run=True)

    def run() -> Plan:
        standing = _standing(locked=True)
        now = database_now()
        plan = _plan(definitions, standing, force=True, keep_custom=keep_custom)
        if plan.changes_jobs:
            definition_snapshot.take(actor, now=now)
        _apply(plan, standing, actor, "definitions.reload", now=now)
        return plan

    return _result(definitions, _alone(run))


def undo(actor: Actor, *, dry_run: bool = False) -> ReloadResult:
    """Put all jobs, schedules and rights back as they stood before the last forced reload.

    Jobs made since then go, edits made since then too: the plan names them. A next run that
    has passed meanwhile is worked out anew instead of being fired. Raises NothingToUndo.
    """
    if dry_run:
        return _undo_plan(_last_snapshot(), _standing(), database_now(), is_dry_run=True)

    def run() -> ReloadResult:
        standing = _standing(locked=True)
        now = database_now()
        snapshot = _last_snapshot()
        result = _undo_plan(snapshot, standing, now)
        lost = definition_snapshot.restore(snapshot, result.plan, standing.jobs, now=now)
        snapshot.is_undone = True
        snapshot.save(update_fields=["is_undone"])
        _withdraw(result.plan, actor, now=now)
        _record(result.plan, actor, "definitions.undo")
        bump_revision()
        if not lost:
            return result
        gone = ngettext(
            "%(count)d right was not given back, as its holder has gone.",
            "%(count)d rights were not given back, as their holders have gone.",
            lost,
        ) % {"count": lost}
        return ReloadResult(result.plan, result.reloaded, (*result.warnings, gone))

    return _alone(run)


def undoable() -> JobSnapshot | None:
    """The reload that `undo` would take back: who made it, and when."""
    newest = JobSnapshot.objects.defer("rows").order_by("-pk").first()
    return None if newest is None or newest.is_undone else newest


def export(among: Collection[str] | None = None) -> str:
    """The file of what stands, or of the jobs of these ids; loading the whole changes nothing."""
    found = Job.objects.order_by("pk")
    jobs = list(found if among is None else found.filter(pk__in=among))
    comments = [
        _("“%(id)s” cannot run, and a file that holds it is refused: %(problem)s")
        % {"id": job.pk, "problem": job.problem}
        for job in jobs
        if job.problem
    ]
    return definition_file.write([item_of_job(job) for job in jobs], comments)


class _Standing(NamedTuple):
    """What is there: jobs and what was loaded last, by id."""

    jobs: dict[str, Job]
    loaded: dict[str, Definition]
    is_empty: bool
    """There is no job at all."""


def _standing(*, among: Collection[str] | None = None, locked: bool = False) -> _Standing:
    """All jobs, or of a start's many those `among` the given ids and what was loaded.

    `locked`: their rows, in order of id, until the transaction ends.
    """
    loaded = dict(LoadedDefinition.objects.values_list("pk", "definition"))
    jobs = Job.objects.order_by("pk")
    if among is not None:
        jobs = jobs.filter(pk__in={*among, *loaded})
    found = {job.pk: job for job in (jobs.select_for_update() if locked else jobs)}
    return _Standing(found, loaded, not found and not Job.objects.exists())


def _plan(
    definitions: Definitions, standing: _Standing, *, force: bool, keep_custom: bool = False
) -> Plan:
    if not force:
        return definition_plan.plan_load(
            definitions.items, standing.jobs, standing.loaded, is_first=standing.is_empty
        )
    keep = None
    if keep_custom:
        keep = Reason.CUSTOM
    elif definitions.is_fallback:
        keep = Reason.UNREADABLE
    return definition_plan.plan_reload(definitions.items, standing.jobs, standing.loaded, keep=keep)


def _alone(run: Callable[[], R]) -> R:
    """Run in a transaction that no other load is in; again if a job of an id was just made."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                if connection.vendor == "postgresql":
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
                return run()
        except IntegrityError:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _apply(plan: Plan, standing: _Standing, actor: Actor, action: str, *, now: datetime) -> None:
    for change in plan.deleted:
        remove(standing.jobs[change.job_id])
    for change in plan.added:
        job = Job(**change.after or {}, anchor=now, created_at=now, updated_at=now)
        job.save(force_insert=True)
        arm(job, now=now)
    for change in plan.changed:
        _put(standing.jobs[change.job_id], change.after or {}, now=now)
    _withdraw(plan, actor, now=now)
    deleted = [change.job_id for change in plan.deleted]
    LoadedDefinition.objects.filter(pk__in=deleted).delete()
    LoadedDefinition.objects.bulk_create(
        [
            LoadedDefinition(job_id=job_id, definition=definition, loaded_at=now)
            for job_id, definition in plan.loaded.items()
        ],
        update_conflicts=True,
        unique_fields=["job_id"],
        update_fields=["definition", "loaded_at"],
    )
    if plan.changes_jobs:
        _record(plan, actor, action)
        bump_revision()


def _withdraw(plan: Plan, actor: Actor, *, now: datetime) -> None:
    """What waits for a worker does not begin once its job was deleted or stopped."""
    reason = _("The job was deleted or stopped when %(who)s loaded the definitions.")
    touched = [change.job_id for change in (*plan.deleted, *plan.changed)]
    withdraw_of_stopped(touched, reason % {"who": actor.name}, now=now)


def _put(job: Job, values: Mapping[str, Any], *, now: datetime) -> None:
    for name, value in values.items():
        setattr(job, name, value)
    if values.keys() & TRIGGER_FIELDS:
        job.anchor = now
    problem_changed = set_problem(job)
    job.version += 1
    job.updated_at = now
    job.save(force_update=True)
    if problem_changed or values.keys() & (SCHEDULE_FIELDS | {"problem"}):
        arm(job, now=now)


def _record(plan: Plan, actor: Actor, action: str) -> None:
    """An event a job, and one for the whole."""
    ids: dict[str, list[str]] = {}
    for kind, job_action, changes in (
        ("deleted", "job.delete", plan.deleted),
        ("added", "job.create", plan.added),
        ("changed", "job.change", plan.changed),
    ):
        ids[kind] = [change.job_id for change in changes]
        for change in changes:
            record(
                actor,
                job_action,
                job_id=change.job_id,
                target=change.name,
                before=dict(change.before) if change.before is not None else None,
                after=dict(change.after) if change.after is not None else None,
                message=action,
            )
    record(actor, action, target=str(conf().tasks_file)[-200:], after=ids)
    logger.info(
        "The definitions of jobs were applied",
        extra={"event": action, "actor": actor.name}
        | {f"{kind}_count": len(found) for kind, found in ids.items()},
    )


def _result(definitions: Definitions, plan: Plan, *, is_dry_run: bool = False) -> ReloadResult:
    left = {kept.job_id for kept in plan.kept}
    reloaded = tuple(job_id for job_id in sorted(definitions.items) if job_id not in left)
    return ReloadResult(plan, reloaded, definitions.warnings, is_dry_run)


def _last_snapshot() -> JobSnapshot:
    """The newest, if it has not been undone: never further back, over edits made since."""
    snapshot = JobSnapshot.objects.order_by("-pk").first()
    if snapshot is None or snapshot.is_undone:
        raise NothingToUndo
    return snapshot


def _undo_plan(
    snapshot: JobSnapshot, standing: _Standing, now: datetime, *, is_dry_run: bool = False
) -> ReloadResult:
    wanted = definition_snapshot.jobs_in(snapshot)
    plan = definition_plan.plan_restore(wanted, standing.jobs)
    overdue = definition_snapshot.overdue_in(snapshot, plan, now=now)
    notes: tuple[str, ...] = ()
    if overdue:
        notes = (
            _(
                "Due since the reload, and not run for that now but at their next occurrence: "
                "%(ids)s."
            )
            % {"ids": ", ".join(overdue)},
        )
    return ReloadResult(plan, tuple(sorted(wanted)), notes, is_dry_run)
