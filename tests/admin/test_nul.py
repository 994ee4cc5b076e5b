"""A NUL in an address, a filter or a key is a bad request, whatever the database thinks of it."""

from __future__ import annotations

import pytest
from django.test import Client

from jobs.models import Job
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import ADD, AUDIT, EXECUTIONS, JOBS, act, errors_of, new_job
from tests.factories import make_job


@pytest.mark.parametrize(
    "url",
    [
        f"{JOBS}a%00b/change/",
        f"{JOBS}a%00b/history/",
        f"{JOBS}a%00b/rights/",
        f"{JOBS}?function=a%00",
        f"{JOBS}?a%00=b",
        f"{EXECUTIONS}?status__exact=%00",
        f"{EXECUTIONS}?job__id__exact=a%00",
        f"{AUDIT}?action=%00",
        "/admin/estate/databaseinstance/?engine__exact=%00",
        "/admin/auth/user/?q=%00",
    ],
)
def test_a_page_that_is_asked_for_a_nul_answers_400(db: None, url: str) -> None:
    root = logged_in(staff(is_superuser=True))
    assert root.get(url).status_code == 400
    assert root.post(url).status_code == 400


def test_so_does_a_bulk_action(manager: Client) -> None:
    make_job("a")
    assert act(manager, JOBS, "pause", "a", "\x00", index="0").status_code == 400
    assert not Job.objects.get(pk="a").is_paused


def test_a_form_says_at_which_field_it_is(manager: Client) -> None:
    assert "name" in errors_of(manager.post(ADD, new_job(name="a\x00b")))
