from __future__ import annotations

from rest_framework.test import APIClient

from tests.api.conftest import Login
from tests.factories import grant, make_job, make_user

HOME = "/scheduler/"


def test_home_leads_to_the_admins_page_of_jobs(viewer: APIClient) -> None:
    response = viewer.get(HOME)
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/jobs/job/")


def test_a_right_on_one_job_is_enough(login: Login) -> None:
    user = make_user()
    grant(user, "run_job", make_job("report"))
    assert login(user).get(HOME).status_code == 302


def test_nobody_is_asked_to_log_in(nobody: APIClient) -> None:
    response = nobody.get(HOME)
    assert response.headers["Location"].startswith("/admin/login/?next=/scheduler/")


def test_somebody_without_a_right_is_refused(login: Login) -> None:
    assert login(make_user()).get(HOME).status_code == 403


def test_it_can_only_be_read(manager: APIClient) -> None:
    assert manager.post(HOME).status_code == 405
