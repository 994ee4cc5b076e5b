"""The form of a job in a browser: what it shows while one types, and what it keeps."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django_apscheduler.models import DjangoJob
from playwright.sync_api import Page, Route, expect

from jobs.control import job as control
from jobs.control.audit import Actor
from jobs.models import AuditEvent, Job
from jobs.models.audit import Via
from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.admin.pages import ADD, job_url
from tests.browser.conftest import NARROW, Complaints, OpenPage, picture
from tests.factories import make_builtin, make_job

PREVIEW = "**/api/triggers/preview"
SESSION = "**/job/session/"
ANN = Actor(name="ann", via=Via.API)


def save(page: Page) -> None:
    page.locator(".submit-row").get_by_role("button", name="Save", exact=True).click()


def saved(page: Page) -> None:
    save(page)
    expect(page.locator(".messagelist .success")).to_be_visible()


def words(page: Page) -> Any:
    return page.locator(".sc-words")


def argument(page: Page, name: str) -> Any:
    return page.locator(f"[name=arg-{name}]")


def choose(page: Page, label: str, typed: str) -> None:
    """Search in a list and take the first that is found."""
    # The box that a script puts in the place of the list, which is one by its role as well.
    page.locator("input").and_(page.get_by_role("combobox", name=label)).click()
    page.keyboard.type(typed)
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Enter")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_newcomer_adds_every_weekday_at_half_past_seven_in_shanghai(
    open_page: OpenPage, root: User, theme: str
) -> None:
    page = open_page(root, theme=theme)
    page.goto(ADD)
    page.get_by_label("Name").fill("Morning report")
    choose(page, "Function", "weekly")
    expect(argument(page, "recipient")).to_be_visible()
    page.get_by_role("button", name="Weekdays").click()
    page.get_by_label("at", exact=True).fill("07:30")
    choose(page, "Time zone", "shanghai")

    expect(words(page)).to_have_text("Monday to Friday at 07:30")
    times = page.locator(".sc-occurrences li")
    expect(times).to_have_count(5)
    expect(times.first).to_contain_text("07:30")
    expect(times.first).to_contain_text("Your time: ")  # which is Berlin's
    picture(page, f"job-form-{theme}")
    saved(page)

    job = Job.objects.get(pk="morning-report")
    assert job.trigger_params == {"cron_expression": "30 7 * * mon-fri"}
    assert (job.timezone, job.function, job.kwargs) == ("Asia/Shanghai", "send_report", {})


def test_expression_and_fields_follow_each_other_as_one_types(page: Page) -> None:
    page.goto(ADD)
    expression, note = page.get_by_label("Cron expression"), page.locator("[data-cron-note]")

    expression.fill("0 8 * * 1-5")
    expect(page.get_by_label("Weekday")).to_have_value("mon-fri")
    expect(note).to_contain_text("The expression counts")
    page.get_by_label("Hour", exact=True).fill("9")
    expect(expression).to_have_value("0 9 * * mon-fri")
    expect(note).to_contain_text("The separate fields count")
    page.get_by_label("Weekday").fill("0-4")
    expect(note).to_contain_text("this means mon, tue, wed, thu, fri")
    expect(words(page)).to_have_text("Monday to Friday at 09:00")

    expression.fill("0 0 1 * 1")
    expect(note).to_contain_text("a day that matches either")
    expect(page.get_by_label("Day", exact=True)).to_have_value("")
    page.get_by_label("Day", exact=True).fill("1")
    page.get_by_label("Weekday").fill("mon")
    expect(note).to_contain_text("No expression says the same")
    expect(expression).to_have_value("")
    expect(words(page)).to_have_text("On day 1 of the month, but only every Monday at 00:00")


def test_what_is_wrong_is_said_at_its_field_while_one_types(
    page: Page, complaints: Complaints
) -> None:
    complaints.expect("status of 400")
    page.goto(ADD)
    hour = page.get_by_label("Hour", exact=True)
    hour.fill("25")

    expect(hour).to_have_attribute("aria-invalid", "true")
    expect(hour).to_have_accessible_description(
        "Hour: “25” is not valid; allowed are 0 to 23, *, "
        "lists (1,5), ranges from low to high (1-5) and steps within the range (*/5)."
    )
    expect(words(page)).to_have_text("Every day at 03:00")  # the last good one, greyed
    expect(page.locator("[data-schedule]")).to_have_class("sc-schedule sc-stale")
    page.get_by_role("tab", name="Interval").click()
    page.get_by_label("Hours").fill("x")
    expect(page.get_by_label("Hours")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Hours").fill("2")
    expect(words(page)).to_have_text("Every 2 hours")
    expect(page.locator(".errorlist")).to_have_count(0)
    expect(page.locator("[data-schedule]")).to_have_class("sc-schedule")


def test_answers_that_come_too_late_are_not_shown(page: Page) -> None:
    page.goto(ADD)
    held: list[Route] = []
    page.route(PREVIEW, lambda route: held.append(route))
    expression = page.get_by_label("Cron expression")
    with page.expect_request(PREVIEW):
        expression.fill("0 4 * * *")
    page.unroute(PREVIEW)
    with page.expect_response(PREVIEW):
        expression.fill("0 5 * * *")
    expect(words(page)).to_have_text("Every day at 05:00")
    for route in held:
        route.continue_()

    expression.press("End")
    expect(words(page)).to_have_text("Every day at 05:00")


def test_a_preview_that_is_lost_says_so_and_comes_back(page: Page, complaints: Complaints) -> None:
    complaints.expect("ERR_FAILED")
    page.goto(ADD)
    page.route(PREVIEW, lambda route: route.abort())
    page.get_by_label("Cron expression").fill("0 4 * * *")
    expect(page.locator(".sc-preview-note")).to_contain_text("No answer from the server")
    page.unroute(PREVIEW)
    page.get_by_label("Cron expression").fill("0 5 * * *")
    expect(words(page)).to_have_text("Every day at 05:00")


def test_a_session_that_ends_in_mid_page_takes_nothing_with_it(
    open_page: OpenPage, root: User, complaints: Complaints
) -> None:
    complaints.expect("status of 401")
    root.set_password("correct horse")
    root.save()
    page = open_page(root)
    page.goto(ADD)
    page.get_by_label("Name").fill("Kept")
    choose(page, "Function", "weekly")
    argument(page, "recipient").fill("typed")
    page.context.clear_cookies(name="sessionid")
    page.get_by_label("Cron expression").fill("0 5 * * *")
    expect(page.locator(".sc-preview-note")).to_contain_text("Your session has ended")

    save(page)
    message = page.locator("#sc-form-message")
    expect(message).to_contain_text("Your session has ended. Nothing was sent")
    expect(argument(page, "recipient")).to_have_value("typed")
    assert not Job.objects.exists()

    with page.expect_popup() as popup:
        message.get_by_role("link").click()
    login = popup.value
    login.get_by_label("Username").fill("root")
    login.get_by_label("Password").fill("correct horse")
    login.get_by_role("button", name="Log in").click()
    login.get_by_role("link", name="Log out").or_(login.get_by_text("Log out")).first.wait_for()
    saved(page)
    assert Job.objects.get().kwargs == {"recipient": "typed"}


def test_a_server_that_does_not_answer_takes_nothing_with_it(
    page: Page, complaints: Complaints
) -> None:
    complaints.expect("ERR_FAILED")
    job = make_job()
    page.goto(job_url(job))
    page.get_by_label("Name").fill("Kept")
    page.route(SESSION, lambda route: route.abort())
    save(page)
    expect(page.locator("#sc-form-message")).to_contain_text("No answer from the server")
    page.unroute(SESSION)
    saved(page)

    job.refresh_from_db()
    assert job.name == "Kept"


def test_a_change_is_not_saved_as_somebody_else_by_accident(
    open_page: OpenPage, root: User
) -> None:
    page = open_page(root)
    job = make_job()
    page.goto(job_url(job))
    page.get_by_label("Name").fill("Whose?")
    root.username = "renamed"
    root.save()

    save(page)
    expect(page.locator("#sc-form-message")).to_contain_text("You are logged in as renamed now")
    job.refresh_from_db()
    assert job.name != "Whose?"
    saved(page)


UNCHANGED: list[dict[str, Any]] = [
    {"trigger_params": {"cron_expression": "0 0 1 * 1"}, "kwargs": {"recipient": "", "days": 3}},
    {"trigger_params": {"day_of_week": "0-4", "hour": "8"}, "kwargs": {"recipient": "a\nb\n"}},
    {"trigger_params": {"week": "1-20", "day": "2nd fri, 15", "jitter": 5}, "coalesce": False},
    {"trigger_type": "interval", "trigger_params": {"minutes": 90}, "timeout": 5},
    {
        "trigger_type": "date",
        "trigger_params": {"run_date": "2050-10-30T02:30:00+01:00"},
        "timezone": "Europe/Berlin",
    },
    {
        "trigger_type": "interval",
        "trigger_params": {"hours": 1, "start_date": "2040-01-01T00:00:07.123456"},
        "name": "每天早上七点半同步所有数据库的账户信息并发送报告" * 4,
        "description": "two\nlines",
    },
]


def test_saving_without_a_change_changes_nothing(page: Page) -> None:
    """Pain 30, with all that a browser and the scripts do to fields."""
    for fields in UNCHANGED:
        job = make_job(**fields)
        before = Job.objects.filter(pk=job.pk).values().get()
        schedule = DjangoJob.objects.filter(pk=job.pk).values().get()
        page.goto(job_url(job))
        page.locator("form.sc-live").wait_for()
        saved(page)

        assert Job.objects.filter(pk=job.pk).values().get() == before
        assert DjangoJob.objects.filter(pk=job.pk).values().get() == schedule
        assert AuditEvent.objects.filter(job_id=job.pk).count() == 1


def test_a_field_that_is_put_back_leaves_the_stored_form(page: Page) -> None:
    job = make_job(trigger_params={"cron_expression": "0 3 * * 1-5"})
    page.goto(job_url(job))
    hour = page.get_by_label("Hour", exact=True)
    hour.fill("4")
    expect(page.get_by_label("Cron expression")).to_have_value("0 4 * * mon-fri")
    hour.fill("3")
    expect(page.get_by_label("Cron expression")).to_have_value("0 3 * * 1-5")
    saved(page)

    job.refresh_from_db()
    assert (job.version, job.trigger_params) == (1, {"cron_expression": "0 3 * * 1-5"})


def test_the_second_of_two_tabs_is_told_and_goes_on(page: Page) -> None:
    job = make_job(name="Nightly")
    page.goto(job_url(job))
    page.get_by_label("Name").fill("Mine")
    control.change(job.pk, {"name": "Theirs", "timeout": 60}, actor=ANN)

    save(page)
    table = page.locator(".sc-conflict")
    expect(table).to_contain_text("Theirs")
    expect(table).to_contain_text("ann (API)")
    expect(page.get_by_label("Name")).to_have_value("Mine")
    expect(page.get_by_label("Timeout")).to_have_value("60")
    picture(page, "job-form-conflict")
    saved(page)

    job.refresh_from_db()
    assert (job.name, job.timeout, job.version) == ("Mine", 60, 3)


def test_another_function_brings_its_own_fields_and_inherited_policies(page: Page) -> None:
    job = make_job(kwargs={"days": 3})
    page.goto(job_url(job))
    page.locator("#sc-policies summary").click()
    expect(page.get_by_label("Timeout")).to_have_attribute("placeholder", "inherited: 77 s")
    choose(page, "Function", "other")

    expect(argument(page, "days")).to_have_count(0)
    expect(page.get_by_label("Timeout")).to_have_attribute("placeholder", "inherited: no limit")
    choose(page, "Function", "weekly")
    argument(page, "days").fill("5")
    page.locator("#sc-arguments summary").click()
    page.get_by_role("button", name="Edit the arguments as JSON").click()
    expect(page.get_by_label("Arguments", exact=True)).to_have_value('{"days": 5}')
    page.get_by_role("button", name="Edit the arguments as fields").click()
    expect(argument(page, "days")).to_have_value("5")
    saved(page)
    job.refresh_from_db()
    assert job.kwargs == {"days": 5}


def test_all_of_it_works_by_the_keyboard_alone(page: Page) -> None:
    page.goto(ADD)
    press, type_ = page.keyboard.press, page.keyboard.type
    page.get_by_label("Name").focus()
    type_("By keys")
    for _field in ("id", "description", "enabled", "function"):
        press("Tab")
    type_("week")
    press("ArrowDown")
    press("Enter")
    expect(page.get_by_role("combobox", name="Function")).to_have_value(
        "Weekly report (send_report)"
    )
    expect(argument(page, "recipient")).to_be_visible()
    page.get_by_role("tab", name="Cron").focus()
    press("ArrowRight")
    expect(page.get_by_role("tab", name="Interval")).to_be_focused()
    expect(page.get_by_role("tab", name="Interval")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_label("Cron expression")).to_be_hidden()
    press("Tab")
    press("Tab")
    type_("3")  # days
    expect(words(page)).to_have_text("Every 3 days")
    page.get_by_role("combobox", name="Time zone").focus()
    press("ArrowDown")
    expect(page.get_by_role("listbox")).to_be_visible()
    press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    page.get_by_label("Name").focus()
    press("Enter")  # saves, as the first button that Enter presses

    expect(page.locator(".messagelist .success")).to_be_visible()
    assert Job.objects.get().trigger_params == {"days": 3}


def test_lists_are_searched_with_the_mouse_too(page: Page) -> None:
    page.goto(ADD)
    zone = page.get_by_role("combobox", name="Time zone")
    zone.click()
    expect(page.locator("li[aria-selected=true]")).to_have_text("inherited: UTC, the server’s")
    page.get_by_text("more; type to narrow the list").scroll_into_view_if_needed()
    page.keyboard.type("zzz")
    expect(page.locator("#id_timezone_list")).to_have_text("Nothing found")
    page.get_by_label("Name").click()
    expect(zone).to_have_value("inherited: UTC, the server’s")
    zone.click()
    page.keyboard.type("shang")
    page.get_by_role("option", name="Asia/Shanghai").click()

    expect(zone).to_have_value("Asia/Shanghai (UTC+08:00)")
    expect(page.locator(".sc-schedule")).to_contain_text("Times of Asia/Shanghai")


def test_arguments_that_do_not_come_can_be_asked_for_again(
    page: Page, complaints: Complaints
) -> None:
    complaints.expect("ERR_FAILED")
    page.goto(ADD)
    page.route("**/job/add/", lambda route: route.abort())
    choose(page, "Function", "weekly")
    expect(page.locator("#sc-arguments")).to_contain_text("They could not be fetched")
    page.unroute("**/job/add/")
    page.get_by_role("button", name="Show its arguments").click()
    expect(argument(page, "recipient")).to_be_visible()


def test_a_built_in_job_shows_its_identity_and_edits_its_schedule(page: Page) -> None:
    job = make_builtin(kwargs={"days": 3})
    page.goto(job_url(job))

    expect(page.get_by_label("Name")).to_have_count(0)
    expect(page.locator("#sc-what")).to_contain_text('{"days": 3}')
    expect(page.get_by_role("link", name="Delete")).to_have_count(0)
    page.get_by_label("Hour", exact=True).fill("5")
    expect(words(page)).to_have_text("Every day at 05:00")
    saved(page)
    job.refresh_from_db()
    assert job.trigger_params == {"hour": "5", "minute": "0"}


def test_a_copy_is_looked_through_before_it_is_saved(page: Page) -> None:
    job = make_job("nightly", name="Nightly", kwargs={"days": 3})
    page.goto(job_url(job))
    page.get_by_role("button", name="Save as new").click()
    expect(page.locator(".sc-copied")).to_contain_text("A copy of “Nightly”")
    expect(page.locator("#id_id")).to_have_value("nightly-2")
    saved(page)

    assert Job.objects.get(pk="nightly-2").kwargs == {"days": 3}


def test_without_scripts_all_of_it_is_done_by_buttons(open_page: OpenPage, root: User) -> None:
    page = open_page(root, java_script_enabled=False)
    page.goto(ADD)
    page.get_by_label("Name").fill("Plain")
    page.get_by_label("Function").select_option("send_report")
    page.get_by_role("button", name="Show its arguments").click()
    argument(page, "days").fill("x")
    page.get_by_label("Interval").check()
    expect(page.get_by_label("Cron expression")).to_be_hidden()
    page.get_by_label("Hours").fill("2")
    page.get_by_label("Time zone").select_option("Asia/Shanghai")
    page.get_by_role("button", name="Preview").click()
    expect(words(page)).to_have_text("Every 2 hours")
    expect(page.locator(".sc-occurrences")).to_contain_text("CST")
    save(page)
    expect(page.locator(".field-arg-days .errorlist")).to_contain_text("not a whole number")
    picture(page, "job-form-without-scripts")
    argument(page, "days").fill("3")
    saved(page)

    job = Job.objects.get()
    assert (job.id, job.kwargs, job.trigger_params) == ("send_report", {"days": 3}, {"hours": 2})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_long_and_chinese_names_fit_a_narrow_page(
    open_page: OpenPage, root: User, theme: str
) -> None:
    job = make_job(
        "x" * 100,
        name="每天早上七点半同步所有数据库的账户信息并发送报告" * 4,
        description="W" * 300,
        kwargs={"recipient": "长" * 200},
        timezone="America/Argentina/ComodRivadavia",
    )
    page = open_page(root, theme=theme, size=NARROW)
    page.goto(job_url(job))
    expect(page.get_by_role("combobox", name="Time zone")).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    picture(page, f"job-form-narrow-{theme}")
