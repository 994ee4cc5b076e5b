from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from jobs.admin import paging
from jobs.estate.adapters.accounts import Account, Grant, Membership, Scope
from jobs.estate.admin.account_display import (
    WHERE,
    difference_block,
    grant_line,
    listed,
    membership_line,
)
from jobs.estate.models import Account as Row
from jobs.estate.models import AccountChange, AccountChangeKind, DatabaseInstance, Flag, SyncSession
from jobs.estate.services.account_difference import difference
from jobs.estate.services.account_state import grants_as_json, memberships_as_json, state_of

pytestmark = pytest.mark.django_db

LIST = "admin:estate_account_changelist"
CHANGE = "admin:estate_account_change"
CHANGES = "admin:estate_accountchange_changelist"

ODD = "Or\"der <b>.'s"
GRANTS = (
    Grant("server", (), "PROCESS"),
    Grant("table", ("sales", "public", ODD), "SELECT", is_grantable=True),
    Grant("table", ("sales", "public", ODD), "UPDATE", is_grantable=True),
    Grant("default", ("sales", "", "ana", "tables"), "INSERT"),
)


@pytest.fixture
def instance() -> DatabaseInstance:
    return DatabaseInstance.objects.create(name="main", engine="postgresql")


def make_account(
    instance: DatabaseInstance, name: str = "ana", read: Account | None = None, **fields: Any
) -> Row:
    now = timezone.now()
    values = {
        "host": "",
        "state": state_of(read or Account(name), sorted((read or Account(name)).unread)),
        "first_seen": now,
        "last_seen": now,
        **fields,
    }
    return Row.objects.create(instance=instance, name=name, **values)


def make_change(account: Row, **fields: Any) -> AccountChange:
    values = {"at": timezone.now(), "kind": "changed", **fields}
    return AccountChange.objects.create(account=account, instance=account.instance, **values)


def page_of(client: Client, account: Row) -> str:
    return client.get(reverse(CHANGE, args=[account.pk])).text


def test_the_list_shows_an_account_with_its_host_and_its_flags(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    make_account(instance, "ana", host="10.%", flags=["superuser", "no_password"])
    make_account(instance, "", host="localhost", is_role=True)
    page = admin_client.get(reverse(LIST)).text
    for text in (
        '>ana@10.%<small class="sc-below">main</small></a>',
        ">(anonymous)@localhost<",
        '<span class="sc-badge sc-superuser">superuser</span>',
        '<span class="sc-badge sc-no_password">logs in without a password</span>',
    ):
        assert text in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, {"ana", "ben", "old"}),
        ({"flag": "superuser"}, {"ana", "old"}),
        ({"flag": "any_host"}, set()),
        ({"flag": "nonsense"}, {"ana", "ben", "old"}),
        ({"removed": "no"}, {"ana", "ben"}),
        ({"removed": "yes"}, {"old"}),
        ({"flag": "superuser", "removed": "no"}, {"ana"}),
        ({"q": "10.0"}, {"ben"}),
        ({"is_superuser__exact": "1"}, {"ana"}),
        ({"is_role__exact": "1"}, {"ben"}),
    ],
)
def test_accounts_are_filtered_and_found(
    admin_client: Client, instance: DatabaseInstance, query: dict[str, str], names: set[str]
) -> None:
    make_account(instance, "ana", flags=["grant_option", "superuser"], is_superuser=True)
    make_account(instance, "ben", host="10.0.0.1", is_role=True)
    make_account(instance, "old", flags=["superuser"], removed_at=timezone.now())
    page = admin_client.get(reverse(LIST), query)
    assert {row.name for row in page.context["cl"].result_list} == names


