"""Rights on one job are given and taken through `control`, and leave audit events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from guardian.shortcuts import assign_perm

from jobs.control.rights import set_right
from jobs.errors import Forbidden, Invalid, JobNotFound
from jobs.models import AuditEvent, Job, JobGroupPermission, JobUserPermission
from jobs.models.grant import Grant, grants_on, grants_on_all
from jobs.models.rights import Right, has_right, limit
from tests.factories import ACTOR, grant, make_group, make_job, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rows() -> None:
    make_job("report")
    make_user(name="ann")
    Group.objects.create(name="dba")


@pytest.fixture
def manager() -> User:
    return make_user("manage_job", name="manager")


def events() -> list[tuple[str, Any, Any]]:
    found = AuditEvent.objects.filter(action="rights.change", job_id="report").order_by("pk")
    return [(event.target, event.before, event.after) for event in found]


def held(name: str) -> Right | None:
    return next((one.right for one in grants_on("report") if one.name == name), None)


def test_a_right_is_given_changed_and_taken(manager: User) -> None:
    rights: tuple[Right | None, ...] = ("run_job", "manage_job", "view_job", None)
    for right in rights:
        set_right("report", right, user="ann", requester=manager, actor=ACTOR)
        assert held("ann") == right
        assert JobUserPermission.objects.count() == (right is not None)
    assert events() == [
        ("user ann", {"right": None}, {"right": "run"}),
        ("user ann", {"right": "run"}, {"right": "manage"}),
        ("user ann", {"right": "manage"}, {"right": "view"}),
        ("user ann", {"right": "view"}, {"right": None}),
    ]


def test_a_group_is_given_one_and_so_are_its_members(manager: User) -> None:
    ann = User.objects.get(username="ann")
    ann.groups.add(Group.objects.get(name="dba"))
    set_right("report", "run_job", group="dba", requester=manager, actor=ACTOR)
    assert has_right(ann, "run_job", "report")
    assert grants_on("report") == [Grant("group", "dba", "run_job")]
    assert events() == [("group dba", {"right": None}, {"right": "run"})]


@pytest.mark.parametrize("right", [None, "run_job"])
def test_what_is_so_already_leaves_no_event(
    manager: User, right: Right | None, nothing_changes: Callable[[], Any]
) -> None:
    set_right("report", right, user="ann", requester=manager, actor=ACTOR)
    with nothing_changes():
        set_right("report", right, user="ann", requester=manager, actor=ACTOR)


def test_rights_that_were_given_one_upon_another_become_one(manager: User) -> None:
    ann = User.objects.get(username="ann")
    for right in ("view_job", "manage_job"):
        assign_perm(f"jobs.{right}", ann, Job.objects.get(pk="report"))
    assert held("ann") == "manage_job"
    set_right("report", "run_job", user="ann", requester=manager, actor=ACTOR)
    assert not has_right(ann, "manage_job", "report")
    assert events() == [("user ann", {"right": "manage"}, {"right": "run"})]


def test_rights_on_other_jobs_and_of_others_stay(manager: User) -> None:
    other = make_job("other")
    bob = make_user(name="bob")
    for user in (bob, User.objects.get(username="ann")):
        grant(user, "run_job", other)
    grant(bob, "run_job", Job.objects.get(pk="report"))
    set_right("report", None, user="ann", requester=manager, actor=ACTOR)
    set_right("report", None, group="dba", requester=manager, actor=ACTOR)
    assert JobUserPermission.objects.count() == 3


def test_who_manages_the_one_job_may_give_rights_on_it(nothing_changes: Callable[[], Any]) -> None:
    ann = User.objects.get(username="ann")
    grant(ann, "manage_job", Job.objects.get(pk="report"))
    make_job("other")
    set_right("report", "view_job", group="dba", requester=ann, actor=ACTOR)
    assert held("dba") == "view_job"
    with nothing_changes(), pytest.raises(Forbidden):
        set_right("other", "view_job", group="dba", requester=ann, actor=ACTOR)


def test_who_only_runs_it_or_has_a_token_that_may_not_manage_is_refused(
    manager: User, nothing_changes: Callable[[], Any]
) -> None:
    limit(manager, "run_job")
    for requester in (manager, make_user("run_job")):
        with nothing_changes(), pytest.raises(Forbidden) as caught:
            set_right("report", "view_job", user="ann", requester=requester, actor=ACTOR)
        assert "report" in caught.value.message


@pytest.mark.parametrize(
    ("holder", "field"),
    [
        ({"user": "nobody-here"}, "user"),
        ({"user": "ANN"}, "user"),
        ({"user": ""}, "user"),
        ({"user": "a\x00b"}, "user"),
        ({"user": "\ud800"}, "user"),
        ({"user": "x" * 10_000}, "user"),
        ({"user": "dba"}, "user"),
        ({"group": "ann"}, "group"),
        ({"group": ""}, "group"),
        ({"group": "\x00"}, "group"),
        ({"group": "🦄"}, "group"),
        ({}, "user group"),
        ({"user": "ann", "group": "dba"}, "user group"),
    ],
)
def test_whoever_is_not_there_is_refused_at_their_field(
    manager: User, holder: dict[str, str], field: str, nothing_changes: Callable[[], Any]
) -> None:
    with nothing_changes(), pytest.raises(Invalid) as caught:
        set_right("report", "run_job", **holder, requester=manager, actor=ACTOR)
    assert list(caught.value.errors) == field.split()


@pytest.mark.parametrize("job_id", ["gone", "\x00", ""])
def test_a_job_that_is_not_there_is_not_found(manager: User, job_id: str) -> None:
    with pytest.raises(JobNotFound):
        set_right(job_id, "run_job", user="ann", requester=manager, actor=ACTOR)


def test_who_may_not_log_in_may_be_named_and_is_shown_as_such(manager: User) -> None:
    User.objects.filter(username="ann").update(is_active=False)
    set_right("report", "run_job", user="ann", requester=manager, actor=ACTOR)
    assert grants_on("report") == [Grant("user", "ann", "run_job", is_active=False)]


def test_grants_are_groups_first_each_by_name(manager: User) -> None:
    Group.objects.create(name="Ärzte")
    for group in ("dba", "Ärzte"):
        set_right("report", "view_job", group=group, requester=manager, actor=ACTOR)
    for user in ("manager", "ann"):
        set_right("report", "run_job", user=user, requester=manager, actor=ACTOR)
    assert [(one.kind, one.name) for one in grants_on("report")] == [
        ("group", "dba"),
        ("group", "Ärzte"),
        ("user", "ann"),
        ("user", "manager"),
    ]
    assert JobGroupPermission.objects.count() == 2


def test_who_holds_rights_on_all_jobs_is_told_once_with_the_highest(manager: User) -> None:
    User.objects.create_superuser("root")
    make_user("view_job", "run_job", name="bob", is_active=False)
    mixed = make_group("view_job", "manage_job")
    found = grants_on_all()
    assert [one.name for one in found if one.kind == "user"] == ["bob", "manager", "root"]
    assert Grant("user", "bob", "run_job", is_active=False) in found
    assert Grant("user", "root", "manage_job", is_superuser=True) in found
    assert Grant("group", mixed.name, "manage_job") in found
    assert Grant("group", "Scheduler operators", "run_job") in found
    assert "dba" not in {one.name for one in found}


def test_the_audit_event_falls_with_the_change(manager: User, monkeypatch: Any) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("jobs.control.rights.record", fail)
    with pytest.raises(RuntimeError):
        set_right("report", "run_job", user="ann", requester=manager, actor=ACTOR)
    assert grants_on("report") == []
