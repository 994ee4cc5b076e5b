"""The page of a job's rights, by hand: with JavaScript, and without."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import expect

from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.browser.conftest import NARROW, WIDE, OpenPage, picture
from tests.factories import grant, make_job, make_user, permissions


@pytest.mark.parametrize(("theme", "size"), [("light", WIDE), ("dark", NARROW)])
def test_a_right_is_given_changed_and_taken_by_hand(
    open_page: OpenPage, root: User, theme: str, size: tuple[int, int]
) -> None:
    job = make_job("report", name="Weekly report")
    grant(make_user(name="ann"), "run_job", job)
    grant(make_user(name="former", is_active=False), "view_job", job)
    make_user(name="bob")
    Group.objects.create(name="数据库管理员")
    make_user(name="carol").user_permissions.set(permissions("run_job"))

    page = open_page(root, theme=theme, size=size, java_script_enabled=size == WIDE)
    page.goto("/admin/jobs/job/report/change/")
    page.get_by_role("link", name="Rights", exact=True).click()
    page.get_by_label("User", exact=False).first.fill("nobody-here")
    page.get_by_role("button", name="Give", exact=True).click()
    expect(page.locator(".field-user .errorlist")).to_contain_text("no user of this name")
    picture(page, f"rights-error-{theme}-{size[0]}")

    page.locator("#id_user").fill("")
    page.locator("#id_group").select_option("数据库管理员")
    page.locator("#id_right").select_option("manage_job")
    page.get_by_role("button", name="Give", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("“数据库管理员” may now")
    picture(page, f"rights-{theme}-{size[0]}")

    page.get_by_label("Right of ann", exact=True).select_option("")
    page.get_by_label("Change the right of ann").click()
    expect(page.locator(".messagelist")).to_contain_text("“ann” holds no right")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
