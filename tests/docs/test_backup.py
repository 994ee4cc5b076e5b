"""docs/deployment.md: its first start, its backups and their restoring, command by command."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django_apscheduler.models import DjangoJob
from psycopg import sql

from jobs.executions.database import database_now
from jobs.models import Job, JobExecution, Status
from tests.chaos.conftest import RunScheduler, chaos_tasks, notes_file, run_scheduler  # noqa: F401
from tests.chaos.population import every_second, plant
from tests.chaos.processes import database_file, database_url
from tests.docs.pages import page
from tests.factories import make_execution
from tests.project.processes import DEADLINE_S, ROOT, environment
from tests.waiting import until

PAGE = page("deployment.md")
POSTGRESQL = connection.vendor == "postgresql"

needs_postgresql = pytest.mark.skipif(
    not POSTGRESQL or not shutil.which("pg_dump"), reason="a dump of PostgreSQL"
)
needs_sqlite = pytest.mark.skipif(POSTGRESQL, reason="a copy of SQLite")


def run_group(group: str, folder: Path, **variables: str) -> str:
    """Run the page's commands of that group, in one shell that stops at a failure."""
    script = PAGE.script(group).replace(".venv/bin/python", sys.executable)
    script = script.replace(" manage.py", f" {ROOT}/manage.py")
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_of_the_first_start_work_with_the_keys_that_are_made(
    transactional_db: None, tmp_path: Path
) -> None:
    lines = run_group("keys", tmp_path).splitlines()
    keys = dict(line.split("=", 1) for line in lines)
    assert keys.keys() == {"SCHEDCORE_SECRET_KEY", "SCHEDCORE_CREDENTIALS_KEY"}
    Fernet(keys["SCHEDCORE_CREDENTIALS_KEY"])
    said = run_group(
        "first start",
        tmp_path,
        **keys,
        DJANGO_SETTINGS_MODULE="tests.docs.deploy_settings",
        TEST_STATIC_ROOT=str(tmp_path / "static"),
        SCHEDCORE_ENV="production",
        SCHEDCORE_ALLOWED_HOSTS="jobs.example.org",
        SCHEDCORE_VAR_DIR=str(tmp_path),
        DATABASE_URL=database_url(),
    )
    assert "The scheduler could start." in said
    assert list((tmp_path / "static").glob("jobs/site.*.css"))


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The address of one on the server of this test's."""
    name = f"restored_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(database_url(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield database_url().rpartition("/")[0] + f"/{name}"
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def as_it_stood(file: Path) -> None:
    """Two jobs that were due every second until an hour ago, and a run of one that was going."""
    plant([every_second("idle", file), every_second("going", file)])
    an_hour_ago = (database_now() - timedelta(hours=1)).replace(microsecond=0)
    Job.objects.update(anchor=an_hour_ago)
    DjangoJob.objects.update(next_run_time=an_hour_ago)
    make_execution(
        "going",
        status=Status.RUNNING,
        owner="scheduler-that-was",
        scheduled_for=an_hour_ago - timedelta(seconds=1),
        started_at=an_hour_ago,
    )


@needs_postgresql
def test_a_dump_that_is_restored_misses_what_is_too_late_and_goes_on(
    run_scheduler: RunScheduler,  # noqa: F811
    notes_file: Path,  # noqa: F811
    empty_database: str,
    tmp_path: Path,
) -> None:
    as_it_stood(notes_file)
    variables = {
        "SCHEDCORE_VAR_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
    }
    run_group("dump", tmp_path, DATABASE_URL=database_url(), **variables)
    said = run_group("restore", tmp_path, DATABASE_URL=empty_database, **variables)
    assert "The scheduler could start." in said
    run_scheduler(url=empty_database).says("leader", deadline_s=DEADLINE_S)

    def rows(job_id: str, status: Status) -> list[int]:
        """How many occurrences each stands for, in order."""
        query = (
            "SELECT occurrence_count FROM jobs_jobexecution "
            "WHERE job_id = %s AND status = %s ORDER BY id"
        )
        found = restored.execute(query, [job_id, status.value]).fetchall()
        return [count for (count,) in found]

    with psycopg.connect(empty_database, autocommit=True) as restored:
        for job_id in ("idle", "going"):
            until(lambda job_id=job_id: len(rows(job_id, Status.SUCCEEDED)) >= 2)
            assert rows(job_id, Status.MISSED) == [500], "as many as are counted, in one row"
        assert rows("idle", Status.SUCCEEDED)[0] >= 100, "those within the grace are one run"
        assert rows("idle", Status.INTERRUPTED) == []
        assert rows("going", Status.INTERRUPTED) == [1]
        assert rows("going", Status.SKIPPED)[0] >= 100, "its run still held the slot"
    assert JobExecution.objects.get().status == Status.RUNNING, "the first database is as it was"


@needs_sqlite
def test_a_copy_of_sqlite_holds_all_that_was_committed(
    transactional_db: None, tmp_path: Path
) -> None:
    make_execution("report")
    (tmp_path / "schedcore.sqlite3").symlink_to(database_file())
    run_group("sqlite", tmp_path, SCHEDCORE_VAR_DIR=str(tmp_path))
    with closing(sqlite3.connect(tmp_path / "backup.sqlite3")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT job_id FROM jobs_jobexecution").fetchall() == [("report",)]
