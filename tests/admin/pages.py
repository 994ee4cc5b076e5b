"""What a browser does on the admin's pages: reads a form's fields, follows messages."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote
from django.contrib.messages import get_messages
from django.forms import CheckboxInput, Select
from django.test import Client
from django.urls import reverse

from jobs.models import Job, JobExecution

JOBS = "/admin/jobs/job/"
ADD = "/admin/jobs/job/add/"
EXECUTIONS = "/admin/jobs/jobexecution/"
AUDIT = "/admin/jobs/auditevent/"


def job_url(job: Job | str, page: str = "change", **more: str) -> str:
    key = job if isinstance(job, str) else job.pk
    return reverse(f"admin:jobs_job_{page}", kwargs={"object_id": quote(key), **more})


def execution_url(execution: JobExecution, page: str = "change", **more: str) -> str:
    kwargs = {"object_id": str(execution.pk), **more}
    return reverse(f"admin:jobs_jobexecution_{page}", kwargs=kwargs)


def press(client: Client, row: Job | JobExecution, name: str) -> Any:
    """Press a button of a row's page."""
    if isinstance(row, Job):
        return client.post(job_url(row, "command", name=name))
    return client.post(execution_url(row, "command", name=name))


def act(client: Client, url: str, action: str, *keys: Any, **more: str) -> Any:
    """Choose a bulk action for rows of a list."""
    return client.post(url, {"action": action, ACTION_CHECKBOX_NAME: keys, **more})


def typed(client: Client, url: str) -> dict[str, str]:
    """What a browser would send for the form as it is shown."""
    form = client.get(url).context["adminform"].form
    sent = {}
    for field in form:
        value, widget = field.value(), field.field.widget
        if isinstance(widget, CheckboxInput):
            if value:
                sent[field.name] = "on"
        elif isinstance(widget, Select):
            chosen = widget.format_value(value)
            sent[field.name] = chosen[0] if isinstance(chosen, list) else chosen
        elif value is not None:
            sent[field.name] = str(value).replace("\n", "\r\n")
    return sent


def new_job(**fields: str) -> dict[str, str]:
    """The form for a new job, filled in."""
    return {
        "id": "nightly",
        "name": "Nightly",
        "description": "",
        "function": "send_report",
        "args": "[]",
        "kwargs": "{}",
        "trigger_type": "cron",
        "trigger_params": '{"cron_expression": "0 3 * * *"}',
        "timezone": "",
        "is_enabled": "on",
        "coalesce": "unknown",
        "max_instances": "",
        "misfire_grace_time": "",
        "timeout": "",
        "executor": "threads",
        "max_retries": "",
        "retry_delay": "",
        "retry_backoff": "",
        "rerun_if_interrupted": "unknown",
        **fields,
    }


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return {name: list(texts) for name, texts in response.context["adminform"].form.errors.items()}


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]
