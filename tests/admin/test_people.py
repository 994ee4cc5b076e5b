"""Every change of users and groups in the admin leaves an audit event, which tells of rights and
groups what was and what is, and never a password."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from jobs.models import AuditEvent
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import act
from tests.factories import make_user, permissions

USERS = "/admin/auth/user/"
GROUPS = "/admin/auth/group/"
SECRET = "correct horse battery"


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def root(db: None) -> Client:
    return logged_in(staff(is_superuser=True, name="root"))


@pytest.fixture
def ann(db: None) -> User:
    return make_user("view_job", name="ann", password="old secret of ann")


def event() -> AuditEvent:
    """The one that there is."""
    found = AuditEvent.objects.get()
    assert (found.actor, found.via, found.is_refused) == ("root", "admin", False)
    text = json.dumps([found.before, found.after, found.message, found.target])
    assert SECRET not in text
    assert "md5$" not in text
    return found


def sent(client: Client, user: User, **changes: Any) -> dict[str, Any]:
    """What a browser sends for the form of a user, as it is shown but for the changes."""
    form = client.get(f"{USERS}{user.pk}/change/").context["adminform"].form
    values = {name: form[name].value() for name in form.fields if name != "password"}
    joined = values.pop("date_joined")
    for start in ("", "initial-"):
        values[f"{start}date_joined_0"] = f"{joined:%Y-%m-%d}"
        values[f"{start}date_joined_1"] = f"{joined:%H:%M:%S}"
    values |= {"last_login_0": "", "last_login_1": ""}
    values |= changes
    return {name: value for name, value in values.items() if value not in (None, False)}


def change(client: Client, user: User, **changes: Any) -> None:
    answer = client.post(f"{USERS}{user.pk}/change/", sent(client, user, **changes))
    assert answer.status_code == 302, answer.context["adminform"].form.errors


def test_a_save_without_a_change_leaves_none(root: Client, ann: User) -> None:
    change(root, ann)
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("flag", ["is_active", "is_staff", "is_superuser"])
def test_flags_are_told_as_they_were_and_are(root: Client, ann: User, flag: str) -> None:
    was = getattr(ann, flag)
    change(root, ann, **{flag: not was})
    found = event()
    assert (found.action, found.target, found.message) == ("user.change", "ann", flag)
    assert (found.before, found.after) == ({flag: was}, {flag: not was})


def test_groups_and_rights_are_told_by_name(root: Client, ann: User) -> None:
    viewers = Group.objects.get(name="Scheduler viewers")
    run = [permission.pk for permission in permissions("run_job")]
    change(root, ann, groups=[viewers.pk], user_permissions=run)
    found = event()
    assert found.before == {"groups": [], "permissions": ["jobs.view_job"]}
    assert found.after == {"groups": ["Scheduler viewers"], "permissions": ["jobs.run_job"]}
    assert found.message == "groups, user_permissions"


def test_a_new_name_is_told_and_other_fields_are_named(root: Client, ann: User) -> None:
    change(root, ann, username="anna", email="anna@example.org")
    found = event()
    assert (found.before, found.after) == ({"username": "ann"}, {"username": "anna"})
    assert (found.target, found.message) == ("anna", "email, username")


def test_a_new_user_is_told(root: Client) -> None:
    new = {"username": "eve", "usable_password": "true"}
    answer = root.post(f"{USERS}add/", {**new, "password1": SECRET, "password2": SECRET})
    assert answer.status_code == 302
    found = event()
    assert (found.action, found.target) == ("user.create", "eve")
    assert found.message == "password, username"
    assert found.before is None
    assert found.after == {
        "username": "eve",
        "is_active": True,
        "is_staff": False,
        "is_superuser": False,
        "groups": [],
        "permissions": [],
    }


def test_a_new_password_is_named_alone(root: Client, ann: User) -> None:
    url = f"{USERS}{ann.pk}/password/"
    assert root.post(url, {"password1": "x", "password2": "y"}).status_code == 200
    assert not AuditEvent.objects.exists()
    new = {"password1": SECRET, "password2": SECRET, "usable_password": "true"}
    assert root.post(url, {**new, "set-password": "1"}).status_code == 302
    found = event()
    assert (found.action, found.target, found.message) == ("user.change", "ann", "password")
    assert (found.before, found.after) == (None, None)


def test_and_so_is_a_password_that_is_taken_away(root: Client, ann: User) -> None:
    root.post(f"{USERS}{ann.pk}/password/", {"usable_password": "false", "unset-password": "1"})
    assert not User.objects.get(pk=ann.pk).has_usable_password()
    assert event().message == "password"


@pytest.mark.parametrize("key", ["0", "x", "99999999999999999999999"])
def test_a_password_of_nobody_is_nobodys(root: Client, key: str) -> None:
    assert root.post(f"{USERS}{key}/password/", {"password1": SECRET}).status_code == 404


def test_ones_own_password_too(db: None) -> None:
    user = staff(name="root", password="old secret of root")
    client = logged_in(user)
    url = "/admin/password_change/"
    assert client.get(url).status_code == 200
    wrong = {"old_password": "?", "new_password1": SECRET, "new_password2": SECRET}
    assert client.post(url, wrong).status_code == 200
    assert not AuditEvent.objects.exists()
    right = {**wrong, "old_password": "old secret of root"}
    assert client.post(url, right).url == "/admin/password_change/done/"
    assert User.objects.get(pk=user.pk).check_password(SECRET)
    found = event()
    assert (found.action, found.target, found.message) == ("user.change", "root", "password")
    assert client.get("/admin/").status_code == 200, "who changes it stays logged in"
    assert Client().get(url).url.startswith("/admin/login/")


def test_a_user_who_is_deleted_is_told_as_they_were(root: Client, ann: User) -> None:
    root.post(f"{USERS}{ann.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(username="ann").exists()
    found = event()
    assert (found.action, found.target, found.after) == ("user.delete", "ann", None)
    assert found.before["permissions"] == ["jobs.view_job"]


def test_so_is_each_of_many(root: Client, ann: User) -> None:
    bob = make_user(name="bob")
    act(root, USERS, "delete_selected", str(ann.pk), str(bob.pk), post="yes")
    events = AuditEvent.objects.filter(action="user.delete")
    assert {one.target for one in events} == {"ann", "bob"}


def test_groups_are_watched_too(root: Client) -> None:
    run, manage = (permissions(right)[0].pk for right in ("run_job", "manage_job"))
    root.post(f"{GROUPS}add/", {"name": "dba", "permissions": [run]})
    group = Group.objects.get(name="dba")
    root.post(f"{GROUPS}{group.pk}/change/", {"name": "dbas", "permissions": [run, manage]})
    root.post(f"{GROUPS}{group.pk}/delete/", {"post": "yes"})
    held, more = ["jobs.run_job"], ["jobs.manage_job", "jobs.run_job"]
    events = AuditEvent.objects.order_by("pk")
    assert [(one.action, one.target, one.before, one.after) for one in events] == [
        ("group.create", "dba", None, {"name": "dba", "permissions": held}),
        (
            "group.change",
            "dbas",
            {"name": "dba", "permissions": held},
            {"name": "dbas", "permissions": more},
        ),
        ("group.delete", "dbas", {"name": "dbas", "permissions": more}, None),
    ]


def test_the_event_falls_with_the_change(
    root: Client, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("disk full")

    posted = sent(root, ann, is_superuser=True)
    monkeypatch.setattr("jobs.admin.audited.record", fail)
    with pytest.raises(RuntimeError):
        root.post(f"{USERS}{ann.pk}/change/", posted)
    assert not User.objects.get(pk=ann.pk).is_superuser
