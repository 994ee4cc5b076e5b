"""The page of the API's description: it is drawn under the policy, and its requests are sent."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from jobs.models import Job
from tests.browser.conftest import NARROW, WIDE, OpenPage, picture
from tests.factories import make_job

DOCS = "/scheduler/api/docs"


@pytest.mark.parametrize(("theme", "size"), [("light", WIDE), ("dark", NARROW)])
def test_every_group_of_endpoints_is_shown(
    open_page: OpenPage, root: User, theme: str, size: tuple[int, int]
) -> None:
    page = open_page(root, theme=theme, size=size)
    page.goto(DOCS)
    for tag in ("jobs", "executions", "estate", "schema"):
        expect(page.locator(f"[data-tag={tag}]")).to_be_visible()
    page.locator("[data-tag=jobs] .expand-operation").click()
    expect(page.locator("#operations-jobs-postJobList")).to_contain_text("Create a job")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    is_dark = "document.documentElement.classList.contains('dark-mode')"
    assert page.evaluate(is_dark) == (theme == "dark")
    picture(page, f"docs-{theme}-{size[0]}")


def test_a_request_that_changes_something_is_tried_by_session(
    open_page: OpenPage, root: User
) -> None:
    job = make_job("nightly", function="collect_database_sizes")
    page = open_page(root)
    page.goto(f"{DOCS}#/jobs/postJobDisable")
    operation = page.locator("#operations-jobs-postJobDisable")
    operation.locator(".try-out__btn").click()
    operation.get_by_placeholder("job_id").fill(job.pk)
    operation.locator(".execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text("is disabled")
    assert not Job.objects.get(pk=job.pk).is_enabled
