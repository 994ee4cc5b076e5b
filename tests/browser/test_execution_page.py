"""Somebody watches a run: what comes by itself, and what is said when it does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from jobs.admin.execution_log import MOST_LOG_LINES
from jobs.models import ExecutionLog, JobExecution, LogLevel, Status
from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.admin.pages import execution_url
from tests.browser.conftest import NARROW, Complaints, OpenPage, picture
from tests.factories import make_execution, make_job, make_log_line

HIDDEN = """
window.isHidden = false;
Object.defineProperty(document, "hidden", { get: () => window.isHidden });
"""


@pytest.fixture
def execution(root: User) -> JobExecution:
    make_job("nightly")
    execution = make_execution("nightly", job_name="Nightly export", status=Status.RUNNING)
    make_log_line(execution, "the first line")
    return execution


def watch(page: Page, execution: JobExecution) -> list[str]:
    """Open the page with a clock that only `wait` moves; what it asks for is noted."""
    asked: list[str] = []
    page.clock.install()
    page.goto(execution_url(execution))
    page.on("request", lambda request: asked.append(request.url))
    return asked


def wait(page: Page, seconds: float = 2.5) -> None:
    page.clock.run_for(seconds * 1000)


def end(execution: JobExecution, status: str = Status.FAILED, **fields: Any) -> None:
    now = datetime.now(UTC)
    given = {"finished_at": now, "released_at": now, "duration_s": 3.0, **fields}
    JobExecution.objects.filter(pk=execution.pk).update(status=status, **given)


def test_a_run_is_watched_to_its_verdict(page: Page, execution: JobExecution) -> None:
    asked = watch(page, execution)
    log = page.locator(".sc-log")
    expect(log).to_contain_text("the first line")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()

    make_log_line(execution, "the second <line>", level=LogLevel.WARNING)
    JobExecution.objects.filter(pk=execution.pk).update(progress_done=3, progress_total=10)
    wait(page)
    expect(log.locator("li.sc-log-30 code")).to_have_text("the second <line>")
    expect(page.get_by_text("30 %")).to_be_visible()
    picture(page, "execution-running")

    make_log_line(execution, "the last line", level=LogLevel.ERROR)
    end(execution, error="ValueError: no such table", traceback="Traceback\n  here")
    wait(page)
    expect(page.locator(".sc-verdict")).to_contain_text("failed")
    expect(page.locator(".sc-verdict")).to_contain_text("ValueError: no such table")
    expect(log).to_contain_text("the last line")
    expect(page.get_by_role("button", name="Run again")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(page.get_by_role("button", name="Follow")).to_be_hidden()
    picture(page, "execution-failed")

    wait(page)
    before = len(asked)
    wait(page, 120)
    assert len(asked) == before


def test_nothing_is_asked_for_a_run_that_has_ended(page: Page, execution: JobExecution) -> None:
    end(execution)
    asked = watch(page, execution)
    wait(page, 60)
    assert asked == []


def test_nothing_is_asked_while_nobody_looks(page: Page, execution: JobExecution) -> None:
    page.add_init_script(HIDDEN)
    asked = watch(page, execution)
    turn = "is => { window.isHidden = is; document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(turn, True)
    wait(page, 60)
    assert asked == []
    make_log_line(execution, "while nobody looked")
    page.evaluate(turn, False)
    wait(page)
    expect(page.locator(".sc-log")).to_contain_text("while nobody looked")


def test_an_answer_that_is_lost_is_said_and_asked_for_again(
    page: Page, execution: JobExecution, complaints: Complaints
) -> None:
    complaints.expect("ERR_FAILED")
    watch(page, execution)
    page.route("**/logs?**", lambda route: route.abort())
    wait(page)
    notice = page.get_by_role("status")
    expect(notice).to_contain_text("No answer from the server")

    page.unroute("**/logs?**")
    make_log_line(execution, "after the outage")
    wait(page, 10)
    expect(page.locator(".sc-log")).to_contain_text("after the outage")
    expect(notice).to_be_hidden()


def test_a_session_that_has_ended_is_said_and_leads_back(
    page: Page, execution: JobExecution, complaints: Complaints
) -> None:
    complaints.expect("401")
    asked = watch(page, execution)
    page.context.clear_cookies()
    wait(page)
    expect(page.get_by_role("status")).to_contain_text("Your session has ended")
    expect(page.locator(".sc-log")).to_contain_text("the first line")
    before = len(asked)
    wait(page, 60)
    assert len(asked) == before
    page.get_by_role("link", name="Log in again").click()
    page.wait_for_url("**/admin/login/?next=**")


def test_an_execution_that_was_removed_is_said_to_be(
    page: Page, execution: JobExecution, complaints: Complaints
) -> None:
    complaints.expect("404")
    watch(page, execution)
    execution.delete()
    wait(page)
    expect(page.get_by_role("status")).to_contain_text("removed")


def test_who_reads_in_a_log_is_not_pulled_away(page: Page, execution: JobExecution) -> None:
    for number in range(80):
        make_log_line(execution, f"line {number}")
    watch(page, execution)
    box, follow = page.locator(".sc-log"), page.get_by_role("button", name="Follow")
    at_end = "box => box.scrollHeight - box.scrollTop - box.clientHeight < 24"
    expect(follow).to_have_attribute("aria-pressed", "true")
    assert box.evaluate(at_end)

    box.evaluate("box => { box.scrollTop = 0; }")
    expect(follow).to_have_attribute("aria-pressed", "false")
    make_log_line(execution, "news")
    wait(page)
    expect(box).to_contain_text("news")
    assert box.evaluate("box => box.scrollTop") == 0

    follow.click()
    assert box.evaluate(at_end)


def test_earlier_lines_come_before_those_that_are_shown(
    page: Page, execution: JobExecution
) -> None:
    for number in range(MOST_LOG_LINES + 50):
        make_log_line(execution, f"line {number};")
    end(execution)
    page.goto(execution_url(execution))
    lines = page.locator(".sc-log li")
    expect(lines).to_have_count(MOST_LOG_LINES)
    page.get_by_role("link", name="Earlier lines").click()
    expect(lines).to_have_count(MOST_LOG_LINES + 51)
    expect(lines.first).to_contain_text("the first line")
    expect(page.get_by_role("link", name="Earlier lines")).to_have_count(0)


def test_ten_thousand_lines_stay_usable(page: Page, execution: JobExecution) -> None:
    page.clock.install()
    page.goto(execution_url(execution))
    now = datetime.now(UTC)
    ExecutionLog.objects.bulk_create(
        ExecutionLog(execution=execution, at=now, level=20, message=f"line {number} " + "x" * 80)
        for number in range(10_000)
    )
    end(execution)
    wait(page)
    expect(page.locator(".sc-log li")).to_have_count(10_001)
    expect(page.locator(".sc-log li").last).to_contain_text("line 9999")
    expect(page.locator(".sc-verdict")).to_contain_text("failed")
    page.locator(".sc-log").evaluate("box => { box.scrollTop = 0; }")
    expect(page.locator(".sc-log li").first).to_be_in_viewport()


def test_the_log_is_copied(open_page: OpenPage, root: User, execution: JobExecution) -> None:
    end(execution)
    page = open_page(root)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(execution_url(execution))
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").endswith("INFO the first line")


def test_lines_look_alike_however_they_came(page: Page, execution: JobExecution) -> None:
    watch(page, execution)
    ExecutionLog.objects.create(
        execution=execution, at=ExecutionLog.objects.get().at, level=20, message="the first line"
    )
    wait(page)
    lines = page.locator(".sc-log li")
    expect(lines).to_have_count(2)
    assert lines.nth(0).inner_text() == lines.nth(1).inner_text()


def test_a_result_is_opened_folded_and_copied(
    open_page: OpenPage, root: User, execution: JobExecution
) -> None:
    end(execution, Status.SUCCEEDED, result={"tables": {"orders": {"rows": {"now": 7}}}})
    page = open_page(root)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(execution_url(execution))
    inmost = page.locator(".sc-tree").get_by_text("7")
    page.get_by_role("button", name="Fold all").click()
    expect(inmost).to_be_hidden()
    page.get_by_role("button", name="Open all").click()
    expect(inmost).to_be_visible()
    page.get_by_role("button", name="Copy as JSON").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert '"now": 7' in page.evaluate("navigator.clipboard.readText()")


def test_cancelling_by_hand_is_seen_at_once(page: Page, execution: JobExecution) -> None:
    page.goto(execution_url(execution))
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".sc-verdict")).to_contain_text("root asked for its end")
    execution.refresh_from_db()
    assert execution.cancel_requested_by == "root"


def test_running_again_leads_to_the_new_run(page: Page, execution: JobExecution) -> None:
    end(execution)
    JobExecution.objects.filter(pk=execution.pk).update(kwargs={})
    page.goto(execution_url(execution))
    page.get_by_role("button", name="Run again").click()
    again = JobExecution.objects.get(retry_of=execution)
    page.wait_for_url(f"**{execution_url(again)}")
    expect(page.locator(".sc-chain")).to_contain_text(f"#{execution.pk}")


def test_the_page_is_readable_without_scripts(
    open_page: OpenPage, root: User, execution: JobExecution
) -> None:
    page = open_page(root, java_script_enabled=False, size=NARROW, theme="dark")
    page.goto(execution_url(execution))
    expect(page.locator(".sc-verdict")).to_contain_text("running")
    expect(page.locator(".sc-log")).to_contain_text("the first line")
    expect(page.get_by_text("Load this page again")).to_be_visible()
    expect(page.get_by_role("button", name="Follow")).to_be_hidden()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".sc-verdict")).to_contain_text("root asked for its end")
