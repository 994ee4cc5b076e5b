"""Pictures under the pointer and the keyboard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from jobs.models import Status
from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.admin.pages import execution_url, job_url
from tests.browser.conftest import NARROW, OpenPage
from tests.factories import make_execution, make_job


@pytest.fixture
def runs(root: User) -> list[str]:
    """Addresses of three runs of the job `nightly`, the oldest first."""
    make_job("nightly")
    statuses = (Status.SUCCEEDED, Status.FAILED, Status.SUCCEEDED)
    return [execution_url(make_execution("nightly", status=status)) for status in statuses]


def marks(page: Page) -> Locator:
    return page.locator(".sc-chart .sc-mark")


def test_a_mark_under_the_pointer_tells_what_it_is_and_leads_there(
    page: Page, runs: list[str]
) -> None:
    page.goto(job_url("nightly"))
    marks(page).nth(1).hover()
    expect(page.locator(".sc-tip")).to_contain_text("failed")
    page.keyboard.press("Escape")
    expect(page.locator(".sc-tip")).to_be_hidden()
    marks(page).nth(1).click()
    page.wait_for_url(f"**{runs[1]}")


def test_the_keyboard_comes_to_the_newest_run_and_walks_on_by_arrows(
    page: Page, runs: list[str]
) -> None:
    page.goto(job_url("nightly"))
    newest = page.locator('.sc-chart .sc-mark[tabindex="0"]')
    expect(newest).to_have_count(1)
    expect(newest).to_have_attribute("href", runs[2])
    page.keyboard.press("Tab")  # so that the focus is one that is shown
    newest.focus()
    expect(page.locator(".sc-tip")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    tip = page.locator(".sc-tip")
    expect(tip).to_contain_text("failed")
    page.keyboard.press("Home")
    expect(tip).to_contain_text("succeeded")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{runs[0]}")


def test_a_tip_stays_within_a_narrow_window(
    open_page: OpenPage, root: User, runs: list[str]
) -> None:
    page = open_page(root, size=NARROW)
    page.goto(job_url("nightly"))
    for place in range(3):
        marks(page).nth(place).hover()
        expect(page.locator(".sc-tip")).to_be_visible()
        box = page.locator(".sc-tip").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= NARROW[0]


def test_the_numbers_stand_in_a_table_without_scripts(
    open_page: OpenPage, root: User, runs: list[str]
) -> None:
    page = open_page(root, java_script_enabled=False)
    page.goto(job_url("nightly"))
    page.get_by_text("As a table").click()
    rows = page.locator(".sc-data tbody tr")
    expect(rows).to_have_count(3)
    rows.nth(1).get_by_role("link").click()
    page.wait_for_url(f"**{runs[1]}")


def test_the_overview_comes_up_to_date_by_itself(page: Page, runs: list[str]) -> None:
    page.clock.install()
    page.goto("/admin/overview/")
    # Far from any mark: under the pointer nothing is replaced.
    page.mouse.move(1, 1)
    failing = page.locator('[data-part="failing"]')
    expect(failing).to_contain_text("1 of 3")
    make_execution("nightly", status=Status.FAILED)
    page.clock.run_for(31_000)
    expect(failing).to_contain_text("2 of 4")


def test_the_overview_leaves_a_mark_alone_that_is_looked_at(page: Page, runs: list[str]) -> None:
    page.clock.install()
    page.goto("/admin/overview/")
    page.locator('.sc-lane .sc-mark[tabindex="0"]').focus()
    make_execution("nightly", status=Status.FAILED)
    page.clock.run_for(31_000)
    expect(page.locator('[data-part="failing"]')).to_contain_text("1 of 3")
    expect(page.locator(".sc-lane .sc-mark:focus")).to_have_count(1)


def test_a_zoom_is_a_link_and_a_lane_leads_to_its_run(page: Page, root: User) -> None:
    old = datetime.now(UTC) - timedelta(hours=3)
    make_job("nightly")
    ended = old + timedelta(minutes=20)
    execution = make_execution(
        "nightly", status=Status.TIMED_OUT, started_at=old, finished_at=ended, released_at=ended
    )
    page.goto("/admin/overview/?zoom=1h")
    expect(page.locator(".sc-lane a.sc-mark")).to_have_count(0)
    page.get_by_role("link", name="6 h").click()
    page.wait_for_url("**?zoom=6h")
    page.locator(".sc-lane a.sc-mark").click()
    page.wait_for_url(f"**{execution_url(execution)}")
