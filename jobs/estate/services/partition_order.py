"""Policies and the tables they are for, brought together: what is to be done to each. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from django.utils.translation import gettext as _

from jobs.estate.adapters.base import ServerInfo
from jobs.estate.adapters.partitions import NewPartition, PartitionedTable, PartitionListing
from jobs.estate.models.policy import PartitionPolicy
from jobs.estate.services.partition_analysis import TableKey, key_of, nested
from jobs.estate.services.partition_plans import Misfit, Situation, creation, detachment
from jobs.estate.services.partitions import Policies

Action = Literal["create", "detach"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a visit is to do at its instance, of which it cannot ask the ORM."""

    action: Action
    dry_run: bool
    instance: str
    policies: Policies
    zones_for: Callable[[ServerInfo], Sequence[tzinfo]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to one table; `left_alone` are past their retention all the same."""

    key: TableKey
    table: PartitionedTable | None = None
    wanted: tuple[NewPartition, ...] = ()
    unwanted: tuple[str, ...] = ()
    left_alone: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def plans_for(
    order: Order, listing: PartitionListing, zones: Sequence[tzinfo], now: datetime
) -> list[Plan]:
    """One for each policy, by table."""
    tables = {key_of(table): table for table in listing.tables}
    within = nested(listing.tables)
    taken = _names(listing.tables)
    plans = []
    for key, policy in sorted(order.policies.items()):
        table = tables.get(key)
        if table is None:
            plans.append(Plan(key, problems=(_absence(key, listing),)))
            continue
        names = taken[_name_space(table)]
        when = Situation(now, zones, within.get(key), names)
        try:
            plan = _plan(order.action, table, policy, when)
        except Misfit as misfit:
            plan = Plan(key, problems=(misfit.message,))
        names.update(new.name.casefold() for new in plan.wanted)
        plans.append(plan)
    return plans


def _plan(
    action: Action, table: PartitionedTable, policy: PartitionPolicy, when: Situation
) -> Plan:
    if action == "create":
        new = creation(table, policy, when)
        return Plan(key_of(table), table, wanted=new.wanted, problems=new.problems)
    old = detachment(table, policy, when)
    return Plan(key_of(table), table, unwanted=old.names, left_alone=old.left_alone)


def _absence(key: TableKey, listing: PartitionListing) -> str:
    database, schema, name = key
    if database in listing.unread:
        return _("Its database could not be read: %(why)s") % {"why": listing.unread[database]}
    elsewhere = [
        table.schema for table in listing.tables if (table.database, table.name) == (database, name)
    ]
    if elsewhere:
        return _("There is none in the schema “%(schema)s”, but in: %(others)s.") % {
            "schema": schema,
            "others": ", ".join(elsewhere),
        }
    return _("There is no partitioned table of this name (any more).")


def _name_space(table: PartitionedTable) -> TableKey:
    """Where partitions are tables, they share one with all of their schema."""
    return (table.database, table.schema, "") if table.schema else key_of(table)


def _names(tables: Iterable[PartitionedTable]) -> defaultdict[TableKey, set[str]]:
    """Names that are taken, as far as a listing tells, in lower case."""
    taken: defaultdict[TableKey, set[str]] = defaultdict(set)
    for table in tables:
        here = taken[_name_space(table)]
        here.update(name.casefold() for name in (table.name, *table.leftovers) if table.schema)
        for part in table.partitions:
            schema = part.schema or table.schema
            space = (table.database, schema, "") if schema else key_of(table)
            taken[space].add(part.name.casefold())
    return taken
