"""What a log line looks like, for machines and in a terminal."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from jobs.registry import CurrentExecution, executing
from schedcore import logs
from schedcore.environment import VARIABLES
from schedcore.logs import Belonging, JsonLines, TerminalLines, keys_of
from tests.project.processes import ROOT, environment, manage
from tests.test_escaping import HOSTILE

NOON = datetime(2025, 3, 1, 12, 3, 4, 250_000, UTC).timestamp()


def record(message: str, *args: object, exc_info: Any = None, **extra: object) -> logging.LogRecord:
    logger = logging.getLogger("jobs.runtime")
    made = logger.makeRecord(
        logger.name, logging.INFO, "file.py", 1, message, args, exc_info, extra=extra
    )
    made.created = NOON
    return made


def as_json(*args: Any, **extra: Any) -> dict[str, Any]:
    line = JsonLines().format(record(*args, **extra))
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_json_line_has_time_level_logger_message_and_keys() -> None:
    found = as_json("Execution finished", event="execution.finished", duration_s=0.2)
    assert found == {
        "timestamp": "2025-03-01T12:03:04.250+00:00",
        "level": "INFO",
        "logger": "jobs.runtime",
        "message": "Execution finished",
        "event": "execution.finished",
        "duration_s": 0.2,
    }


@pytest.fixture
def _own_secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As a deployment has them, each of a kind that a pattern could miss."""
    postgresql = {"default": {"PASSWORD": 'p@ss"w/rd'}, "other": {"PASSWORD": "short"}}
    monkeypatch.setattr(settings, "DATABASES", postgresql)
    monkeypatch.setattr(settings, "SECRET_KEY", "key-of-sessions")
    redis = {"default": {"LOCATION": "redis://:of%20redis@host:6379/0"}}
    monkeypatch.setattr(settings, "CACHES", redis)
    own = replace(
        settings.SCHEDCORE,
        credentials_keys=("key-of-passwords",),
        listen_url="a://b:of-listen@c",
        heartbeat_url="https://ping.example.org/of-heartbeat",
    )
    monkeypatch.setattr(settings, "SCHEDCORE", own)
    logs._ours.cache_clear()
    yield
    logs._ours.cache_clear()


@pytest.mark.usefixtures("_own_secrets")
@pytest.mark.parametrize("formatter", [JsonLines(), TerminalLines()])
def test_the_secrets_of_the_settings_are_hidden_in_any_words(formatter: logging.Formatter) -> None:
    secrets = ['p@ss"w/rd', "p%40ss%22w%2Frd", "key-of-sessions", "of redis", "key-of-passwords"]
    for secret in [*secrets, "of-listen", "https://ping.example.org/of-heartbeat"]:
        line = formatter.format(record("It is %s, I think", secret, note=f"<{secret}>"))
        assert secret not in line
        assert json.dumps(secret)[1:-1] not in line
        assert line.count("[hidden]") == 2
    assert "shortly" in formatter.format(record("shortly"))


def test_every_setting_that_is_a_secret_is_hidden_so() -> None:
    """Whoever adds one adds it to `logs._ours`, to the test above, and to docs/logs.md."""
    secret = {variable.name for variable in VARIABLES if variable.is_secret}
    page = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
    [sentence] = re.findall(r"^- `SCHEDCORE_SECRET_KEY`.+wherever they stand.+$", page, re.M)
    assert secret == set(re.findall("`([A-Z_]+)`", sentence))


def test_a_line_names_the_run_that_it_belongs_to() -> None:
    run = CurrentExecution()
    run.id, run.job_id = 91, "report"
    inside, outside = record("x"), record("x")
    other = record("Another has ended", event="execution.finished", execution_id=7, job_id="a")
    belonging = Belonging()
    with executing(run):
        assert belonging.filter(inside)
        assert belonging.filter(other)
    belonging.filter(outside)
    told = [keys_of(one) for one in (inside, other, outside)]
    assert told == [
        {"execution_id": 91, "job_id": "report", "event": "run.log"},
        {"execution_id": 7, "job_id": "a", "event": "execution.finished"},
        {"event": "library"},
    ]


def test_a_terminal_line_is_short_and_leaves_the_event_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    formatter = TerminalLines()
    monkeypatch.setattr(
        formatter, "converter", lambda t: datetime.fromtimestamp(t, UTC).timetuple()
    )
    line = formatter.format(
        record("Execution finished", event="execution.finished", execution_id=91, duration_s=0.2)
    )
    assert line == (
        "12:03:04 INFO  jobs.runtime  Execution finished  execution_id=91 duration_s=0.2"
    )


