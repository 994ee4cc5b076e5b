"""Everything is run with secrets that are marked, and no process says one of them.

What is printed on purpose is left out: a new token, once, and the file of the definitions.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from cryptography.fernet import Fernet
from django.db import connection

from jobs.models import JobExecution, Scope
from tests.chaos.processes import database_url, start_scheduler
from tests.chaos.server import free_port
from tests.factories import make_token, make_user
from tests.project.processes import DEADLINE_S, ROOT
from tests.waiting import until

POSTGRESQL = connection.vendor == "postgresql"
API = "/scheduler/api/"
EVENTS = {
    "heartbeat.failed": "The heartbeat URL did not answer",
    "alert.undelivered": "Alert could not be delivered",
}


def mark(what: str) -> str:
    """A secret that nothing else looks like, with letters that URLs and JSON write otherwise."""
    return f"Mark-{what}-@/\"'{secrets.token_hex(8)}"


@dataclass
class Marks:
    sessions_key: str = field(default_factory=lambda: mark("key") + 50 * "k")
    credentials_key: str = field(default_factory=lambda: Fernet.generate_key().decode())
    database: str = field(default_factory=lambda: mark("database"))
    listen: str = field(default_factory=lambda: mark("listen"))
    cache: str = field(default_factory=lambda: mark("cache"))
    channel: str = field(default_factory=lambda: mark("channel"))
    heartbeat: str = field(default_factory=lambda: f"Mark-heartbeat-{secrets.token_hex(8)}")
    instance: str = field(default_factory=lambda: mark("instance"))
    argument: str = field(default_factory=lambda: f"Mark-argument-{secrets.token_hex(8)}")
    login: str = field(default_factory=lambda: mark("login"))
    wrong_login: str = field(default_factory=lambda: mark("wrong"))
    wrong_token: str = field(default_factory=lambda: f"Mark-token-{secrets.token_hex(20)}")
    token: str = ""
    session: str = ""
    csrf: str = ""

    def found_in(self, text: str) -> list[str]:
        """The names of those that stand in the text, in any of their forms."""
        found = []
        for name, value in vars(self).items():
            assert value, name
            forms = {value, quote(value, safe=""), json.dumps(value)[1:-1], repr(value)[1:-1]}
            if any(form in text for form in forms):
                found.append(name)
        return found


class Site:
    """The web server, the scheduler and the commands, with all that they say in one folder."""

    def __init__(self, folder: Path, marks: Marks, log_format: str) -> None:
        self.folder = folder
        self.marks = marks
        self.port = free_port()
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.marked.settings",
            "DATABASE_URL": self.database(marks.database),
            "SCHEDCORE_SECRET_KEY": marks.sessions_key,
            "SCHEDCORE_CREDENTIALS_KEY": marks.credentials_key,
            "SCHEDCORE_CACHE_URL": f"redis://:{quote(marks.cache, safe='')}@127.0.0.1:1/0",
            "SCHEDCORE_HEARTBEAT_URL": f"http://127.0.0.1:1/ping/{marks.heartbeat}",
            "MARKED_CHANNEL": f"json://robot:{quote(marks.channel, safe='')}@127.0.0.1:1/hook",
            "SCHEDCORE_LOG_LEVEL": "DEBUG",
            "SCHEDCORE_LOG_FORMAT": log_format,
            "SCHEDCORE_API_ANONYMOUS_RATE": "0",
            "SCHEDCORE_DB_POOL_TIMEOUT": "2",
            "PYTHONUNBUFFERED": "1",
        }
        if POSTGRESQL:
            self.env["SCHEDCORE_LISTEN_URL"] = self.database(marks.listen, port=1)

    def database(self, password: str, port: int | None = None) -> str:
        if not POSTGRESQL:
            return database_url()
        given = connection.settings_dict
        port = port or int(given["PORT"] or 5432)
        user = f"{given['USER']}:{quote(password, safe='')}"
        return f"postgres://{user}@{given['HOST']}:{port}/{given['NAME']}"

    def command(self, *arguments: str, **variables: str) -> None:
        with (self.folder / f"{arguments[0]}.log").open("ab") as output:
            subprocess.run(
                [sys.executable, "manage.py", *arguments],
                cwd=ROOT,
                env=self.env | variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=DEADLINE_S,
            )

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[HTTPResponse, str]:
        given = {"Authorization": f"Token {self.marks.token}", **(headers or {})}
        if body is not None and not isinstance(body, str):
            body, given = json.dumps(body), {"Content-Type": "application/json", **given}
        client = HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            client.request(method, path, body, given)
            answer = client.getresponse()
            return answer, answer.read().decode()
        finally:
            client.close()

    def data(self, method: str, path: str, body: Any = None) -> Any:
        answer, text = self.ask(method, API + path, body)
        assert answer.status < 300, text
        return json.loads(text)["data"]

    def logs(self, event: str) -> bool:
        """Whether the scheduler has said so; a line of text does not name its event."""
        text = EVENTS[event] if self.env["SCHEDCORE_LOG_FORMAT"] == "text" else f'"{event}"'
        return text in (self.folder / "scheduler.log").read_text()

    def answers(self) -> bool:
        try:
            return self.ask("GET", "/healthz")[0].status == 200
        except OSError:
            return False


@pytest.fixture(params=["json", "text"])
def site(request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, Marks(), request.param)
    user = make_user("manage_job", name="owner", is_staff=True, is_superuser=True)
    user.set_password(site.marks.login)
    user.save()
    _token, site.marks.token = make_token(user, name="robot", scope=Scope.MANAGE)
    site.command("loadtasks")
    command = [sys.executable, "-m", "gunicorn", "--config", "python:schedcore.webserver"]
    with (tmp_path / "web.log").open("wb") as output:
        web = subprocess.Popen(
            [*command, f"--bind=127.0.0.1:{site.port}", "schedcore.wsgi"],
            cwd=ROOT,
            env=site.env,
            stdout=output,
            stderr=output,
        )
    scheduler = start_scheduler(tmp_path / "scheduler.log", **site.env)
    try:
        until(site.answers, deadline_s=DEADLINE_S)
        scheduler.begins(deadline_s=DEADLINE_S)
        yield site
        scheduler.stop()
    finally:
        web.terminate()
        web.wait(DEADLINE_S)
        if scheduler.is_running:
            scheduler.kill()


@pytest.mark.timeout(600)  # several processes, which start one after the other
def test_no_process_says_a_secret(site: Site) -> None:
    log_in(site)
    ask_badly(site)
    use_instances(site)
    site.command("shell", "-v0", "-c", TELL_A_CHANNEL)
    run_a_careless_task(site)
    for event in ("heartbeat.failed", "alert.undelivered"):
        until(lambda event=event: site.logs(event), deadline_s=DEADLINE_S)
    call_commands(site)
    said = {file.name: file.read_text() for file in site.folder.glob("*.log")}
    assert {"web.log", "scheduler.log", "rotatecredentials.log"} <= said.keys()
    for text in ("cannot reach postgres://dba:[hidden]@db1/name", "password=[hidden]"):
        assert text in said["scheduler.log"], "the careless task has not said what it should"
    if site.env["SCHEDCORE_LOG_FORMAT"] == "json":
        assert_lines_name_their_run(said["scheduler.log"])
    found = {name: site.marks.found_in(text) for name, text in said.items()}
    assert not any(found.values()), found


def assert_lines_name_their_run(text: str) -> None:
    """What a task says in a thread or in a process of its own, and the lines about it."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    for executor in ("threads", "processes"):
        rows = JobExecution.objects.filter(job_id=f"careless-{executor}")
        wanted = {"execution_id": rows.get().pk, "job_id": f"careless-{executor}"}
        own = [line for line in lines if line.items() >= wanted.items()]
        events = {line["event"] for line in own}
        assert {"run.log", "careless", "execution.handed_out", "execution.finished"} <= events


