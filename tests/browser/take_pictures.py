"""`make pictures`: the pictures of README and docs, of the demonstration's data.

No test, for what is drawn depends on the day; so the suite does not collect it.
"""

from __future__ import annotations

from pathlib import Path

from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page

from jobs.demo.seed import Wanted, seed
from jobs.estate.models import DatabaseInstance
from jobs.models import JobExecution, Status
from tests.browser.conftest import OpenPage
from tests.factories import make_leader

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"
WINDOW = (1280, 860)


def test_pictures(open_page: OpenPage, root: User) -> None:
    seed(Wanted(), now=timezone.now())
    make_leader()
    failed = JobExecution.objects.filter(status=Status.FAILED).latest("pk")
    instance = DatabaseInstance.objects.earliest("pk")
    pages = {
        "overview": "/admin/overview/",
        "jobs": "/admin/jobs/job/",
        "job": "/admin/jobs/job/report-daily/change/",
        "execution": f"/admin/jobs/jobexecution/{failed.pk}/change/",
        "instance": f"/admin/estate/databaseinstance/{instance.pk}/change/",
    }
    for theme, names in {"light": list(pages), "dark": ["jobs"]}.items():
        page = open_page(root, theme=theme, size=WINDOW)
        for name in names:
            page.goto(pages[name])
            take(page, f"{name}-{theme}")


def take(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FOLDER / f"{name}.png")
