"""Every page of the admin, under the Content-Security-Policy, in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page

from jobs.models import Status
from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.browser import axe
from tests.browser.conftest import NARROW, WIDE, Complaints, OpenPage
from tests.estate.api.rows import make_estate
from tests.factories import (
    make_channel,
    make_execution,
    make_incident,
    make_job,
    make_leader,
    make_log_line,
    make_message,
    make_rule,
    make_token,
)


@pytest.fixture
def everything(root: User) -> None:
    make_job("report")
    execution = make_execution("report", status=Status.FAILED, traceback="Traceback\n  …")
    make_log_line(execution)
    make_leader()
    make_token(root)
    make_rule(make_channel("team", last_error="Connection refused"), name="nightly")
    make_incident("report", job_name="Weekly report")
    make_message(subject="2 jobs failed", body="boom")
    make_estate("main")


def addresses() -> Iterator[str]:
    """Of lists, of forms to add, and of one row of each model that has any."""
    for name in ("index", "login", "password_change"):
        yield reverse(f"admin:{name}")
    yield reverse("overview")
    for label in ("jobs", "estate", "auth"):
        yield reverse("admin:app_list", args=[label])
    yield reverse("admin:jobs_job_rights", args=["report"])
    yield reverse("admin:jobs_job_explain", args=["report"])
    yield reverse("admin:jobs_job_explain", args=["report"]) + "?at=soon"
    for model, page in admin.site._registry.items():
        place = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{place}_changelist")
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            yield reverse(f"{place}_change", args=[row.pk])
            yield reverse(f"{place}_history", args=[row.pk])
        if page.has_add_permission(_root_request()):
            yield reverse(f"{place}_add")


def _root_request() -> Any:
    from django.test import RequestFactory

    request = RequestFactory().get("/")
    request.user = User.objects.get(username="root")
    return request


@pytest.mark.parametrize(("theme", "size"), [("light", WIDE), ("dark", NARROW)])
def test_no_page_makes_the_browser_complain(
    open_page: OpenPage,
    root: User,
    everything: None,
    complaints: Complaints,
    theme: str,
    size: tuple[int, int],
) -> None:
    page = open_page(root, theme=theme, size=size)
    visited = list(addresses())
    assert len(visited) > 40
    for address in visited:
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
        assert complaints.unexpected == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], address


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_front_page_says_of_the_overview_what_it_is_in_lines(
    open_page: OpenPage, root: User, size: tuple[int, int]
) -> None:
    page = open_page(root, size=size)
    page.goto(reverse("admin:index"))
    overview = page.locator("tr", has_text="what needs somebody").bounding_box()
    jobs = page.locator("tr.model-job").bounding_box()
    assert overview is not None
    assert jobs is not None
    assert overview["height"] < 3 * jobs["height"]


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_no_list_is_cut(
    open_page: OpenPage, root: User, everything: None, size: tuple[int, int]
) -> None:
    page = open_page(root, size=size)
    cut = {}
    for model in admin.site._registry:
        if model._meta.app_label != "auth":  # Django's own
            page.goto(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
            results = page.locator("#result_list")
            cut[model.__name__] = results.count() and results.evaluate(
                "table => table.parentElement.scrollWidth > table.parentElement.clientWidth"
            )
    assert [name for name, is_cut in cut.items() if is_cut] == []


@pytest.mark.parametrize(("theme", "size"), [("light", NARROW), ("dark", WIDE)])
def test_no_page_keeps_anybody_out(
    open_page: OpenPage,
    root: User,
    everything: None,
    complaints: Complaints,
    theme: str,
    size: tuple[int, int],
) -> None:
    page = open_page(root, theme=theme, size=size)
    axe.prepare(page.context)
    complaints.expect("Applying inline style")  # of axe itself
    found: dict[str, Any] = {}
    for address in addresses():
        if address.startswith("/admin/auth/"):  # Django's own widgets
            continue
        page.goto(address)
        if violations := axe.serious_violations(page):
            found[address] = violations
    assert found == {}


def test_a_login_by_hand_works_under_the_policy(open_page: OpenPage, root: User) -> None:
    root.set_password("correct horse")
    root.save()
    page: Page = open_page()
    page.goto("/admin/")
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Administration").wait_for()


def test_a_script_that_is_not_ours_does_not_run(page: Page, complaints: Complaints) -> None:
    complaints.expect("Content Security Policy")
    page.goto("/admin/")
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
        }"""
    )
    assert page.evaluate("window.ran") is None
    assert complaints.found
