from __future__ import annotations

from rest_framework.test import APIClient

from jobs.registry import scheduled_task
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, Login
from tests.factories import grant, make_job, make_user


def test_tasks_are_shown_with_what_they_take(viewer: APIClient) -> None:
    @scheduled_task(trigger_type="cron", trigger_params={"hour": 3}, timeout=60)
    def nightly(*, days: int = 7) -> None:
        """Every night."""

    tasks = {task["name"]: task for task in succeeded(viewer.get(BASE + "functions"))}
    assert list(tasks) == sorted(tasks)
    assert tasks["send_report"]["label"] == "Send report"
    assert tasks["send_report"]["doc"] == "Send the weekly report."
    assert tasks["send_report"]["default_trigger"] is None
    assert tasks["open_report"]["allow_kwargs_override"] is True
    assert tasks["strict_report"]["schema"]["required"] == ["recipient", "days"]
    assert tasks["nightly"]["schema"]["properties"]["days"]["type"] == "integer"
    assert tasks["nightly"]["policies"] == {"timeout": 60}
    assert tasks["nightly"]["default_trigger"] == {
        "trigger_type": "cron",
        "trigger_params": {"hour": 3},
        "timezone": "",
    }


def test_a_right_on_one_job_does_not_show_all_tasks(login: Login) -> None:
    user = make_user()
    grant(user, "manage_job", make_job("report"))
    refused(login(user).get(BASE + "functions"), 403)


def test_unknown_parameters_are_refused(viewer: APIClient) -> None:
    refused(viewer.get(BASE + "functions", {"q": "x"}), 400, field="q")
