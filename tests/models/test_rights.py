from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from guardian.shortcuts import assign_perm, remove_perm

from jobs.control import job as control
from jobs.models import AuditEvent, Job, JobExecution, JobGroupPermission, JobUserPermission
from jobs.models.rights import Right, has_right, visible_job_ids
from tests.factories import ACTOR, make_execution, make_jobs, make_user

pytestmark = pytest.mark.django_db

RIGHTS: tuple[Right, ...] = get_args(Right)
ONE, OTHER = "one", "other"


@pytest.fixture(autouse=True)
def _jobs() -> None:
    for job_id in (ONE, OTHER):
        Job.objects.create(
            id=job_id,
            name=job_id,
            function="send_report",
            trigger_type="cron",
            trigger_params={"hour": "3"},
            anchor=datetime.now(UTC),
        )
        make_execution(job_id)


def held(user: Any, job_id: str | None = None) -> set[str]:
    return {right for right in RIGHTS if has_right(user, right, job_id)}


def visible(user: Any, right: Right = "view_job") -> set[str]:
    ids = visible_job_ids(user, right)
    return {ONE, OTHER} if ids is None else set(ids)


def again(user: User) -> User:
    """As the next request sees the user: without what was remembered of their rights."""
    return User.objects.get(pk=user.pk)


def one() -> Job:
    return Job.objects.get(pk=ONE)


@pytest.mark.parametrize("job_id", [None, ONE, "gone"])
def test_nobody_and_who_was_given_nothing_may_do_nothing(job_id: str | None) -> None:
    for user in (AnonymousUser(), make_user()):
        assert held(user, job_id) == set()
        assert visible(user) == set()


def test_who_was_deactivated_may_do_nothing_whatever_they_hold() -> None:
    root = User.objects.create_superuser("root", is_active=False)
    user = make_user(*RIGHTS, is_active=False)
    group = Group.objects.create(name="them")
    user.groups.add(group)
    for right in RIGHTS:
        assign_perm(f"jobs.{right}", user, one())
        assign_perm(f"jobs.{right}", group, one())
    for found in (root, again(user)):
        assert held(found) == held(found, ONE) == set()
        assert visible(found) == set()


def test_a_superuser_may_do_everything() -> None:
    root = User.objects.create_superuser("root")
    assert held(root) == held(root, ONE) == set(RIGHTS)
    assert visible_job_ids(root, "manage_job") is None


GROUPS = {
    "Scheduler viewers": {"view_job"},
    "Scheduler operators": {"view_job", "run_job"},
    "Scheduler managers": {"view_job", "run_job", "manage_job"},
}


@pytest.mark.parametrize(("name", "rights"), GROUPS.items())
def test_each_group_of_the_migration_holds_its_rights(name: str, rights: set[str]) -> None:
    user = make_user()
    user.groups.add(Group.objects.get(name=name))
    user = again(user)
    assert held(user) == held(user, ONE) == rights
    for right in RIGHTS:
        assert visible(user, right) == ({ONE, OTHER} if right in rights else set())


IMPLIED: list[tuple[Right, set[str]]] = [
    ("view_job", {"view_job"}),
    ("run_job", {"view_job", "run_job"}),
    ("manage_job", {"view_job", "run_job", "manage_job"}),
]


@pytest.mark.parametrize(("right", "rights"), IMPLIED)
def test_a_right_on_all_jobs_implies_the_lower_ones(right: Right, rights: set[str]) -> None:
    assert held(make_user(right)) == rights


@pytest.mark.parametrize("through", ["user", "group"])
@pytest.mark.parametrize(("right", "rights"), IMPLIED)
def test_a_right_on_one_job_implies_the_lower_ones_on_that_job_alone(
    right: Right, rights: set[str], through: str
) -> None:
    user = make_user()
    group = Group.objects.create(name="them")
    user.groups.add(group)
    assign_perm(f"jobs.{right}", user if through == "user" else group, one())
    user = again(user)
    assert held(user, ONE) == rights
    assert held(user) == held(user, OTHER) == set()
    for asked in RIGHTS:
        assert visible(user, asked) == ({ONE} if asked in rights else set())


