"""`manage.py jobs`: what it shows, changes and refuses, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.db import OperationalError

from jobs.api.execution_serializers import ExecutionSerializer
from jobs.api.job_serializers import JobSerializer
from jobs.conf import conf
from jobs.control import job as control
from jobs.control.audit import system_actor
from jobs.management import ends
from jobs.models import AuditEvent, Job, JobExecution, Source, Status
from schedcore.environment import from_sudo
from tests.factories import ACTOR, make_execution, make_job, make_log_line
from tests.management.conftest import Manage, Screen

pytestmark = pytest.mark.django_db


def test_list_names_every_job_with_its_state_and_times_with_their_zone(manage: Manage) -> None:
    make_job("nightly", timezone="Asia/Tokyo")
    make_job("off")
    control.disable("off", actor=ACTOR)
    done = manage("jobs", "list")
    head, first, second = done.out.splitlines()
    assert done.code == 0
    assert head.startswith("Job")
    assert first.startswith("nightly")
    assert "03:00:00 JST" in first
    assert "disabled" in second


def test_its_json_is_what_the_api_shows(manage: Manage) -> None:
    make_job("nightly")
    make_execution("nightly")
    (job,) = json.loads(manage("jobs", "list", "--json").out)
    assert list(job) == list(JobSerializer().fields)
    shown = json.loads(manage("jobs", "show", "nightly", "--json").out)
    assert shown["id"] == "nightly"
    assert len(shown["last_executions"]) == 1
    (execution,) = json.loads(manage("jobs", "history", "--json").out)
    assert list(execution) == list(ExecutionSerializer().fields)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--state", "disabled"], ["off"]),
        (["--state", "scheduled,disabled"], ["nightly", "off"]),
        (["--trigger-type", "interval"], ["off"]),
        (["--function", "send_report", "-q", "NIGHT"], ["nightly"]),
        (["--is-builtin", "true"], []),
    ],
)
def test_list_is_filtered_as_the_api_is(
    filters: list[str], found: list[str], manage: Manage
) -> None:
    make_job("nightly")
    make_job("off", trigger_type="interval", trigger_params={"hours": 1})
    control.disable("off", actor=ACTOR)
    done = manage("jobs", "list", "--json", *filters)
    assert [job["id"] for job in json.loads(done.out)] == found


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["list", "--state", "asleep"], "asleep"),
        (["list", "--trigger-type", "moon"], "moon"),
        (["history", "--status", "odd"], "odd"),
        (["history", "--since", "soon"], "soon"),
        (["history", "--limit", "0"], "--limit"),
        (["pause", "nightly", "--until", "2020-01-01T00:00"], "2020-01-01"),
        (["pause", "nightly", "--until", "2h ago"], "future"),
        (["run", "nightly", "--kwargs", "{"], "JSON"),
        (["run", "nightly", "--kwargs", "[]"], "object"),
        (["run", "nightly", "--arg", "days"], "days"),
        (["run", "nightly", "--arg", "days=soon"], "days"),
        (["run", "nightly", "--arg", "colour=red"], "colour"),
        (["run", "nightly", "--follow", "--json"], "--wait"),
        (["logs", "999"], "999"),
        (["logs", "99999999999999999999"], "99999999999999999999"),
        (["cancel", "999"], "999"),
    ],
)
def test_what_makes_no_sense_is_told_and_changes_nothing(
    words: list[str], named: str, manage: Manage
) -> None:
    job = make_job("nightly")
    done = manage("jobs", *words)
    assert done.code == 2
    assert named in done.err
    assert done.out == ""
    assert not JobExecution.objects.exists()
    assert Job.objects.get().version == job.version


@pytest.mark.parametrize("verb", ["show", "run", "pause", "resume", "enable", "disable"])
def test_an_unknown_job_is_told_with_ids_that_look_like_it(verb: str, manage: Manage) -> None:
    make_job("nightly")
    make_job("nightly-export")
    done = manage("jobs", verb, "nighly")
    assert done.code == 2
    assert "“nighly”" in done.err
    assert "nightly" in done.err
    assert not AuditEvent.objects.filter(job_id="nighly").exists()


def test_an_unknown_job_in_the_history_is_told_too_but_a_deleted_one_has_its_history(
    manage: Manage,
) -> None:
    make_execution("gone")
    assert manage("jobs", "history", "--job", "gone").code == 0
    assert manage("jobs", "history", "--job", "never").code == 2


@pytest.mark.parametrize("job_id", ["\x00", "\x1b[31m", "a" * 5000, "", "../etc"])
def test_an_id_that_is_none_does_no_harm(job_id: str, manage: Manage) -> None:
    done = manage("jobs", "show", job_id)
    assert done.code == 2
    assert "\x1b" not in done.err


@pytest.mark.parametrize(
    "words",
    [
        ["explain", "\udcff"],
        ["jobs", "history", "--job", "\udcff"],
        ["jobs", "list", "-q", "\udcff"],
    ],
)
def test_what_is_no_utf_8_is_told_in_one_line(words: list[str], manage: Manage) -> None:
    done = manage(*words)
    assert done.code == 2
    assert "\\udcff" in done.err


def test_each_change_is_audited_as_the_operating_systems_user(manage: Manage) -> None:
    make_job("nightly")
    for verb in ("disable", "enable", "pause", "resume", "run"):
        assert manage("jobs", verb, "nightly").code == 0
    events = AuditEvent.objects.filter(via="command").exclude(actor="tester").order_by("pk")
    assert [event.action for event in events] == [
        "job.disable",
        "job.enable",
        "job.pause",
        "job.resume",
        "job.run",
    ]
    assert {event.actor for event in events} == {system_actor().name}


def test_a_refusal_is_audited_and_has_its_own_exit_code(manage: Manage) -> None:
    make_job("nightly")
    assert manage("jobs", "run", "nightly").code == 0
    done = manage("jobs", "run", "nightly")
    assert done.code == 4
    assert "1 of at most 1" in done.err
    assert AuditEvent.objects.get(is_refused=True).action == "job.run"
    assert manage("jobs", "run", "nightly", "--force").code == 0


def test_pause_until_takes_a_span_and_says_the_moment_with_its_zone(manage: Manage) -> None:
    make_job("nightly")
    done = manage("jobs", "pause", "nightly", "--until", "2h")
    assert "UTC" in done.out
    until = Job.objects.get().paused_until
    assert until is not None
    left = until - datetime.now(UTC)
    assert timedelta(hours=1, minutes=55) < left <= timedelta(hours=2)


@pytest.mark.parametrize(
    ("words", "kwargs"),
    [
        ([], {"recipient": "dba", "days": 7}),
        (["--arg", "days=3"], {"recipient": "dba", "days": 3}),
        (["--arg", "recipient=007"], {"recipient": "007", "days": 7}),
        (["--arg", "recipient=a=b"], {"recipient": "a=b", "days": 7}),
        (["--arg", "note=null"], {"recipient": "dba", "days": 7, "note": None}),
        (["--arg", "note=1.0"], {"recipient": "dba", "days": 7, "note": "1.0"}),
        (["--kwargs", '{"days": 1}'], {"days": 1}),
        (["--kwargs", "{}", "--arg", "days=2"], {"days": 2}),
    ],
)
def test_run_takes_arguments_as_json_or_one_by_one(
    words: list[str], kwargs: dict[str, Any], manage: Manage
) -> None:
    make_job("nightly", kwargs={"recipient": "dba", "days": 7})
    done = manage("jobs", "run", "nightly", "--json", *words)
    assert done.code == 0
    queued = JobExecution.objects.get(pk=json.loads(done.out)["execution_id"])
    assert (queued.kwargs, queued.source) == (kwargs, Source.MANUAL)


def test_history_is_filtered_by_job_verdict_and_time(manage: Manage) -> None:
    now = datetime.now(UTC)
    lately = now - timedelta(minutes=1)
    old = make_execution("a", scheduled_for=now - timedelta(hours=5))
    failed = make_execution(
        "a", status=Status.FAILED, error="RuntimeError: no", scheduled_for=lately
    )
    make_execution("b", scheduled_for=lately)

    def ids(*filters: str) -> list[int]:
        done = manage("jobs", "history", "--json", *filters)
        return [row["id"] for row in json.loads(done.out)]

    assert ids("--job", "a") == [failed.pk, old.pk]
    assert ids("--status", "failed,missed") == [failed.pk]
    assert old.pk not in ids("--since", "1h")
    assert ids("--until", "1h") == [old.pk]
    assert len(ids("--limit", "1")) == 1
    assert "RuntimeError: no" in manage("jobs", "history").out


def test_a_log_is_printed_with_its_levels_and_without_obeying_it(manage: Manage) -> None:
    execution = make_execution("a")
    make_log_line(execution, "\x1b[2Jgone\nsecond line")
    make_log_line(execution, "[red]markup[/red]")
    done = manage("jobs", "logs", execution.pk)
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "\\x1b[2Jgone" in done.out
    assert "times in UTC" in done.out
    assert "[red]markup[/red]" in done.out
    lines = json.loads(manage("jobs", "logs", execution.pk, "--json").out)
    assert lines[0]["message"] == "\x1b[2Jgone\nsecond line"


def test_names_from_a_task_are_made_harmless_on_a_terminal_too(manage: Manage) -> None:
    make_job("evil", name="\x1b]0;owned\x07 [bold]x[/bold]")
    make_execution("evil", job_name="\x1b[31m", status=Status.FAILED, error="\x9b31m")
    for words in (["list"], ["show", "evil"], ["history"]):
        out = manage("jobs", *words, out=Screen()).out
        assert "\x1b]" not in out
        assert "\x07" not in out
        assert "\x9b" not in out
        assert "\x1b[31m\n" not in out


def test_cancel_ends_what_waits(manage: Manage) -> None:
    make_job("nightly")
    manage("jobs", "run", "nightly")
    execution = JobExecution.objects.get()
    assert manage("jobs", "cancel", execution.pk).code == 0
    execution.refresh_from_db()
    assert execution.status == Status.CANCELLED
    assert manage("jobs", "cancel", execution.pk).code == 4


def test_export_is_the_file_of_the_jobs(manage: Manage, tmp_path: Any) -> None:
    make_job("nightly")
    assert "id: nightly" in manage("jobs", "export").out
    path = tmp_path / "jobs.yaml"
    assert manage("jobs", "export", path).code == 0
    assert "id: nightly" in path.read_text(encoding="utf-8")


def test_a_database_that_is_away_is_one_line(
    manage: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: Any) -> None:
        raise OperationalError("connection refused\nIs the server running?")

    monkeypatch.setattr("jobs.management.commands.jobs.JobFilters.of", away)
    monkeypatch.setattr(ends, "check_database", lambda: None)
    monkeypatch.setattr(ends.connection, "close", lambda: None)
    done = manage("jobs", "list")
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert "connection refused" in done.err


class Closed(StringIO):
    """A pipe from which nobody reads any more."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_pipe_that_is_closed_ends_it_without_a_word(
    manage: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job("nightly")
    left: list[bool] = []
    monkeypatch.setattr(ends, "_leave_pipe", lambda: left.append(True))
    listing = (["list"], ["list", "--json"], ["show", "nightly"])
    for words in (*listing, ["run", "nightly", "--wait"]):
        done = manage("jobs", *words, out=Closed())
        assert (done.code, done.err) == (141, "")
    assert manage("explain", "nightly", out=Closed()).err == ""
    assert len(left) == 5


def test_who_is_behind_sudo_is_named(settings: Any) -> None:
    settings.SCHEDCORE = replace(conf(), sudo_user="alice")
    assert system_actor().name.startswith("alice@")


@pytest.mark.parametrize(
    ("variables", "uid", "name"),
    [
        ({"SUDO_USER": "alice"}, 0, "alice"),
        ({}, 0, ""),
        # Anybody can set a variable of their own.
        ({"SUDO_USER": "alice"}, 1000, ""),
    ],
)
def test_only_of_the_superuser_is_believed_who_is_behind_sudo(
    variables: dict[str, str], uid: int, name: str
) -> None:
    assert from_sudo(variables, uid) == name


def test_neither_logname_nor_user_changes_who_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    before = system_actor()
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setenv("USER", "somebody-else")
    assert system_actor() == before
