"""Partitions made and detached as policies say. Nothing is ever dropped."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from jobs.estate.adapters.base import Changer, ConnectionTarget
from jobs.estate.adapters.errors import InstanceError
from jobs.estate.adapters.registry import get_adapter
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.session import Category, SyncSession
from jobs.estate.services.choice import Choice
from jobs.estate.services.partition_analysis import TableKey
from jobs.estate.services.partition_order import Action, Order, Plan, plans_for
from jobs.estate.services.partitions import policies_of, read, some, zones_of
from jobs.estate.services.sync import NAMED, Approach, Outcome, Work, sync
from jobs.registry import current_execution

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """What was done to one table, or would be: statements that run together, and the partitions
    that they make or detach. `error` is why they did not run."""

    key: TableKey
    statements: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    error: str = ""

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "table": ".".join(filter(None, self.key)),
            "partitions": list(self.partitions),
            "statements": list(self.statements),
            "problems": [*self.problems, *filter(None, [self.error])],
        }


def create_by_policy(
    *, instances: Sequence[str] | None = None, dry_run: bool = False
) -> SyncSession:
    """Make the partitions that active policies ask for and that are not there.

    Those of one table are made together or, where the engine can do that, not at all. With
    `dry_run` only the statements are told, in the records' details. Instances without a policy
    are not visited unless they are named; one without a credential for changes fails with
    NoChanges. Raises Invalid, EveryInstanceFailed and StopRun, as `sync` says.
    """
    return _change("create", instances, dry_run)


def detach_by_policy(
    *, instances: Sequence[str] | None = None, dry_run: bool = False
) -> SyncSession:
    """The same to detach the partitions that are past the retention of an active policy; where
    the engine could only drop them, they are named in a warning."""
    return _change("detach", instances, dry_run)


def _change(action: Action, instances: Sequence[str] | None, dry_run: bool) -> SyncSession:
    if instances is None:
        with_policy = DatabaseInstance.objects.active().filter(partition_policies__is_active=True)
        instances = list(with_policy.order_by("name").values_list("name", flat=True).distinct())
        if not instances:
            current_execution().warn(_("No active instance has an active partition policy."))
    work = Work(
        Category.PARTITION,
        visit=visit,
        store=partial(_store, action, dry_run),
        is_offered=lambda engine: engine.has_partitions,
        approach=partial(_approach, action, dry_run),
    )
    return sync(work, Choice(instances))


def _approach(action: Action, dry_run: bool, instance: DatabaseInstance) -> Approach:
    order = Order(
        action, dry_run, instance.name, policies_of(instance), partial(zones_of, instance)
    )
    return Approach((instance.target(), instance.change_target()), (order,))


def visit(target: ConnectionTarget, change_target: ConnectionTarget, order: Order) -> list[Step]:
    """Read with the one credential, then change with the other, one table after the other.

    What goes wrong with a table is its own error. Raises InstanceError when every change failed.
    """
    if not order.policies:
        return []
    answer = read(target)
    plans = plans_for(order, answer.listing, order.zones_for(answer.server), timezone.now())
    if not any(plan.wanted or plan.unwanted for plan in plans):
        return [Step(plan.key, problems=_problems(plan)) for plan in plans]
    with get_adapter(change_target.engine).connect_to_change(change_target) as changer:
        steps = [_carry_out(plan, changer, order) for plan in plans]
    failed = [step for step in steps if step.error]
    if failed and not any(step.statements for step in steps):
        raise InstanceError(_listed(failed))
    return steps


def _carry_out(plan: Plan, changer: Changer, order: Order) -> Step:
    if plan.table is None or not (plan.wanted or plan.unwanted):
        return Step(plan.key, problems=_problems(plan))
    try:
        if plan.wanted:
            statements = changer.create_statements(plan.table, plan.wanted)
        else:
            statements = changer.detach_statements(plan.table, plan.unwanted)
        if statements and not order.dry_run:
            changer.execute(plan.table.database, statements)
            _log(order, plan, statements)
    except InstanceError as error:
        return Step(plan.key, problems=_problems(plan), error=error.message)
    if not statements:  # an engine that can only drop
        left = replace(plan, left_alone=(*plan.left_alone, *plan.unwanted))
        return Step(plan.key, problems=_problems(left))
    partitions = tuple(new.name for new in plan.wanted) or plan.unwanted
    return Step(plan.key, tuple(statements), partitions, _problems(plan))


def _log(order: Order, plan: Plan, statements: Sequence[str]) -> None:
    """At once: a pass that is cut off stores nothing, and the server has changed all the same."""
    logger.info(
        "Partitions changed",
        extra={
            "event": "estate.partitions_changed",
            "instance": order.instance,
            "table": ".".join(filter(None, plan.key)),
            "statements": list(statements),
        },
    )


def _problems(plan: Plan) -> tuple[str, ...]:
    if not plan.left_alone:
        return plan.problems
    sentence = _("Past their retention, and left to you: %(names)s.") % {
        "names": some(plan.left_alone)
    }
    return (*plan.problems, sentence)


def _store(
    action: Action, dry_run: bool, instance: DatabaseInstance, steps: list[Step], now: datetime
) -> Outcome:
    count = sum(len(step.partitions) for step in steps)
    done = 0 if dry_run else count
    troubled = [step for step in steps if step.problems or step.error]
    return Outcome(
        seen=len(steps),
        created=done if action == "create" else 0,
        removed=done if action == "detach" else 0,
        totals={"tables": len(steps), "partitions": count},
        details={
            "action": action,
            "dry_run": dry_run,
            "tables": [step.told() for step in steps if step.statements or step in troubled],
        },
        warning=_listed(troubled),
    )


def _listed(steps: Sequence[Step]) -> str:
    told = [step.told() for step in steps[:NAMED]]
    sentences = [f"{one['table']}: {' '.join(one['problems'])}" for one in told]
    if len(steps) > NAMED:
        sentences.append(_("And %(more)s more.") % {"more": len(steps) - NAMED})
    return " ".join(sentences)
