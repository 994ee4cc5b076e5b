"""One story by clicking, with a real scheduler: from a new job to the undo of a reload."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from jobs.models import AuditEvent, Job, JobExecution, Status
from tests.browser.conftest import OpenPage, picture
from tests.browser.test_job_form import argument, choose, save, words
from tests.chaos.processes import SchedulerProcess, start_scheduler
from tests.waiting import until

NAME, JOB_ID = "Count the orders", "count-the-orders"

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def scheduler(transactional_db: None, tmp_path: Path) -> Iterator[SchedulerProcess]:
    scheduler = start_scheduler(tmp_path / "scheduler.log")
    scheduler.begins(deadline_s=60)
    yield scheduler
    if scheduler.is_running:
        scheduler.kill()


def row(page: Page) -> Locator:
    return page.locator(f'tr[data-id="{JOB_ID}"]')


def runs(**fields: object) -> list[JobExecution]:
    return list(JobExecution.objects.filter(job_id=JOB_ID, **fields).order_by("pk"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_from_a_new_job_to_the_undo_of_a_reload(
    open_page: OpenPage, root: User, scheduler: SchedulerProcess, theme: str
) -> None:
    page = open_page(root, theme=theme)
    said = page.locator(".messagelist")

    def see(name: str) -> None:
        picture(page, f"journey-{name}-{theme}")

    # A job of every second, as the preview says before it is saved.
    page.goto("/admin/jobs/job/")
    page.get_by_role("link", name="Add job").first.click()
    page.get_by_label("Name").fill(NAME)
    choose(page, "Function", "demo: count")
    argument(page, "to").fill("1")
    argument(page, "pause_s").fill("0")
    page.get_by_label("Cron expression").fill("* * * * * *")
    expect(words(page)).to_have_text("Every second")
    expect(page.locator(".sc-occurrences li")).to_have_count(5)
    see("1-form")
    save(page)
    expect(said).to_contain_text(NAME)

    # It fires, and the row tells so by itself.
    page.goto("/admin/jobs/job/")
    expect(row(page).locator("a.sc-mark")).not_to_have_count(0)
    until(lambda: len(runs(status=Status.SUCCEEDED)) >= 2)
    see("2-fires")

    # Paused it stands still.
    row(page).get_by_title(f"Pause: {NAME}").click()
    expect(row(page).get_by_title(f"Resume: {NAME}")).to_be_visible()
    expect(row(page)).to_have_attribute("data-state", "paused")
    until(lambda: not runs(released_at=None))
    before = len(runs())

    # Another schedule; the form keeps the rest.
    row(page).get_by_role("link", name=NAME).first.click()
    expect(argument(page, "to")).to_have_value("1")
    page.get_by_label("Cron expression").fill("30 7 * * mon-fri")
    expect(words(page)).to_have_text("Monday to Friday at 07:30")
    save(page)
    expect(said).to_contain_text(NAME)
    assert Job.objects.get(pk=JOB_ID).is_paused
    assert len(runs()) == before, "what was due while it was paused is not made up for"

    # Once more with other arguments: its log and progress come by themselves.
    page.goto("/admin/jobs/job/")
    row(page).get_by_title(f"More: {NAME}").click()
    page.get_by_role("link", name="Run with other arguments…").click()
    dialog = page.get_by_role("dialog", name="Run with other arguments")
    dialog.get_by_label("to", exact=True).fill("600")
    dialog.get_by_label("pause_s").fill("0.3")
    dialog.get_by_role("button", name="Run now").click()
    expect(row(page).locator(".sc-said")).to_contain_text("Queued")
    row(page).locator(".sc-said").get_by_role("link").first.click()
    page.wait_for_url(re.compile("/jobexecution/[0-9]+/change/"))
    log = page.locator(".sc-log")
    expect(log).to_contain_text("Counted to 2 of 600")
    expect(page.get_by_text(re.compile("^[0-9]+ of 600$")).first).to_be_visible()
    see("3-running")

    # Cancelled it has its verdict, and its name who it was.
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".sc-verdict")).to_contain_text("cancelled")
    expect(page.locator(".sc-verdict")).to_contain_text("root")
    see("4-cancelled")
    (cancelled,) = runs(status=Status.CANCELLED)
    assert (cancelled.kwargs, cancelled.requested_by) == ({"to": 600, "pause_s": 0.3}, "root")

    # The history finds it.
    page.goto("/admin/jobs/jobexecution/")
    page.locator(".sc-tabs").get_by_role("link", name="cancelled").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.locator("#result_list")).to_contain_text(NAME)
    see("5-history")

    # A reload from the file takes the job away, and its undo brings it back as it stood.
    stood = Job.objects.values().get(pk=JOB_ID)
    page.goto("/admin/jobs/job/")
    page.get_by_role("link", name="Reload from file…").click()
    expect(page.locator(".sc-plan-deleted")).to_contain_text(NAME)
    see("6-plan")
    page.get_by_role("button", name="Reload").click()
    expect(said).to_contain_text("deleted")
    expect(row(page)).to_have_count(0)
    page.get_by_role("link", name="Undo that…").click()
    page.get_by_role("button", name="Undo the reload").click()
    expect(said).to_contain_text("1 added")
    page.goto("/admin/jobs/job/")
    expect(row(page)).to_have_attribute("data-state", "paused")
    see("7-undone")
    assert Job.objects.values().get(pk=JOB_ID) == stood
    assert {run.job_id for run in runs()} == {JOB_ID}, "its history is attached again"

    # All of it is in the audit, under the name of who did it.
    done = AuditEvent.objects.filter(actor="root").order_by("pk").values_list("action", flat=True)
    by_hand = ["job.create", "job.pause", "job.change", "job.run", "execution.cancel"]
    assert [action for action in done if action != "job.delete"] == [
        *by_hand,
        *("definitions.reload", "job.create", "definitions.undo"),
    ]
    assert scheduler.stop() == 0
