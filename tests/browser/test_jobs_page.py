"""The list of jobs, as whoever works with it meets it."""

from __future__ import annotations

import re
from itertools import product

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from jobs.control import job as control
from jobs.demo.seed import Wanted, seed
from jobs.models import Job, JobExecution, SchedulerProcess, Status
from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.browser.conftest import NARROW, WIDE, Complaints, OpenPage, picture
from tests.factories import ACTOR, make_execution, make_job, make_leader

JOBS = "/admin/jobs/job/"
ROWS_MS = 5000

SHIFTS = """() => {
    window.shifts = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
            if (!entry.hadRecentInput) window.shifts += entry.value;
        }
    }).observe({ type: "layout-shift", buffered: true });
}"""


def row(page: Page, job_id: str) -> Locator:
    return page.locator(f'tr[data-id="{job_id}"]')


def opened(page: Page) -> Page:
    """The list, with a clock that the test turns on."""
    page.clock.install()
    page.goto(JOBS)
    page.locator("a.sc-mark, .sc-none").first.wait_for(state="attached")
    return page


def refreshed(page: Page) -> None:
    with page.expect_response(re.compile("/live/")):
        page.clock.fast_forward(ROWS_MS)


def test_rows_follow_what_happens_and_disturb_nobody(page: Page, root: User) -> None:
    make_leader()
    for number in range(40):
        make_job(f"job-{number:02}", name=f"Number {number:02}")
        make_execution(f"job-{number:02}")
    opened(page)
    page.evaluate(SHIFTS)
    row(page, "job-30").get_by_role("checkbox").check()
    row(page, "job-31").get_by_title("More: Number 31").click()
    at = page.evaluate("scrollY")
    control.pause("job-31", actor=ACTOR)
    control.disable("job-32", actor=ACTOR)
    make_execution("job-33", status=Status.RUNNING, progress_done=3, progress_total=10)
    control.delete("job-34", actor=ACTOR)

    refreshed(page)

    expect(row(page, "job-31")).to_have_attribute("data-state", "paused")
    expect(row(page, "job-31").get_by_role("link", name="Pause until…")).to_be_visible()
    expect(row(page, "job-31").get_by_title("Resume: Number 31")).to_have_count(0)
    expect(row(page, "job-32").get_by_title("Enable: Number 32")).to_be_visible()
    expect(row(page, "job-33")).to_contain_text("3/10")
    expect(row(page, "job-34")).to_have_class(re.compile("sc-gone"))
    expect(row(page, "job-34").get_by_title("Run now: Number 34")).to_be_disabled()
    expect(row(page, "job-30").get_by_role("checkbox")).to_be_checked()
    assert page.evaluate("scrollY") == at
    page.keyboard.press("Escape")
    page.locator("#searchbar").focus()  # what was being used is put up to date once it is not
    expect(row(page, "job-31").get_by_title("Resume: Number 31")).to_be_visible()
    assert page.evaluate("window.shifts") < 0.05


