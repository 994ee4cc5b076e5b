"""One pass of any sync: a session, a record for each instance, and a verdict on the whole."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar, cast

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from jobs.errors import SchedulerError
from jobs.estate.adapters.base import Adapter, ConnectionTarget
from jobs.estate.adapters.errors import DidNotAnswer, redacted
from jobs.estate.adapters.registry import get_adapter
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.record import RecordStatus, SyncRecord
from jobs.estate.models.session import Category, SessionStatus, SyncSession
from jobs.estate.services import sessions
from jobs.estate.services.choice import Choice, chosen_instances
from jobs.estate.services.side_by_side import Answer, Visit, side_by_side
from jobs.registry import current_execution

T = TypeVar("T")

logger = logging.getLogger(__name__)

NET_S = 2.0
"""How much later than an adapter's own timeouts, whose sentences say more, a visit is given up."""

NAMED = 10
"""How many failures a sentence names; the records name all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one instance's answer came to. `totals` are added up over the session."""

    seen: int
    created: int = 0
    updated: int = 0
    removed: int = 0
    totals: Mapping[str, int] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Approach:
    """What a visit is given: targets, to which it connects one after the other, and the rest."""

    targets: tuple[ConnectionTarget, ...]
    rest: tuple[Any, ...] = ()

    @property
    def deadline_s(self) -> int:
        return sum(target.deadline_s for target in self.targets)


def to_read(instance: DatabaseInstance) -> Approach:
    return Approach((instance.target(),))


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """What a sync does at an instance.

    `visit` runs in a thread and must not touch the ORM; `store` runs in the thread of the
    sync, in a transaction that holds the instance's row, with the time of the answer (UTC);
    `sessions.current_session()` is its session then.
    """

    category: Category
    visit: Callable[..., T]
    store: Callable[[DatabaseInstance, T, datetime], Outcome]
    is_offered: Callable[[Adapter], bool] = lambda adapter: True
    """Whether there is anything to visit at instances of an engine; others are skipped."""
    approach: Callable[[DatabaseInstance], Approach] = to_read
    """What `visit` is given. Runs in the thread of the sync; what it raises fails the instance."""


class EveryInstanceFailed(SchedulerError):
    code = "every_instance_failed"

    def __init__(self, failures: Sequence[SyncRecord]) -> None:
        super().__init__(
            _("Every instance failed. %(failures)s") % {"failures": _sentences(failures)}
        )


def sync(work: Work[T], choice: Choice) -> SyncSession:
    """Visit the chosen instances side by side and store what they answer.

    What goes wrong with one instance becomes its record's error, and a warning of the
    execution. Raises Invalid for a choice that cannot be, EveryInstanceFailed, and StopRun
    after it has ended the session as cancelled.
    """
    instances = chosen_instances(choice)
    sessions.end_orphans(work.category)
    session = sessions.begin(work.category, instances)
    with sessions.ended_by_errors(session), sessions.within(session):
        warnings = _visit_all(session, work, choice.concurrency)
    _conclude(session, warnings)
    return session


def _visit_all(session: SyncSession, work: Work[T], concurrency: int) -> list[str]:
    """Settle every record; returns what deserves a warning without being a failure."""
    execution = current_execution()
    records = {record.pk: record for record in session.records.select_related("instance")}
    approaches = _approaches(records.values(), work)
    visits = [
        Visit(
            key=pk,
            run=partial(work.visit, *approach.targets, *approach.rest),
            deadline_s=approach.deadline_s + NET_S,
            late=DidNotAnswer(approach.deadline_s),
        )
        for pk, approach in approaches.items()
    ]
    done = len(records) - len(approaches)
    warnings = []
    for answer in side_by_side(
        visits,
        concurrency=concurrency,
        started=lambda pk: sessions.mark_running(records[pk]),
        look=execution.check,
    ):
        record = records[answer.key]
        warning = _settle(record, answer, work, approaches[answer.key])
        if warning:
            warnings.append(f"{record.instance_name}: {warning}")
        done += 1
        execution.progress(done, len(records), record.instance_name)
    return warnings


def _approaches(records: Iterable[SyncRecord], work: Work[T]) -> dict[int, Approach]:
    """How to reach each record's instance; records of those that cannot be reached fail."""
    approaches = {}
    for record in records:
        try:
            instance = _there(record.instance)
            if work.is_offered(get_adapter(instance.engine)):
                approaches[record.pk] = work.approach(instance)
            else:
                sessions.skip(record, _("Its engine has nothing of the kind."))
        except SchedulerError as error:
            sessions.fail(record, error.message)
    return approaches


def _settle(record: SyncRecord, answer: Answer[int, T], work: Work[T], approach: Approach) -> str:
    """Store an answer, and on its record what became of it; returns a warning or ""."""
    record.seconds = round(answer.seconds, 3)
    try:
        if answer.error is not None:
            raise answer.error
        return _store(record, answer, work).warning
    except SchedulerError as error:
        sessions.fail(record, error.message)
    except Exception as error:
        logger.error(
            "Instance failed unexpectedly",
            extra={
                "event": "estate.instance_failed",
                "instance": record.instance_name,
                "error": type(error).__name__,
                # Places only: a message may hold what it was called with.
                "trace": "".join(traceback.format_tb(error.__traceback__)),
            },
        )
        said = str(error)
        for target in approach.targets:
            said = redacted(said, target.password)
        sessions.fail(record, f"{type(error).__name__}: {said}")
    return ""


@transaction.atomic
def _store(record: SyncRecord, answer: Answer[int, T], work: Work[T]) -> Outcome:
    # The lock makes two passes over one instance take turns.
    rows = DatabaseInstance.objects.select_for_update()
    instance = _there(rows.filter(pk=_there(record.instance).pk).first())
    outcome = work.store(instance, cast(T, answer.value), timezone.now())
    record.status = RecordStatus.COMPLETED
    record.items_seen = outcome.seen
    record.items_created = outcome.created
    record.items_updated = outcome.updated
    record.items_removed = outcome.removed
    record.details = {**outcome.details, "totals": dict(outcome.totals)}
    record.save()
    return outcome


def _there(instance: DatabaseInstance | None) -> DatabaseInstance:
    if instance is None:
        raise SchedulerError(_("The instance was deleted meanwhile."))
    return instance


def _conclude(session: SyncSession, warnings: list[str]) -> None:
    records = list(session.records.exclude(status=RecordStatus.SKIPPED))
    failed = [record for record in records if record.status == RecordStatus.FAILED]
    if not session.instances_total:
        warnings.append(_("No active instance is registered that was asked for."))
    elif failed and len(failed) == len(records):
        sessions.end(session, SessionStatus.FAILED)
        raise EveryInstanceFailed(failed)
    elif failed:
        warnings.append(
            _("%(failed)s of %(all)s instances failed. %(failures)s")
            % {"failed": len(failed), "all": len(records), "failures": _sentences(failed)}
        )
    sessions.end(session, SessionStatus.PARTIAL if failed else SessionStatus.COMPLETED)
    if warnings:
        current_execution().warn(" ".join(warnings))


def _sentences(failures: Sequence[SyncRecord]) -> str:
    named = [f"{record.instance_name}: {record.error}" for record in failures[:NAMED]]
    if len(failures) > NAMED:
        named.append(_("And %(more)s more.") % {"more": len(failures) - NAMED})
    return " ".join(named)
