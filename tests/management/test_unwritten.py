"""Commands whose standard output takes nothing: one sentence, and an exit code that says so."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.models import Job
from tests.chaos.processes import database_url
from tests.factories import make_execution, make_job, make_leader
from tests.project.processes import DEADLINE_S, ROOT, environment

pytestmark = pytest.mark.django_db(transaction=True)

SENTENCE = "Standard output could not be written: No space left on device.\n"


@pytest.fixture(autouse=True)
def _buffered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


@pytest.fixture
def made() -> Job:
    make_leader()
    job = make_job("nightly", function="cleanup_logs")
    make_execution("nightly")
    return job


@pytest.fixture
def unread() -> Iterator[int]:
    """A pipe from which nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def ended(words: list[str], stdout: int, var: Path) -> tuple[int, str]:
    return run([sys.executable, "manage.py", *words], stdout, var)


def run(command: list[str], stdout: int, var: Path) -> tuple[int, str]:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(SCHEDCORE_VAR_DIR=str(var), DATABASE_URL=database_url()),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=DEADLINE_S,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "jobs list",
        "jobs show nightly --json",
        "jobs history",
        "jobs pause nightly",
        "jobs export",
        "explain nightly",
        "schedulerhealth",
        "loadtasks --plan",
        "createtoken admin --name ci",
        "version",
    ],
)
def test_a_full_disk_is_one_sentence_and_code_3(
    made: Job, admin_user: object, command: str, tmp_path: Path
) -> None:
    with open("/dev/full", "w") as full:
        code, told = ended(command.split(), full.fileno(), tmp_path)
    assert code == 3
    assert told.endswith(SENTENCE)
    assert "Traceback" not in told


def test_so_it_is_without_a_buffer(
    made: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    with open("/dev/full", "w") as full:
        assert ended(["jobs", "list"], full.fileno(), tmp_path) == (3, SENTENCE)


@pytest.mark.parametrize("command", ["jobs list", "schedulerhealth", "showmigrations"])
def test_a_reader_that_has_gone_is_no_sentence_at_all(
    made: Job, unread: int, command: str, tmp_path: Path
) -> None:
    assert ended(command.split(), unread, tmp_path) == (141, "")


def test_what_else_goes_wrong_is_told_though_the_disk_is_full(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        code, told = ended(["jobs", "show", "nothing"], full.fileno(), tmp_path)
    assert code == 2
    assert "nothing" in told


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ("jobs list >&-", 3, "Standard output could not be written: Bad file descriptor.\n"),
        ("jobs list <&- >&-", 3, "Standard output could not be written: Bad file descriptor.\n"),
        ("migrate --verbosity 0 >&-", 0, ""),
        ("jobs show nothing 2>&-", 2, ""),
    ],
)
def test_a_closed_output_takes_nothing(
    made: Job, command: str, code: int, told: str, tmp_path: Path
) -> None:
    shell = ["sh", "-c", f'"$0" manage.py {command}', sys.executable]
    assert run(shell, subprocess.PIPE, tmp_path) == (code, told)