def test_nothing_is_asked_while_nobody_looks(page: Page) -> None:
    make_job("nightly")
    opened(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    hide = """(isHidden) => {
        Object.defineProperty(document, "hidden", { configurable: true, value: isHidden });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    page.clock.fast_forward(10 * ROWS_MS)
    assert asked == []
    with page.expect_response(re.compile("/live/")):
        page.evaluate(hide, False)


def test_a_button_is_answered_in_its_row_however_long_that_takes(page: Page) -> None:
    make_job("nightly", name="Nightly")
    opened(page)
    held: list[Route] = []
    page.route(re.compile("/do/pause/"), lambda route: held.append(route))
    button = row(page, "nightly").get_by_title("Pause: Nightly")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-busy", "true")
    page.keyboard.press("Enter")  # once is enough
    page.wait_for_function("document.activeElement.ariaBusy === 'true'")
    assert len(held) == 1
    held[0].continue_()
    expect(row(page, "nightly").get_by_title("Resume: Nightly")).to_be_focused()
    expect(row(page, "nightly").locator(".sc-said")).to_contain_text("Paused: Nightly.")
    page.clock.fast_forward(100)
    expect(page.locator("#sc-heard")).to_have_text("Paused: Nightly.")
    refreshed(page)
    expect(row(page, "nightly").locator(".sc-said")).to_be_visible()
    page.clock.fast_forward(12_000)
    expect(row(page, "nightly").locator(".sc-said")).to_have_count(0)
    assert Job.objects.get().is_paused


def test_an_answer_that_is_older_than_what_stands_changes_nothing(page: Page) -> None:
    make_job("nightly", name="Nightly")
    opened(page)
    control.disable("nightly", actor=ACTOR)
    held: list[tuple[Route, APIResponse]] = []
    page.route(re.compile("/live/"), lambda route: held.append((route, route.fetch())))
    page.clock.fast_forward(ROWS_MS)
    row(page, "nightly").get_by_title("Pause: Nightly").click()
    expect(row(page, "nightly").get_by_title("Resume: Nightly")).to_be_visible()
    page.locator("#searchbar").focus()
    route, older = held[0]
    with page.expect_response(re.compile("/live/")):
        route.fulfill(response=older)
    assert "nightly/do/pause/" in older.text()
    page.evaluate("fetch(location.href).then((answer) => answer.text())")  # the other was first
    expect(row(page, "nightly").get_by_title("Resume: Nightly")).to_be_visible()


def test_a_refusal_says_why_and_stays_until_it_is_closed(
    page: Page, complaints: Complaints
) -> None:
    complaints.expect("status of 409")
    make_job("nightly", name="Nightly")
    make_execution("nightly", status=Status.RUNNING)
    opened(page)
    row(page, "nightly").get_by_title("Run now: Nightly").click()
    said = row(page, "nightly").locator(".sc-said")
    expect(said).to_contain_text("is running already (1 of at most 1)")
    page.clock.fast_forward(60_000)
    expect(said).to_be_visible()
    said.get_by_role("button", name="Close").click()
    expect(said).to_have_count(0)


def test_an_answer_that_does_not_come_is_told_and_forgotten_when_it_does(
    page: Page, complaints: Complaints
) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    make_job("nightly", name="Nightly")
    opened(page)
    note = page.locator(".sc-notice")
    page.context.set_offline(True)
    row(page, "nightly").get_by_title("Run now: Nightly").click()
    said = row(page, "nightly").locator(".sc-said")
    expect(said).to_contain_text("See whether it was done before you try again.")
    with page.expect_event("requestfailed"):
        page.clock.fast_forward(ROWS_MS)
    expect(note).to_contain_text("may be out of date")
    page.context.set_offline(False)
    with page.expect_response(re.compile("/live/")):
        page.clock.fast_forward(2 * ROWS_MS)
    expect(note).to_be_hidden()


def test_a_session_that_ends_in_mid_page_is_told_and_nothing_typed_is_lost(page: Page) -> None:
    make_job("nightly", name="Nightly")
    opened(page)
    row(page, "nightly").get_by_title("More: Nightly").click()
    page.get_by_role("link", name="Run with other arguments…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("recipient").fill("half a name")
    Session.objects.all().delete()

    dialog.get_by_role("button", name="Run now").click()

    expect(dialog).to_contain_text("Your session has ended: log in again. Nothing was done.")
    expect(dialog.get_by_label("recipient")).to_have_value("half a name")
    page.clock.fast_forward(ROWS_MS)
    expect(page.locator(".sc-notice")).to_contain_text("Your session has ended")
    expect(page.locator(".sc-notice").get_by_role("link", name="Log in again")).to_be_attached()
    assert not JobExecution.objects.exists()


def test_a_run_with_other_arguments_by_keyboard_alone(page: Page, complaints: Complaints) -> None:
    complaints.expect("status of 400")
    make_job("nightly", name="Nightly")
    opened(page)
    row(page, "nightly").get_by_title("More: Nightly").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Run with other arguments")
    days = dialog.get_by_label("days")
    days.fill("1.5")
    dialog.get_by_role("button", name="Run now").press("Enter")
    expect(dialog.locator(".errorlist")).to_be_visible()
    expect(days).to_have_value("1.5")
    expect(days).to_be_focused()
    days.fill("30")
    dialog.get_by_role("button", name="Run now").press("Enter")
    expect(dialog).to_have_count(0)
    expect(row(page, "nightly").locator(".sc-said")).to_contain_text("Queued")
    assert JobExecution.objects.get().kwargs == {"days": 30}


def test_the_last_runs_are_links_that_say_what_they_were(page: Page) -> None:
    make_job("nightly", name="Nightly")
    runs = [make_execution("nightly", status=status) for status in ("failed", "succeeded")]
    opened(page)
    marks = row(page, "nightly").locator("a.sc-mark")
    expect(marks).to_have_count(2)
    marks.nth(1).focus()
    page.keyboard.press("ArrowLeft")
    expect(marks.nth(0)).to_be_focused()
    expect(marks.nth(0)).to_have_attribute("aria-label", re.compile(r"^failed · 2\.00 s · "))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/jobexecution/{runs[0].pk}/change/")


def test_all_of_it_works_without_scripts(open_page: OpenPage, root: User) -> None:
    make_job("nightly", name="Nightly")
    page = open_page(root, java_script_enabled=False)
    page.goto(f"{JOBS}?q=night")
    row(page, "nightly").get_by_title("Run now: Nightly").click()
    expect(page.locator(".messagelist")).to_contain_text("Queued")
    assert page.url.endswith("?q=night")
    expect(row(page, "nightly")).to_contain_text("queued")
    row(page, "nightly").get_by_title("More: Nightly").click()
    page.get_by_role("link", name="Pause until…").click()
    page.get_by_label(re.compile("^Until")).fill("2031-05-06T07:30")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".messagelist")).to_contain_text("Paused until")
    assert Job.objects.get().paused_until is not None


def test_a_reload_shows_its_plan_asks_and_can_be_undone(page: Page) -> None:
    make_job("nightly", name="Made by hand")
    page.goto(JOBS)
    page.get_by_role("link", name="Reload from file…").click()
    expect(page.locator(".sc-plan-deleted")).to_contain_text("Made by hand")
    page.get_by_label("Keep jobs that the file does not define").check()
    expect(page.locator(".sc-plan-deleted")).to_have_count(0)
    page.get_by_label("Keep jobs that the file does not define").uncheck()
    expect(page.locator(".sc-plan-deleted")).to_have_count(1)
    page.get_by_role("button", name="Reload").click()
    expect(page.locator(".messagelist")).to_contain_text("1 deleted")
    assert not Job.objects.filter(pk="nightly").exists()
    page.get_by_role("link", name="Undo that…").click()
    page.get_by_role("button", name="Undo the reload").click()
    expect(page.locator(".messagelist")).to_contain_text("1 added")
    assert Job.objects.filter(pk="nightly").exists()


def test_a_list_without_jobs_says_what_to_do(page: Page) -> None:
    page.goto(f"{JOBS}?q=nothing")
    expect(page.locator(".sc-empty")).to_contain_text("No job fits.")
    page.get_by_role("link", name="Show all jobs").first.click()
    expect(page.locator(".sc-empty")).to_contain_text("There are no jobs yet.")
    page.locator(".sc-empty").get_by_role("link", name="Add job").click()
    page.wait_for_url("**/add/")


@pytest.mark.django_db(transaction=True)
def test_the_list_looks_as_it_should_in_both_themes_and_widths(
    open_page: OpenPage, root: User
) -> None:
    seed(Wanted(days=2), now=timezone.now())
    make_leader()
    for theme, size in product(("light", "dark"), (WIDE, NARROW)):
        page = open_page(root, theme=theme, size=size)
        for name in ("", "reload/", "report-daily/run/"):
            page.goto(JOBS + name)
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0], name
            shown = name.strip("/").replace("/", "-") or "list"
            picture(page, f"jobs-{shown}-{theme}-{size[0]}")


def test_the_strip_turns_red_by_itself_once_nobody_leads(page: Page) -> None:
    leader = make_leader()
    make_job("nightly")
    opened(page)
    strip = page.locator(".sc-strip")
    expect(strip).to_have_class(re.compile("sc-strip-healthy"))
    SchedulerProcess.objects.filter(pk=leader.pk).update(stopped_at=timezone.now())
    page.clock.fast_forward(10_000)  # so a scheduler that has died shows within 30 s
    expect(strip).to_have_class(re.compile("sc-strip-error"))
    expect(strip).to_contain_text("No scheduler leads")
    picture(page, "jobs-without-a-scheduler")


def test_signs_and_bars_are_seen_in_colours_that_the_system_forces(page: Page) -> None:
    make_job("nightly")
    make_execution("nightly", duration_s=3.0)
    page.emulate_media(forced_colors="active")
    page.goto(JOBS)
    colours = (
        row(page, "nightly")
        .locator(".sc-controls :is(button, summary)")
        .evaluate_all(
            "all => all.map((each) => getComputedStyle(each, '::before').backgroundColor)"
        )
    )
    assert len(set(colours)) == 1
    bar = row(page, "nightly").locator(".sc-bars path").first
    assert bar.evaluate("path => getComputedStyle(path).opacity") == "1"