def test_an_accounts_page_tells_its_rights_in_words(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    read = Account(
        "ana",
        never_expires=True,
        attributes={"connection_limit": 3},
        memberships=(Membership("read ers", is_admin=True, inherits=False),),
        grants=GRANTS,
    )
    page = page_of(admin_client, make_account(instance, read=read, raw={"rolname": "ana"}))
    for text in (
        "PROCESS on the server<",
        "SELECT, UPDATE on table sales.public.&quot;Or&quot;&quot;der &lt;b&gt;.&#x27;s&quot;"
        " (may grant it on)",
        "INSERT on all that is yet to be made: sales.*.ana.tables",
        "&quot;read ers&quot; (may admit others, does not inherit)",
        "connection_limit: 3",
        ">never<",
        "&quot;rolname&quot;: &quot;ana&quot;",
        "None has been noticed",
    ):
        assert text in page


def test_an_accounts_page_tells_what_could_not_be_read(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    account = make_account(instance)
    account.state |= {"unread": ["grants", "has_password"], "unknown": ["has_password"]}
    account.save()
    page = page_of(admin_client, account)
    assert "grants, has_password" in page
    assert "Shown as last read: grants." in page


def test_an_accounts_page_shows_its_own_changes_the_newest_first(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    ana, ben = make_account(instance), make_account(instance, "ben")
    make_change(ana, kind="added")
    make_change(
        ana,
        difference={"is_superuser": {"before": False, "after": True}},
        flags=["superuser"],
    )
    make_change(ben, difference={"limit_of_ben": {"before": None, "after": 1}})
    page = page_of(admin_client, ana)
    assert "<b>superuser</b> no → yes" in page
    assert page.index("sc-changed") < page.index('sc-badge sc-added">')
    assert "limit_of_ben" not in page


def test_only_the_newest_changes_of_an_account_are_read(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    account = make_account(instance)
    for _number in range(60):
        make_change(account)
    page = admin_client.get(reverse(CHANGE, args=[account.pk]))
    assert len(page.context["changes"]) == 50


def test_the_list_of_changes_shows_what_came_and_what_went(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    before = Account("ana", is_superuser=False, grants=GRANTS[:1])
    after = Account("ana", is_superuser=True, grants=GRANTS[3:])
    account = make_account(instance)
    session = SyncSession.objects.create(
        category="account", source="manual", started_at=timezone.now()
    )
    found = difference(before, after)
    change = make_change(account, difference=found, flags=["superuser"], session=session)
    page = admin_client.get(reverse(CHANGES)).text
    detail = admin_client.get(reverse("admin:estate_accountchange_change", args=[change.pk])).text
    for text in (
        '<span class="sc-badge sc-changed">changed</span>',
        "<b>superuser</b> no → yes",
        '<li class="sc-removed"><code>PROCESS on the server</code></li>',
        '<li class="sc-added"><code>INSERT on all that is yet to be made: sales.*.ana.tables<',
        '<span class="sc-badge sc-superuser">superuser</span>',
        f'<a href="{reverse(CHANGE, args=[account.pk])}">ana</a>',
    ):
        assert text in page
        assert text in detail
    url = reverse("admin:estate_syncsession_change", args=[session.pk])
    assert f'<a href="{url}">#{session.pk}</a>' in detail


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ({}, ["removed", "added"]),
        ({"kind__exact": "added"}, ["added"]),
        ({"flag": "superuser"}, ["added"]),
        ({"q": "ben"}, ["removed"]),
    ],
)
def test_changes_are_filtered_and_found(
    admin_client: Client, instance: DatabaseInstance, query: dict[str, str], kinds: list[str]
) -> None:
    make_change(make_account(instance), kind="added", flags=["superuser"])
    make_change(make_account(instance, "ben"), kind="removed")
    page = admin_client.get(reverse(CHANGES), query)
    assert [change.kind for change in page.context["cl"].result_list] == kinds


@pytest.mark.parametrize("model", ["account", "accountchange"])
def test_a_list_costs_the_same_statements_for_one_row_and_for_many(
    admin_client: Client, django_assert_num_queries: Any, model: str
) -> None:
    url = reverse(f"admin:estate_{model}_changelist")

    def add(name: str) -> None:
        instance = DatabaseInstance.objects.create(name=name, engine="postgresql")
        make_change(make_account(instance, name, flags=["superuser"]))

    add("first")
    admin_client.get(url)
    with CaptureQueriesContext(connection) as one:
        admin_client.get(url)
    for number in range(20):
        add(f"further {number}")
    with django_assert_num_queries(len(one)):
        admin_client.get(url)


def test_a_page_costs_the_same_statements_for_one_change_and_for_many(
    admin_client: Client, instance: DatabaseInstance, django_assert_num_queries: Any
) -> None:
    account = make_account(instance)
    url = reverse(CHANGE, args=[account.pk])
    make_change(account)
    admin_client.get(url)
    with CaptureQueriesContext(connection) as one:
        admin_client.get(url)
    for _number in range(20):
        make_change(account)
    with django_assert_num_queries(len(one)):
        admin_client.get(url)


@pytest.mark.parametrize("model", ["account", "accountchange"])
def test_of_a_long_list_only_the_first_rows_are_counted(
    admin_client: Client,
    instance: DatabaseInstance,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
) -> None:
    monkeypatch.setattr(paging, "MOST_ROWS", 2)
    for name in ("ana", "ben", "cleo"):
        make_change(make_account(instance, name))
    with CaptureQueriesContext(connection) as statements:
        page = admin_client.get(reverse(f"admin:estate_{model}_changelist"))
    assert "filter or search to find others" in page.text
    counts = [query["sql"] for query in statements if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT 3" in count for count in counts if f'"estate_{model}"' in count)


def test_the_list_of_accounts_is_read_in_the_order_of_an_index_and_without_its_large_columns(
    admin_client: Client, instance: DatabaseInstance
) -> None:
    make_account(instance)
    with CaptureQueriesContext(connection) as statements:
        admin_client.get(reverse(LIST))
    [rows] = [
        query["sql"] for query in statements if '"estate_account"."last_seen"' in query["sql"]
    ]
    assert '"estate_account"."state"' not in rows
    order = rows.partition("ORDER BY ")[2].partition(" LIMIT")[0]
    names = ("instance_id", "name", "host")
    assert order == ", ".join(f'"estate_account"."{name}" ASC' for name in names)


@pytest.mark.parametrize("model", ["account", "accountchange"])
def test_accounts_and_their_changes_can_only_be_looked_at(
    admin_client: Client, instance: DatabaseInstance, model: str
) -> None:
    row: Any = make_account(instance)
    if model == "accountchange":
        row = make_change(row)
    assert admin_client.get(reverse(f"admin:estate_{model}_add")).status_code == 403
    for verb in ("change", "delete"):
        url = reverse(f"admin:estate_{model}_{verb}", args=[row.pk])
        assert admin_client.post(url, {"post": "yes"}).status_code == 403
    assert 'name="_save"' not in page_of(admin_client, Row.objects.get())


@pytest.mark.parametrize("model", ["account", "accountchange"])
def test_viewers_see_them_and_others_do_not(
    client: Client, instance: DatabaseInstance, model: str
) -> None:
    make_change(make_account(instance))
    user = User.objects.create_user("vera", is_staff=True)
    client.force_login(user)
    url = reverse(f"admin:estate_{model}_changelist")
    assert client.get(url).status_code == 403
    user.groups.add(Group.objects.get(name="Scheduler viewers"))
    assert client.get(url).status_code == 200


def test_every_flag_and_kind_has_its_sign_in_the_stylesheet() -> None:
    css = (Path(__file__).parents[2] / "static/jobs/admin.css").read_text()
    for value in (*Flag.values, *AccountChangeKind.values):
        assert f".sc-{value}::before" in css


def test_every_scope_has_its_words() -> None:
    assert set(get_args(Scope)) == set(WHERE)


@pytest.mark.parametrize(
    ("grant", "line"),
    [
        (Grant("server", (), "PROCESS"), "PROCESS on the server"),
        (Grant("database", ("Über",), "CREATE"), "CREATE on database Über"),
        (Grant("schema", ("a b", "c"), "USAGE"), 'USAGE on schema "a b".c'),
        (
            Grant("column", ("a", "b.c", "d", 'e"'), "SELECT", is_grantable=True),
            'SELECT on column a."b.c".d."e""" (may grant it on)',
        ),
    ],
)
def test_a_grant_is_told_on_a_line(grant: Grant, line: str) -> None:
    assert [grant_line(row) for row in grants_as_json([grant])] == [line]


@pytest.mark.parametrize(
    ("membership", "line"),
    [
        (Membership("readers"), "readers"),
        (Membership("readers", inherits=True, may_set=True), "readers"),
        (
            Membership("readers", is_admin=True, inherits=False, may_set=False),
            "readers (may admit others, does not inherit, may not become it)",
        ),
    ],
)
def test_a_membership_is_told_on_a_line(membership: Membership, line: str) -> None:
    assert [membership_line(row) for row in memberships_as_json([membership])] == [line]


def test_of_many_lines_the_first_are_shown_and_the_rest_is_counted() -> None:
    assert listed([], 2) is None
    assert "more" not in str(listed(["a", "b"], 2))
    assert "and 3 more" in str(listed(["a", "b", "c", "d", "e"], 2))
    found = {
        "grants": {"added": grants_as_json(Grant("table", (f"t{n}",), "SELECT") for n in range(5))}
    }
    block = str(difference_block(found, 2))
    assert "table t1" in block
    assert "table t2" not in block
    assert '<li class="sc-added">and 3 more</li>' in block
