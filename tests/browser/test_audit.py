"""The audit as people see it, in both themes and widths."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from jobs.control import job as control
from jobs.control.audit import Actor, record_refusal
from jobs.control.rights import set_right
from jobs.models.audit import Via
from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.browser.conftest import NARROW, WIDE, OpenPage, picture
from tests.factories import make_job, make_user

PROGRAM = Actor("ann", Via.API, "192.0.2.7", "deploy-pipeline")


@pytest.mark.parametrize(("theme", "size"), [("light", WIDE), ("dark", NARROW)])
def test_the_audit_is_read_and_narrowed(
    open_page: OpenPage, root: User, theme: str, size: tuple[int, int]
) -> None:
    make_job("nightly", name="Nightly export of everything there is")
    make_user(name="bob")
    control.change("nightly", {"description": "of all shops", "max_instances": 3}, actor=PROGRAM)
    set_right("nightly", "run_job", user="bob", requester=root, actor=PROGRAM)
    control.pause("nightly", actor=PROGRAM)
    eve = Actor("eve", Via.ADMIN, "198.51.100.23")
    record_refusal(eve, "job.delete", "You have no right to do this.", job_id="nightly")

    page = open_page(root, theme=theme, size=size)
    page.goto("/admin/jobs/auditevent/")
    expect(page.locator("#result_list tbody tr")).to_have_count(5)
    picture(page, f"audit-{theme}-{size[0]}")
    page.get_by_role("link", name="Refused").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.locator("#result_list")).to_contain_text("You have no right")
    page.get_by_label("Action").select_option("job.pause")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("No event is like that.")).to_be_visible()
    picture(page, f"audit-none-{theme}-{size[0]}")
    page.get_by_role("link", name="Show all events").first.click()
    page.locator("#result_list tbody tr a").first.click()
    picture(page, f"audit-event-{theme}-{size[0]}")
