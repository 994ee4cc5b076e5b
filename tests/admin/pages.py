"""What a browser does on the admin's pages: reads a form's fields, follows messages."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote
from django.contrib.messages import get_messages
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
    """What a browser would send for the form as it is shown, when its first button is pressed."""
    return controls(client.get(url))


def controls(response: Any) -> dict[str, str]:
    """The same of an answer that shows the form."""
    page = FormReader()
    page.feed(response.content.decode())
    return page.sent


class FormReader(HTMLParser):
    """The successful controls of the page's main form.

    Source: HTML, "Constructing the form data set".
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self.is_inside = False
        self.select: str | None = None
        self.textarea: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.is_inside = str(given.get("id", "")).endswith("_form")
        if not self.is_inside:
            return
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "input" and name:
            kind = given.get("type")
            if kind in ("checkbox", "radio"):
                if "checked" in given:
                    self.sent[name] = value if "value" in given else "on"
            elif kind != "submit":
                self.sent[name] = value
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select:
            if "selected" in given or self.select not in self.sent:
                self.sent[self.select] = value
        elif tag == "textarea":
            self.textarea = name
            self.sent[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.is_inside = False
        elif tag == "select":
            self.select = None
        elif tag == "textarea" and self.textarea:
            text = self.sent[self.textarea].removeprefix("\n")
            self.sent[self.textarea] = text.replace("\r\n", "\n").replace("\n", "\r\n")
            self.textarea = None

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.sent[self.textarea] += data


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
