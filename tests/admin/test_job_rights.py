"""The page of a job's rights in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from jobs.models import AuditEvent, Job, JobGroupPermission, JobUserPermission
from jobs.models.grant import grants_on
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import JOBS, job_url, messages_of
from tests.factories import grant, make_group, make_job, make_user

PAGE = f"{JOBS}report/rights/"


@pytest.fixture(autouse=True)
def _rows(db: None) -> None:
    make_job("report", name="Weekly report")
    make_user(name="ann")
    Group.objects.create(name="dba")


def held() -> list[tuple[str, str, str]]:
    return [(one.kind, one.name, one.right) for one in grants_on("report")]


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return {name: list(texts) for name, texts in response.context["form"].errors.items()}


def test_the_page_of_a_job_leads_to_its_rights_for_who_manages_it(
    manager: Client, viewer: Client
) -> None:
    link = f'href="{PAGE}"'
    assert link in manager.get(job_url("report")).content.decode()
    assert link not in viewer.get(job_url("report")).content.decode()
    assert viewer.get(PAGE).status_code == 403
    assert link not in manager.get(f"{JOBS}add/").content.decode()


def test_rights_are_given_changed_and_taken(manager: Client) -> None:
    for sent, right in [
        ({"user": "ann", "group": "", "right": "run_job"}, "run_job"),
        ({"user": "ann", "right": "manage_job"}, "manage_job"),
    ]:
        answer = manager.post(PAGE, sent)
        assert (answer.status_code, answer.url) == (302, PAGE)
        assert held() == [("user", "ann", right)]
    assert messages_of(answer)[-1] == "“ann” may now view, run and manage this job."
    manager.post(PAGE, {"group": "dba", "right": "view_job"})
    manager.post(PAGE, {"user": "ann", "right": ""})
    assert held() == [("group", "dba", "view_job")]
    events = AuditEvent.objects.filter(action="rights.change", via="admin", actor="manager")
    assert [event.target for event in events] == ["user ann", "group dba", "user ann", "user ann"]


def test_the_page_tells_the_whole_truth(manager: Client) -> None:
    User.objects.create_superuser("root")
    make_group("run_job")
    report = Job.objects.get(pk="report")
    ann = User.objects.get(username="ann")
    grant(ann, "run_job", report)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    page = manager.get(PAGE).content.decode()
    for told in ("ann", "not active", "Scheduler operators", "superuser", "root", "manager"):
        assert told in page
    assert '<option value="run_job" selected>' in page


def test_who_manages_one_job_alone_is_not_told_who_holds_rights_on_all(manager: Client) -> None:
    User.objects.create_superuser("root")
    user = staff(name="owner")
    grant(user, "manage_job", Job.objects.get(pk="report"))
    assert "root" in manager.get(PAGE).content.decode()
    assert "root" not in logged_in(user).get(PAGE).content.decode()


def test_users_are_offered_only_to_those_who_may_see_them(manager: Client) -> None:
    make_user(name="zoe")
    root = logged_in(staff(is_superuser=True, name="root"))
    assert '<option value="zoe">' in root.get(PAGE).content.decode()
    assert "zoe" not in manager.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"user": "nobody-here", "right": "run_job"}, "user"),
        ({"user": "a\x00b", "right": "run_job"}, "user"),
        ({"user": "x" * 5000, "right": "run_job"}, "user"),
        ({"right": "run_job"}, "user group"),
        ({"user": "ann", "group": "dba", "right": "run_job"}, "user group"),
        ({"group": "gone", "right": "run_job"}, "group"),
        ({"user": "ann", "right": "run"}, "right"),
        ({"user": "ann", "right": "delete_job"}, "right"),
        ({}, "user group"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    manager: Client, sent: dict[str, str], field: str
) -> None:
    assert list(errors_of(manager.post(PAGE, sent))) == field.split()
    assert held() == []
    assert not AuditEvent.objects.filter(action="rights.change").exists()


def test_a_name_is_shown_as_text(manager: Client) -> None:
    Group.objects.create(name="<b>&{{ 7|add:7 }}")
    manager.post(PAGE, {"group": "<b>&{{ 7|add:7 }}", "right": "view_job"})
    page = manager.get(PAGE).content.decode()
    assert "<b>&" not in page
    assert page.count("&lt;b&gt;&amp;{{ 7|add:7 }}") >= 2
    answer = manager.post(PAGE, {"user": "<script>x", "right": "run_job"})
    assert "<script>x" not in answer.content.decode()


def test_who_manages_only_this_job_may_give_rights_on_it_and_on_no_other() -> None:
    user = staff(name="owner")
    grant(user, "manage_job", Job.objects.get(pk="report"))
    grant(user, "view_job", make_job("seen"))
    make_job("other")
    owner = logged_in(user)
    owner.post(PAGE, {"user": "ann", "right": "view_job"})
    assert ("user", "ann", "view_job") in held()
    for method in (owner.get, owner.post):
        assert method(f"{JOBS}seen/rights/").status_code == 403
        assert method(f"{JOBS}other/rights/").status_code == 404
        assert method(f"{JOBS}gone/rights/").status_code == 404
    assert JobUserPermission.objects.filter(user__username="ann").count() == 1


@pytest.mark.parametrize(
    ("left", "leads_to"), [("run_job", job_url("report")), ("", JOBS), ("manage_job", PAGE)]
)
def test_who_gives_their_own_right_away_is_led_to_what_they_still_may_see(
    left: str, leads_to: str
) -> None:
    user = staff(name="owner")
    grant(user, "manage_job", Job.objects.get(pk="report"))
    grant(user, "view_job", make_job("seen"))
    answer = logged_in(user).post(PAGE, {"user": "owner", "right": left})
    assert (answer.status_code, answer.url) == (302, leads_to)


def test_nobody_gets_there_without_a_login_and_nothing_without_its_token(manager: Client) -> None:
    assert Client().get(PAGE).url.startswith("/admin/login/")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="manager"))
    assert strict.post(PAGE, {"user": "ann", "right": "run_job"}).status_code == 403
    assert held() == []


@pytest.mark.parametrize("number", [1, 40])
def test_the_number_of_queries_does_not_grow_with_the_grants(
    manager: Client, number: int, django_assert_num_queries: Any
) -> None:
    report = Job.objects.get(pk="report")
    for _ in range(number):
        grant(make_user("view_job"), "run_job", report)
        group = make_group("view_job")
        JobGroupPermission.objects.create(
            group=group, permission=group.permissions.get(), content_object=report
        )
    with django_assert_num_queries(10):
        manager.get(PAGE)
