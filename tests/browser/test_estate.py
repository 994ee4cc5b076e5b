"""Somebody looks at instances, tests a connection, and watches a session."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from jobs.estate.models import DatabaseInstance, SyncRecord, SyncSession
from tests.browser.conftest import NARROW, WIDE, Complaints, OpenPage, picture
from tests.browser.test_execution_page import HIDDEN
from tests.estate.api.rows import make_estate
from tests.estate.conftest import fake as fake
from tests.estate.conftest import folder as folder
from tests.estate.fakes import FakeAdapter, failing, sizes
from tests.estate.snapshots import make_database

ADD = "/admin/estate/databaseinstance/add/"
LIST = "/admin/estate/databaseinstance/"
GIB = 1024**3


@pytest.fixture
def instance(root: User) -> DatabaseInstance:
    """With forty days of sizes, and a row of each noun."""
    made = make_estate("main")
    today = timezone.now().date()
    days = {today - timedelta(days=40 - n): (10 + n) * GIB for n in range(40)}
    make_database(made, "warehouse", days, size_limit_bytes=60 * GIB)
    return made


@pytest.fixture
def session(root: User) -> SyncSession:
    """It runs, over an instance that is done and one that is not."""
    made = SyncSession.objects.create(
        category="capacity", source="manual", started_at=timezone.now()
    )
    for name, status in (("first", "completed"), ("second", "running")):
        SyncRecord.objects.create(session=made, instance_name=name, status=status)
    return made


def many_instances(number: int) -> list[DatabaseInstance]:
    return DatabaseInstance.objects.bulk_create(
        DatabaseInstance(name=f"z-{n:03}", engine="postgresql", host="db") for n in range(number)
    )


def url_of(instance: DatabaseInstance) -> str:
    return f"{LIST}{instance.pk}/change/"


def fill(page: Page, **fields: str) -> None:
    for name, text in {
        "name": "new",
        "host": "main",
        "port": "1",
        "username": "u",
        **fields,
    }.items():
        page.locator(f"#id_{name}").fill(text)


# --- An instance --------------------------------------------------------------------------


@pytest.mark.parametrize(("theme", "size"), [("light", WIDE), ("dark", NARROW)])
def test_nothing_of_an_instance_is_cut(
    open_page: OpenPage, root: User, instance: DatabaseInstance, theme: str, size: tuple[int, int]
) -> None:
    page = open_page(root, theme=theme, size=size)
    for address in (LIST, url_of(instance), "/admin/estate/accountchange/"):
        page.goto(address)
        results = page.locator(".results").first
        if results.count():
            assert results.evaluate("box => box.scrollWidth <= box.clientWidth"), address
        assert page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), address
    page.goto(url_of(instance))
    picture(page, f"instance-{theme}")


def test_a_day_of_the_chart_tells_its_size_and_the_range_keeps_the_limit(
    page: Page, instance: DatabaseInstance
) -> None:
    page.goto(url_of(instance))
    page.get_by_label("Reaches").fill("70 GiB")
    page.get_by_role("button", name="When?").click()
    expect(page.locator("output")).to_contain_text("70.0 GiB, in")
    page.get_by_role("link", name="30 days").click()
    expect(page.locator("output")).to_contain_text("70.0 GiB, in")
    expect(page.get_by_role("link", name="30 days")).to_have_attribute("aria-current", "true")
    page.locator(".sc-chart").first.locator(".sc-mark").last.hover()
    expect(page.locator(".sc-tip")).to_contain_text("GiB")


def test_settings_are_reached_and_opened_by_the_keyboard(
    page: Page, instance: DatabaseInstance
) -> None:
    page.goto(url_of(instance))
    expect(page.locator("#id_name")).to_be_hidden()
    page.get_by_role("link", name="Settings").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#id_name")).to_be_visible()


# --- Test connection ----------------------------------------------------------------------


@pytest.fixture
def form(page: Page, fake: FakeAdapter, folder: Path) -> Page:
    page.goto(ADD)
    page.locator("#id_engine").select_option("fake")
    return page


def test_a_test_answers_in_the_form_and_keeps_the_password_that_was_typed(
    form: Page, fake: FakeAdapter
) -> None:
    fake.listings["main"] = sizes(shop=1)
    fill(form, password="s3cret")
    form.get_by_role("button", name="Test connection").click()
    expect(form.get_by_role("status")).to_contain_text("Fake 1.0 answered")
    assert form.url.endswith(ADD)
    expect(form.locator("#id_password")).to_have_value("s3cret")
    assert not DatabaseInstance.objects.exists()

    fake.listings["main"] = failing(OSError("unplugged"))
    form.get_by_role("button", name="Test connection").click()
    expect(form.get_by_role("status")).to_have_text("OSError: unplugged")
    picture(form, "instance-tested")


def test_what_is_no_valid_form_is_marked_at_its_field(form: Page, fake: FakeAdapter) -> None:
    fill(form, port="99999")
    form.get_by_role("button", name="Test connection").click()
    port = form.locator("#id_port")
    expect(port).to_be_focused()
    expect(port).to_have_attribute("aria-invalid", "true")
    expect(form.locator(".field-port .errorlist")).to_contain_text("65535")

    fake.listings["main"] = sizes(shop=1)
    port.fill("1")
    form.get_by_role("button", name="Test connection").click()
    expect(form.get_by_role("status")).to_contain_text("answered")
    expect(form.locator(".errorlist")).to_have_count(0)


def test_an_answer_that_is_lost_is_said(form: Page, complaints: Complaints) -> None:
    complaints.expect("ERR_FAILED")
    form.route(f"**{ADD}", lambda route: route.abort())
    fill(form)
    form.get_by_role("button", name="Test connection").click()
    expect(form.get_by_role("status")).to_contain_text("No answer from the server")


def test_a_session_that_has_ended_is_said_and_what_was_typed_stays(
    form: Page, settings: Any
) -> None:
    fill(form, password="s3cret")
    form.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    form.get_by_role("button", name="Test connection").click()
    expect(form.get_by_role("status")).to_contain_text("nothing was tested")
    expect(form.locator("#id_password")).to_have_value("s3cret")


def test_a_test_works_without_scripts(
    open_page: OpenPage, root: User, fake: FakeAdapter, folder: Path
) -> None:
    instance = fake.instance("main", sizes(shop=1))
    page = open_page(root, java_script_enabled=False)
    page.goto(url_of(instance))
    page.get_by_role("button", name="Test connection").first.click()
    expect(page.locator(".messagelist")).to_contain_text("Fake 1.0 answered")


# --- A session ----------------------------------------------------------------------------


def test_a_session_is_watched_to_its_end(page: Page, session: SyncSession) -> None:
    asked: list[str] = []
    page.clock.install()
    page.goto(f"/admin/estate/syncsession/{session.pk}/change/")
    page.on("request", lambda request: asked.append(request.url))
    verdict = page.locator(".sc-verdict")
    expect(verdict).to_contain_text("1 running, 1 completed")
    picture(page, "session-running")

    session.records.filter(instance_name="second").update(status="failed", error="It hangs.")
    SyncSession.objects.filter(pk=session.pk).update(
        status="partial", finished_at=timezone.now(), instances_failed=1
    )
    page.clock.run_for(3_500)
    expect(verdict).to_contain_text("partial")
    expect(page.locator(".sc-records")).to_contain_text("It hangs.")
    before = len(asked)
    page.clock.run_for(60_000)
    assert len(asked) == before


def test_rows_of_a_session_stay_where_they_are(page: Page, session: SyncSession) -> None:
    SyncRecord.objects.bulk_create(
        SyncRecord(session=session, instance_name=f"z-{number:03}", instance=instance)
        for number, instance in enumerate(many_instances(60))
    )
    page.clock.install()
    page.goto(f"/admin/estate/syncsession/{session.pk}/change/")
    looked_at = page.get_by_role("link", name="z-030")
    looked_at.scroll_into_view_if_needed()
    looked_at.focus()
    before = (page.evaluate("scrollY"), looked_at.bounding_box())

    session.records.filter(instance_name="z-050").update(status="failed", error="It hangs. " * 20)
    session.records.filter(instance_name__in=["z-029", "z-030"]).update(status="completed")
    page.clock.run_for(3_500)

    expect(page.locator("tr", has_text="z-050")).to_contain_text("It hangs.")
    expect(page.locator("tr", has_text="z-030")).to_contain_text("completed")
    expect(looked_at).to_be_focused()
    assert (page.evaluate("scrollY"), looked_at.bounding_box()) == before
    expect(page.get_by_text("More have failed since this page was loaded.")).to_be_in_viewport()
    page.get_by_role("link", name="Show the failed first").click()
    expect(page.locator(".sc-records tbody tr").first).to_contain_text("z-050")
    expect(page.get_by_text("More have failed since this page was loaded.")).to_be_hidden()


def test_nothing_is_asked_while_nobody_looks_at_a_session(page: Page, session: SyncSession) -> None:
    page.add_init_script(HIDDEN)
    asked: list[str] = []
    page.clock.install()
    page.goto(f"/admin/estate/syncsession/{session.pk}/change/")
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        "() => { window.isHidden = true; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.clock.run_for(60_000)
    assert asked == []


def test_a_session_is_readable_without_scripts(
    open_page: OpenPage, root: User, session: SyncSession
) -> None:
    page = open_page(root, java_script_enabled=False, size=NARROW, theme="dark")
    page.goto(f"/admin/estate/syncsession/{session.pk}/change/")
    expect(page.locator(".sc-records")).to_contain_text("second")
    expect(page.get_by_text("Load this page again")).to_be_visible()