TELL_A_CHANNEL = """
import os
from jobs.control import alert_channel, alert_rule
from jobs.control.audit import system_actor
alert_channel.create({"name": "hook", "url": os.environ["MARKED_CHANNEL"]}, actor=system_actor())
rule = {"name": "all", "pattern": "*", "kind": "failed", "channels": ["hook"]}
alert_rule.create(rule, actor=system_actor())
"""


def log_in(site: Site) -> None:
    """Wrongly and rightly, and open pages with the session's cookie."""
    for password in (site.marks.wrong_login, site.marks.login):
        page, text = site.ask("GET", "/admin/login/", headers={"Authorization": ""})
        cookie = page.headers["Set-Cookie"].partition(";")[0]
        [csrf] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', text)
        form = {"username": "owner", "password": password, "csrfmiddlewaretoken": csrf}
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        answer, _text = site.ask("POST", "/admin/login/", urlencode(form), headers)
    assert answer.status == 302
    cookies = "; ".join(c.partition(";")[0] for c in answer.headers.get_all("Set-Cookie") or [])
    site.marks.csrf, site.marks.session = re.findall(r"(?:csrftoken|sessionid)=(\w+)", cookies)
    headers = {"Cookie": cookies, "Authorization": ""}
    for path in ("/admin/", "/admin/jobs/job/", API + "jobs"):
        assert site.ask("GET", path, headers=headers)[0].status == 200, path
    assert site.ask("GET", "/admin/nowhere/", headers=headers)[0].status == 404
    assert site.ask("POST", API + "jobs/reload", {}, headers)[0].status == 403  # without CSRF


