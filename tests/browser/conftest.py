"""Pages in Debian's Chromium, against a live server; whatever the browser complains of fails.

A test asks for `page` (staff with every right on all jobs) or makes pages with `open_page`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.factories import make_user

PICTURES = Path(__file__).resolve().parents[2] / "var" / "pictures"
"""Where `picture` puts what it takes; git ignores it."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WIDE, NARROW = (1280, 900), (390, 844)
WAIT_MS = 20_000

expect.set_options(timeout=WAIT_MS)

OpenPage = Callable[..., Page]


@pytest.fixture(scope="package")
def chromium() -> str:
    found = shutil.which("chromium")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("CI needs Chromium: .ci/run installs it")
    if found is None:
        pytest.skip("there is no Chromium here")
    return found


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    # Playwright runs its own event loop in this thread, where Django would refuse to work, and
    # other tests could not run theirs: it ends with the last test of this folder.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield started
        started.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Complaints:
    """What a browser says that no page of ours may cause."""

    def __init__(self, base: str) -> None:
        self.found: list[str] = []
        self.expected: list[str] = []
        self._base = base

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.found.append(f"error: {error}"))
        page.on("request", self._request)
        page.on("requestfailed", self._failed)

    def expect(self, text: str) -> None:
        """A complaint with this text is what the test is about."""
        self.expected.append(text)

    @property
    def unexpected(self) -> list[str]:
        return [one for one in self.found if not any(text in one for text in self.expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.found.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._base, "data:", "blob:")):
            self.found.append(f"foreign: {request.url}")

    def _failed(self, request: Request) -> None:
        # What a page that is left had not loaded yet is nobody's fault.
        if request.failure != "net::ERR_ABORTED":
            self.found.append(f"failed: {request.url} {request.failure}")


@pytest.fixture
def complaints(live_server: Any) -> Iterator[Complaints]:
    complaints = Complaints(live_server.url)
    yield complaints
    assert complaints.unexpected == []


@pytest.fixture
def open_page(
    browser: Browser, live_server: Any, complaints: Complaints, settings: Any
) -> Iterator[OpenPage]:
    """A new page, on which `user` is logged in (nobody without one)."""
    contexts = []

    def open_(
        user: User | None = None,
        *,
        theme: str = "light",
        size: tuple[int, int] = WIDE,
        **options: Any,
    ) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=theme,
            locale="en-GB",
            timezone_id="Europe/Berlin",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        if user is not None:
            client = Client()
            client.force_login(user)
            cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
            )
        page = context.new_page()
        complaints.watch(page)
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture
def root(transactional_db: None) -> User:
    return make_user(name="root", is_staff=True, is_superuser=True)


@pytest.fixture
def page(open_page: OpenPage, root: User) -> Page:
    return open_page(root)


def picture(page: Page, name: str) -> None:
    """Keep how the whole page looks, for people."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
