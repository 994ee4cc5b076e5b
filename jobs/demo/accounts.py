"""Accounts of the demonstration's instances, read three times, with what changed between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from jobs.estate.adapters.accounts import Account, AccountListing, Grant, Membership
from jobs.estate.adapters.base import ServerInfo
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.session import SyncSession
from jobs.estate.services import accounts as service
from jobs.estate.services.sessions import within

READ_DAYS = (29, 12, 1)
"""Days ago; the first reading notes nothing, as nothing is known to have changed."""


def make_accounts(
    postgresql: DatabaseInstance, mariadb: DatabaseInstance, sessions: Sequence[SyncSession]
) -> None:
    """`sessions` of the accounts, one a day, the last of yesterday."""
    for instance, readings, version in (
        (postgresql, _postgresql(), "16.9"),
        (mariadb, _mariadb(), "10.11.11-MariaDB"),
    ):
        server = ServerInfo(instance.engine, version, instance.timezone)
        for days, listed in zip(READ_DAYS, readings, strict=True):
            session = sessions[-days]
            with within(session):
                reading = service.Listed(AccountListing(tuple(listed)), server)
                service.store(instance, reading, session.started_at)


def _postgresql() -> tuple[list[Account], ...]:
    def user(name: str, *grants: Grant, **fields: object) -> Account:
        known = {"can_login": True, "is_superuser": False, "has_password": True}
        return Account(name, grants=grants, **{**known, **fields})  # type: ignore[arg-type]  # fields of Account

    owner = user("postgres", is_superuser=True)
    app = user("orders_app", *_on("orders", "SELECT", "INSERT", "UPDATE", "DELETE"))
    report = user("report_ro", *_on("orders", "SELECT"), *_on("warehouse", "SELECT"))
    anna = user("anna.keller", memberships=(Membership("dba", is_admin=True),))
    dba = Account("dba", is_role=True, can_login=False, is_superuser=False)
    chen = user(
        "陈明", memberships=(Membership("dba"),), expires_at=datetime(2030, 1, 1, tzinfo=UTC)
    )
    old = user("crm_sync", *_on("legacy_crm", "SELECT", "INSERT"))
    before = [owner, app, report, anna, dba, chen, old]
    meanwhile = [owner, app, replace(report, is_superuser=True), anna, dba, chen]
    after = [
        owner,
        replace(app, grants=(*app.grants, Grant("database", ("orders",), "TRUNCATE"))),
        report,
        anna,
        dba,
        chen,
        user("contractor_7", *_on("customers", "SELECT"), has_password=False),
    ]
    return before, meanwhile, after


def _mariadb() -> tuple[list[Account], ...]:
    def user(name: str, host: str, *grants: Grant, **fields: object) -> Account:
        known = {"can_login": True, "is_superuser": False, "has_password": True, "is_locked": False}
        return Account(name, host, grants=grants, **{**known, **fields})  # type: ignore[arg-type]  # fields of Account

    root = user("root", "localhost", is_superuser=True)
    billing = user("billing", "10.20.%", *_on("billing", "SELECT", "INSERT", "UPDATE"))
    backup = user("backup", "localhost", Grant("server", (), "RELOAD"))
    shop = user("webshop", "%", *_on("webshop", "SELECT", "INSERT"))
    before = [root, billing, backup, shop]
    meanwhile = [root, billing, replace(backup, is_locked=True), shop]
    grant = Grant("database", ("billing",), "DELETE", is_grantable=True)
    after = [root, replace(billing, grants=(*billing.grants, grant)), backup, shop]
    return before, meanwhile, after


def _on(database: str, *privileges: str) -> tuple[Grant, ...]:
    return tuple(sorted(Grant("database", (database,), privilege) for privilege in privileges))