def ask_badly(site: Site) -> None:
    """Secrets where they do not belong."""
    wrong = site.marks.wrong_token
    for scheme in ("Token", "Basic"):
        headers = {"Authorization": f"{scheme} {wrong}"}
        answer, _text = site.ask("GET", API + "jobs", headers=headers)
        assert answer.status == 401
    site.ask("GET", f"{API}jobs?token={wrong}")
    site.ask("GET", f"{API}jobs/password={wrong}")
    site.ask("POST", API + "jobs", f'{{"password": "{wrong}"', {"Content-Type": "application/json"})
    site.ask("GET", "/healthz", headers={"Host": "elsewhere.example", "X-Api-Key": wrong})


def use_instances(site: Site) -> None:
    """One that nobody listens at: tested, and synced."""
    body = {
        "name": "away",
        "engine": "postgresql",
        "host": "127.0.0.1",
        "port": 1,
        "username": "dba",
        "password": site.marks.instance,
    }
    made = site.data("POST", "estate/instances", body)
    assert site.marks.instance not in json.dumps(made)
    site.data("POST", f"estate/instances/{made['id']}/test")
    run = site.data("POST", "estate/sync", {"what": "capacity", "instances": ["away"]})
    ended(run["execution_id"])


def run_a_careless_task(site: Site) -> None:
    for executor in ("threads", "processes"):
        job = {
            "id": f"careless-{executor}",
            "name": "Careless",
            "function": "marked.careless",
            "trigger_type": "interval",
            "trigger_params": {"hours": 1},
            "kwargs": {"password": site.marks.argument},
            "executor": executor,
        }
        site.data("POST", "jobs", job)
        site.data("PATCH", f"jobs/careless-{executor}", {"description": "changed"})
        run = site.data("POST", f"jobs/careless-{executor}/run")
        ended(run["execution_id"])


def ended(execution_id: int) -> None:
    found = JobExecution.objects.filter(pk=execution_id)
    until(lambda: not found.unfinished().exists(), deadline_s=DEADLINE_S)


def call_commands(site: Site) -> None:
    """Those of every day, and some against a server that is not there."""
    site.command("loadtasks", "--plan")
    site.command("registerowndatabase")
    site.command("rotatecredentials", "--check")
    site.command("revoketoken", "owner", "robot")
    if POSTGRESQL:
        nowhere = site.database(site.marks.database, port=1)
        for command in ("runscheduler --check", "migrate"):
            site.command(*command.split(), DATABASE_URL=nowhere)
    site.command("check", SCHEDCORE_CREDENTIALS_KEY=site.marks.credentials_key[:-2])
    site.command("check", DATABASE_URL=f"mysql://root:{quote(site.marks.database, safe='')}@h/n")