def test_values_that_could_be_mistaken_are_quoted_in_a_terminal() -> None:
    line = TerminalLines().format(record("Failed", error="no\nsuch file", empty="", job="a b"))
    assert line.endswith(r"Failed  error='no\nsuch file' empty='' job='a b'")


def test_values_that_json_does_not_know_are_still_logged() -> None:
    found = as_json("x", path=Path("/a"), at=datetime(2025, 3, 1, tzinfo=UTC), one={1: {2}})
    assert found["path"] == "/a"
    assert found["at"].startswith("2025-03-01T00:00:00")


@pytest.mark.parametrize("formatter", [JsonLines(), TerminalLines()])
def test_secrets_are_hidden_wherever_they_stand(formatter: logging.Formatter) -> None:
    try:
        raise ConnectionError("cannot reach postgres://dba:hunter2@host/name")
    except ConnectionError:
        trace = sys.exc_info()
    line = formatter.format(
        record(
            "Cannot reach %s",
            "postgres://dba:hunter2@host/name",
            exc_info=trace,
            password="hunter2",
            api_token="hunter2",
            instance={"credentials": "hunter2", "host": "db1"},
            url="mysql://dba:hunter2@host",
        )
    )
    assert "hunter2" not in line
    assert "db1" in line
    assert "postgres://dba:[hidden]@host/name" in line


@pytest.mark.parametrize("formatter", [JsonLines(), TerminalLines()])
def test_a_traceback_is_logged(formatter: logging.Formatter) -> None:
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError:
        line = formatter.format(record("Failed", exc_info=sys.exc_info()))
    assert "Traceback (most recent call last)" in line
    assert "ZeroDivisionError: by nothing" in line


@pytest.mark.parametrize("formatter", [JsonLines(), TerminalLines()])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_terminal_obeys_nothing_that_a_task_says(formatter: logging.Formatter, text: str) -> None:
    try:
        raise RuntimeError(text)
    except RuntimeError:
        trace = sys.exc_info()
    line = formatter.format(record(f"It says {text}", exc_info=trace, note=text, other=[text]))
    assert line.replace("\n", "").isprintable()
    line.encode()
    if isinstance(formatter, JsonLines):
        found = json.loads(line)
        assert (found["message"], found["note"]) == (f"It says {text}", text)


def test_the_lines_of_a_traceback_and_of_a_message_stay_lines_in_a_terminal() -> None:
    try:
        raise RuntimeError("\x1b[31mred")
    except RuntimeError:
        trace = sys.exc_info()
    lines = TerminalLines().format(record("one\ntwo", exc_info=trace)).splitlines()
    assert lines[0].endswith("one")
    assert lines[1:3] == ["    two", "    Traceback (most recent call last):"]
    assert lines[-1] == r"    RuntimeError: \x1b[31mred"


@pytest.mark.parametrize("formatter", [JsonLines(), TerminalLines()])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028"])
def test_a_text_of_others_makes_no_line_that_looks_like_a_record(
    formatter: logging.Formatter, end: str
) -> None:
    forged = f"a name{end}12:03:04 INFO  jobs.audit  Rights granted"
    try:
        raise RuntimeError(forged)
    except RuntimeError:
        trace = sys.exc_info()
    line = formatter.format(record(forged, exc_info=trace, note=forged))
    assert not any(later.startswith("12:") for later in line.splitlines()[1:])


CRASH = """
import logging
from django.test import Client
from django.urls import path
from schedcore import urls

def crash(request):
    raise RuntimeError("broken view")

urls.urlpatterns.append(path("crash", crash))
response = Client(raise_request_exception=False).get("/crash", headers={"host": "localhost"})
assert response.status_code == 500
logging.getLogger("jobs").info("Done", extra={"event": "x"})
"""


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_crash_of_a_view_is_logged_with_its_traceback(tmp_path: Path, log_format: str) -> None:
    env = environment(SCHEDCORE_VAR_DIR=str(tmp_path), SCHEDCORE_LOG_FORMAT=log_format)
    done = manage("shell", "-v0", "-c", CRASH, env=env)
    assert done.returncode == 0, done.stderr
    assert "RuntimeError: broken view" in done.stderr
    assert done.stderr.count("Internal Server Error: /crash") == 1
    if log_format == "json":
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        assert [(line["level"], line["event"]) for line in lines] == [
            ("ERROR", "library"),
            ("INFO", "page.request"),
            ("INFO", "x"),
        ]
        assert lines[0]["status_code"] == 500
        assert lines[0]["request_id"] == lines[1]["request_id"]
        assert "request_id" not in lines[2]
