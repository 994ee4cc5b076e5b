"""`manage.py schedulerhealth`, as a monitoring system calls it."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command, execute_from_command_line
from django.core.management.base import CommandError
from django.db import OperationalError, connection

from jobs import definitions
from jobs.models import Job, SchedulerLease
from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.chaos.processes import database_url
from tests.factories import make_job, make_leader, make_scheduler
from tests.project.processes import environment, manage

PERFDATA = re.compile(r"[a-z0-9_]+=-?[0-9.]+s?(;;;0;100)?( [a-z0-9_]+=-?[0-9.]+s?)*")


@pytest.fixture(autouse=True)
def _configuration_is_fine(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(definitions, "warnings", list)
    settings.SCHEDCORE_UNKNOWN = []


def asked(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("schedulerhealth", *arguments, stdout=out)
    return int(str(ended.value)), out.getvalue()


def first_line(text: str) -> tuple[str, str]:
    """What it says, and its figures."""
    said, bar, figures = text.splitlines()[0].partition(" | ")
    assert bar
    assert PERFDATA.fullmatch(figures), figures
    return said, figures


@pytest.fixture
def broken(db: None) -> None:
    make_leader()
    make_job("odd")
    Job.objects.update(problem="Its task has gone.")


def test_a_healthy_scheduler_is_code_0_and_one_line(db: None) -> None:
    figures = {"last_tick_at": datetime.now(UTC).isoformat(), "lateness_p99_s": 0.031}
    make_leader(figures=figures)
    code, text = asked()
    said, figures = first_line(text)
    assert code == 0
    assert said.startswith("OK: db-1, pid 4711, leads")
    assert "health_score=100;;;0;100" in figures
    assert "lateness_p99=0.031s" in figures
    assert len(text.splitlines()) == 1


def test_standbys_are_told_below(db: None) -> None:
    make_leader()
    make_scheduler("two", host="db-2")
    assert "standby: db-2, pid 4711" in asked()[1].splitlines()[1]


def test_a_warning_is_code_1_and_says_what_to_do(broken: None) -> None:
    code, text = asked()
    assert code == 1
    assert first_line(text)[0] == "WARNING: 1 job cannot run: odd."
    assert text.splitlines()[1] == "warning broken_jobs: 1 job cannot run: odd."
    assert text.splitlines()[2].startswith("  -> Each says why")


def test_an_error_is_code_2_and_stands_before_the_warnings(broken: None) -> None:
    connection.cursor().execute("DELETE FROM jobs_schedulerlease")
    code, text = asked()
    assert code == 2
    said = first_line(text)[0]
    assert said.startswith("CRITICAL: No scheduler leads")
    assert said.endswith("(and 1 more)")
    assert text.splitlines()[1].startswith("error no_leader:")


def test_a_bar_or_a_line_end_in_a_message_does_not_break_the_first_line(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_leader()
    monkeypatch.setattr(definitions, "warnings", lambda: ["a | b\nc"])
    assert first_line(asked()[1])[0] == "WARNING: a ¦ b c"


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_what_a_terminal_would_obey_is_written_out(
    db: None, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    make_leader()
    monkeypatch.setattr(definitions, "warnings", lambda: ["a\x1b[2Jb\x9bc\u202ed"])
    text = asked(*arguments)[1]
    assert "[2Jb" in text
    assert not {"\x1b", "\x9b", "\u202e"} & set(text)


def test_json_is_what_the_api_tells(broken: None) -> None:
    code, text = asked("--json")
    told = json.loads(text)
    assert (code, told["status"]) == (1, "warning")
    assert told["warnings"][0]["code"] == "broken_jobs"
    assert told["leader"]["host"] == "db-1"


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_database_that_fails_is_code_2(
    db: None, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    def gone() -> None:
        raise OperationalError("the disk\nis | gone")

    monkeypatch.setattr("jobs.management.commands.schedulerhealth.database_now", gone)
    code, text = asked(*arguments)
    assert code == 2
    if arguments:
        told = json.loads(text)
        assert (told["status"], told["health_score"]) == ("error", 0)
        assert told["warnings"][0]["code"] == "database_unavailable"
    else:
        assert text.startswith("CRITICAL: The database ")
        assert "the disk is ¦ gone" in text.splitlines()[0]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_timeout_that_makes_no_sense_is_refused(seconds: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("schedulerhealth", "--timeout", seconds)
    assert refused.value.returncode == 3  # unknown: 1 would be a warning


@pytest.mark.parametrize("words", [["--foo"], ["extra"], ["--timeout", "soon"], ["--timeout"]])
def test_arguments_that_make_no_sense_are_unknown(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        execute_from_command_line(["manage.py", "schedulerhealth", *words])
    assert ended.value.code == 3
    assert "usage: manage.py schedulerhealth" in capsys.readouterr().err


def test_help_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        execute_from_command_line(["manage.py", "schedulerhealth", "--help"])
    assert ended.value.code == 0
    assert "3: unknown" in " ".join(capsys.readouterr().out.split())


@pytest.mark.django_db(transaction=True)
def test_a_process_of_its_own_tells_what_it_finds(tmp_path: Path) -> None:
    make_leader(stopped_at=datetime.now(UTC))
    env = environment(SCHEDCORE_VAR_DIR=str(tmp_path), DATABASE_URL=database_url())
    done = manage("schedulerhealth", env=env)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith("CRITICAL: No scheduler leads")
    make_scheduler("two", ttl_s=600.0)
    SchedulerLease.objects.update(holder="two")
    done = manage("schedulerhealth", env=env)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.fixture
def silent_server() -> Iterator[int]:
    """Accepts connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_is_frozen_is_code_2_in_time(silent_server: int, tmp_path: Path) -> None:
    url = f"postgres://ann:secret-word@127.0.0.1:{silent_server}/schedcore"
    env = environment(SCHEDCORE_VAR_DIR=str(tmp_path), DATABASE_URL=url)
    done = manage("schedulerhealth", "--timeout", "0.5", env=env)
    assert done.returncode == 2
    assert done.stdout.startswith(f"CRITICAL: The database 127.0.0.1:{silent_server}/schedcore")
    assert "no answer within 0.5 s" in done.stdout
    assert "secret-word" not in done.stdout + done.stderr


def test_a_database_without_tables_is_code_2_and_says_what_to_do(tmp_path: Path) -> None:
    done = manage("schedulerhealth", env=environment(SCHEDCORE_VAR_DIR=str(tmp_path)))
    assert done.returncode == 2
    assert "manage.py migrate" in done.stdout
    assert done.stderr == ""


def test_settings_that_cannot_be_used_are_code_3_which_means_unknown(tmp_path: Path) -> None:
    env = environment(SCHEDCORE_VAR_DIR=str(tmp_path), SCHEDCORE_MAX_WORKERS="many")
    assert manage("schedulerhealth", env=env).returncode == 3