def test_a_right_that_is_taken_back_is_gone() -> None:
    user = make_user()
    assign_perm("jobs.run_job", user, one())
    remove_perm("jobs.run_job", user, one())
    assert held(again(user), ONE) == set()


def test_who_leaves_a_group_loses_what_it_was_granted() -> None:
    user, group = make_user(), Group.objects.create(name="them")
    user.groups.add(group)
    assign_perm("jobs.run_job", group, one())
    assert held(again(user), ONE) == {"view_job", "run_job"}
    user.groups.clear()
    assert held(again(user), ONE) == set()


def test_a_grant_goes_with_its_job_and_does_not_come_back_with_its_id() -> None:
    user, group = make_user(), Group.objects.create(name="them")
    user.groups.add(group)
    assign_perm("jobs.run_job", user, one())
    assign_perm("jobs.run_job", group, one())
    job = one()
    control.delete(ONE, actor=ACTOR)
    assert not JobUserPermission.objects.exists()
    assert not JobGroupPermission.objects.exists()
    job.save(force_insert=True)
    assert held(again(user), ONE) == set()
    assert visible(again(user)) == set()


def test_one_rule_decides_for_jobs_executions_and_audit() -> None:
    user = make_user()
    assign_perm("jobs.run_job", user, one())
    control.disable(ONE, actor=ACTOR)
    make_execution(None)
    make_execution("deleted")

    def seen(user: Any) -> tuple[set[str], set[str | None], set[str]]:
        rows = (
            Job.objects.visible_to(user).values_list("pk", flat=True),
            JobExecution.objects.visible_to(user).values_list("job_id", flat=True),
            AuditEvent.objects.visible_to(user).values_list("job_id", flat=True),
        )
        return set(rows[0]), set(rows[1]), set(rows[2])

    assert seen(again(user)) == ({ONE}, {ONE}, set()), "the audit is for who manages"
    assign_perm("jobs.manage_job", user, one())
    assert seen(again(user)) == ({ONE}, {ONE}, {ONE})
    assert seen(AnonymousUser()) == (set(), set(), set())
    everything = ({ONE, OTHER}, {ONE, OTHER, None, "deleted"}, {ONE})
    assert seen(make_user("manage_job")) == everything


def test_a_permission_of_the_same_name_in_another_app_opens_nothing() -> None:
    user = make_user()
    elsewhere = ContentType.objects.get_for_model(User)
    permission = Permission.objects.create(codename="view_job", name="x", content_type=elsewhere)
    user.user_permissions.add(permission)
    assert held(again(user)) == held(again(user), ONE) == set()


@pytest.mark.parametrize("number", [1, 300])
def test_the_number_of_queries_does_not_grow_with_the_grants(
    number: int, django_assert_max_num_queries: Any
) -> None:
    Job.objects.all().delete()
    jobs = make_jobs(number)
    user, group = make_user(), Group.objects.create(name="them")
    user.groups.add(group)
    for job in jobs:
        assign_perm("jobs.run_job", user, job)
        assign_perm("jobs.view_job", group, job)
    user = again(user)
    with django_assert_max_num_queries(3):
        assert len(Job.objects.visible_to(user)) == number
    with django_assert_max_num_queries(2):
        assert len(JobExecution.objects.visible_to(user)) == number
    with django_assert_max_num_queries(1):
        assert has_right(user, "run_job", jobs[-1].pk)


@pytest.mark.parametrize("most", [0, 1, 2])
def test_rights_on_many_jobs_are_asked_for_by_a_subquery(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.models.rights.MOST_PLANNED", most)
    user, group = make_user(), Group.objects.create(name="them")
    user.groups.add(group)
    assign_perm("jobs.manage_job", user, one())
    assign_perm("jobs.view_job", group, one())
    assign_perm("jobs.view_job", group, Job.objects.get(pk=OTHER))
    control.disable(ONE, actor=ACTOR)
    control.disable(OTHER, actor=ACTOR)
    executions = JobExecution.objects.visible_to(again(user))
    assert sorted(execution.job_id or "" for execution in executions) == [ONE, OTHER]
    assert [event.job_id for event in AuditEvent.objects.visible_to(again(user))] == [ONE]
