"""Who may do what on every instance, and what became different since the last reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from jobs.estate.adapters.accounts import AccountListing
from jobs.estate.adapters.base import ConnectionTarget, ServerInfo
from jobs.estate.adapters.errors import EmptyAccountListing
from jobs.estate.adapters.registry import get_adapter
from jobs.estate.models.account import Account
from jobs.estate.models.account_change import AccountChange, AccountChangeKind
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.record import RecordStatus
from jobs.estate.models.session import Category, SyncSession
from jobs.estate.services.account_steps import TOLD, Reading
from jobs.estate.services.choice import Choice
from jobs.estate.services.sessions import current_session
from jobs.estate.services.sync import Outcome, Work, sync
from jobs.estate.services.wording import enumeration

BATCH = 1000
"""Rows a statement; SQLite takes fewer, by its limit of parameters."""

RIGHTS = ("is_superuser", "memberships", "grants")
"""Fields of whose gaps a run warns. Others are hidden for good on many a managed server."""


@dataclass(frozen=True, slots=True)
class Listed:
    listing: AccountListing
    server: ServerInfo


def sync_accounts(
    *,
    instances: Sequence[str] | None = None,
    engines: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    concurrency: int = 4,
) -> SyncSession:
    """Read the accounts of the chosen active instances, `concurrency` of them at a time.

    None means all. Raises Invalid, EveryInstanceFailed and StopRun, as `sync` says.
    """
    choice = Choice(instances, engines, tags, concurrency)
    work = Work(Category.ACCOUNT, visit, store, is_offered=lambda adapter: adapter.has_accounts)
    return sync(work, choice)


def visit(target: ConnectionTarget) -> Listed:
    with get_adapter(target.engine).connect(target) as session:
        server = session.server_info()
        return Listed(session.accounts(), server)


def store(instance: DatabaseInstance, listed: Listed, now: datetime) -> Outcome:
    """Bring the accounts up to date and note what became different; `now` in UTC.

    The first reading of an instance notes nothing, since nothing is known to have changed.
    Raises EmptyAccountListing, since an empty listing taken at its word would remove all.
    """
    listing = listed.listing
    if not listing.accounts:
        raise EmptyAccountListing
    stored = {(row.name, row.host): row for row in instance.accounts.all()}
    is_first = not stored
    unread = frozenset(listing.unread)
    never_read = unread if is_first else _never_read(instance)
    has_hosts = get_adapter(instance.engine).has_hosts
    reading = Reading(instance, now, has_hosts, unread, learned=never_read - unread)
    steps = list(reading.steps(listing.accounts, stored))
    changes = [step.change for step in steps if step.change is not None]
    _write(
        instance,
        rows=[step.row for step in steps if step.is_to_write],
        changes=[] if is_first else changes,
        now=now,
    )

    kinds = Counter(change.kind for change in changes)
    unread_fields = Counter(name for account in listing.accounts for name in account.unread)
    return Outcome(
        seen=len(listing.accounts),
        created=kinds[AccountChangeKind.ADDED],
        updated=kinds[AccountChangeKind.CHANGED] + kinds[AccountChangeKind.REAPPEARED],
        removed=kinds[AccountChangeKind.REMOVED],
        totals={
            "accounts": len(listing.accounts),
            "changes": 0 if is_first else len(changes),
        },
        details={
            "version": listed.server.version,
            "unread": dict(listing.unread),
            "unread_fields": dict(unread_fields),
            "never_read": sorted(never_read & unread),
        },
        warning=_warning(listing.unread, [name for name in RIGHTS if name in unread_fields]),
    )


def _never_read(instance: DatabaseInstance) -> frozenset[str]:
    """The databases whose grants no reading so far could tell. What is found in them some day is
    old, however new to us."""
    records = instance.records.filter(
        session__category=Category.ACCOUNT, status=RecordStatus.COMPLETED
    )
    details = records.order_by("-id").values_list("details", flat=True).first() or {}
    return frozenset(details.get("never_read", ()))


def _write(
    instance: DatabaseInstance,
    rows: Sequence[Account],
    changes: Sequence[AccountChange],
    now: datetime,
) -> None:
    session = current_session()
    for row in rows:
        row.pk = None  # else a row that is there would not go by the unique constraint
    Account.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["instance", "name", "host"],
        update_fields=TOLD,
    )
    instance.accounts.present().update(last_seen=now)
    for change in changes:
        change.session = session
    AccountChange.objects.bulk_create(changes, batch_size=BATCH)


def _warning(unread: Mapping[str, str], fields: Sequence[str]) -> str:
    sentences = []
    if unread:
        sentences.append(_("Grants not read in: %(names)s.") % {"names": enumeration(unread)})
    if fields:
        sentences.append(_("Not read of every account: %(names)s.") % {"names": ", ".join(fields)})
    return " ".join(sentences)
