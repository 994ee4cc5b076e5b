from __future__ import annotations

from django.contrib import admin
from django_apscheduler.models import DjangoJob, DjangoJobExecution

from tests.admin.conftest import logged_in, staff


def test_the_stock_pages_of_django_apscheduler_are_hidden(db: None) -> None:
    root = logged_in(staff(is_superuser=True))

    assert not admin.site.is_registered(DjangoJob)
    assert not admin.site.is_registered(DjangoJobExecution)
    assert root.get("/admin/django_apscheduler/djangojob/").status_code == 404
    index = root.get("/admin/").content.decode()
    assert "django_apscheduler" not in index
    assert "schedcore" in index


def test_who_has_no_right_is_told_so_and_by_which_name(db: None) -> None:
    answer = logged_in(staff(name="newcomer")).get("/admin/jobs/job/")
    assert answer.status_code == 403
    assert "You are logged in as newcomer" in answer.content.decode()
