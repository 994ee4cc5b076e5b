"""The database goes away while jobs run, and comes back: the scheduler outlives it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from psycopg.rows import class_row

from jobs.health.report import health
from jobs.models import JobExecution
from tests.chaos.conftest import RunScheduler
from tests.chaos.faults import held_write_lock, wait
from tests.chaos.ledger import Row, Window, offences, read_notes
from tests.chaos.population import assert_accounted_for, every_second, pause, plant
from tests.chaos.processes import (
    ROOT,
    SchedulerProcess,
    database_file,
    environment,
    start_scheduler,
)
from tests.chaos.server import Server, find_binaries, own_server
from tests.waiting import until

AWAY_S = float(os.environ.get("CHAOS_AWAY_S", "8"))
"""How long the database is away: four times the TTL here, 30 s in `make chaos`."""

FROZEN_S = min(AWAY_S, 20.0)
"""A loop that hangs for longer than 30 s is ended by the watchdog, for it cannot know why."""

BACK_S = 30.0
"""By when everything works again afterwards."""

NAP_S = 3.0

IMPATIENT = {"DJANGO_SETTINGS_MODULE": "tests.chaos.settings_impatient"}

MOST_COMPLAINTS = 8
"""Lines that one thing that goes wrong for a long time may take."""

HEALTH = """
import json
from jobs.executions.database import database_now
from jobs.health.report import health
print(json.dumps(health(database_now()), default=str))
"""

_numbers = count(1)

pytestmark = [
    pytest.mark.timeout(120 + 3 * AWAY_S),
    pytest.mark.skipif(
        settings.DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3",
        reason="has databases of its own, and runs beside the tests on SQLite",
    ),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    binaries = find_binaries()
    if binaries is None:
        reason = "there is no initdb"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with own_server(binaries) as server:
        manage("migrate", "--verbosity=0", url=server.url("postgres"))
        yield server


def manage(*arguments: str, url: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(url, **variables),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


class Away:
    """Schedulers on a database of the test's own server, with two jobs due every second."""

    def __init__(self, server: Server, folder: Path, name: str) -> None:
        self.server = server
        self.url = server.url(name)
        self.name = name
        self.notes_file = folder / "notes"
        self.schedulers: list[SchedulerProcess] = []
        self._folder = folder
        with server.connect("template1") as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE postgres")

    def plant(self) -> None:
        definitions = [
            every_second("quick", self.notes_file, misfire_grace_time=2),
            every_second("napping", self.notes_file, nap_s=NAP_S),
        ]
        for definition in definitions:
            definition["enabled"], definition["description"] = True, ""
        file = self._folder / "jobs.yaml"
        file.write_text(yaml.safe_dump({"default_tasks": definitions}))
        manage("loadtasks", url=self.url, SCHEDCORE_TASKS_FILE=str(file))
        self._first_due = self._next_runs()

    def start(self) -> SchedulerProcess:
        output_file = self._folder / f"scheduler-{len(self.schedulers)}.log"
        # So that also a short outage is one that the loop meets with an error.
        impatient = {"SCHEDCORE_DB_POOL_TIMEOUT": "1"}
        self.schedulers.append(start_scheduler(output_file, url=self.url, **impatient))
        self.schedulers[-1].begins()
        return self.schedulers[-1]

    def rows(self) -> list[Row]:
        columns = ", ".join(Row._fields)
        with (
            self.server.connect(self.name) as found,
            found.cursor(row_factory=class_row(Row)) as cursor,
        ):
            cursor.execute(
                f"SELECT {columns} FROM jobs_jobexecution "
                "WHERE job_id IN ('quick', 'napping') ORDER BY id"
            )
            return cursor.fetchall()

    def ran_since(self, moment: datetime) -> bool:
        """A run of the quick job that was due after `moment` has succeeded."""
        return any(
            row.job_id == "quick" and row.status == "succeeded" and row.scheduled_for > moment
            for row in self.rows()
        )

    def going(self) -> Row | None:
        """The run of the napping job that is going on."""
        rows = (row for row in self.rows() if row.status == "running")
        return next((row for row in rows if row.job_id == "napping"), None)

    def health(self) -> dict[str, Any]:
        """What health says at this moment."""
        answer = manage("shell", "--no-imports", "--command", HEALTH, url=self.url)
        found: dict[str, Any] = json.loads(answer.splitlines()[-1])
        return found

    def end(self) -> list[Row]:
        """Stop everybody, and hold the history against what the tasks wrote down."""
        for scheduler in self.schedulers:
            assert scheduler.stop() == 0, scheduler.output
        next_runs = self._next_runs()
        windows = {
            job_id: Window(first, next_runs[job_id]) for job_id, first in self._first_due.items()
        }
        rows = self.rows()
        found = offences(rows, read_notes(self.notes_file), windows)
        assert not found, "\n".join([*found, *(scheduler.output for scheduler in self.schedulers)])
        return rows

    def _next_runs(self) -> dict[str, datetime]:
        with self.server.connect(self.name) as found:
            cursor = found.execute(
                "SELECT id, next_run_time FROM django_apscheduler_djangojob "
                "WHERE id IN ('quick', 'napping')"
            )
            return {job_id: at.astimezone(UTC) for job_id, at in cursor.fetchall()}


@pytest.fixture
def away(server: Server, tmp_path: Path) -> Iterator[Away]:
    away = Away(server, tmp_path, f"away_{next(_numbers)}")
    away.plant()
    yield away
    for scheduler in away.schedulers:
        if scheduler.is_running:
            scheduler.kill()


def goes_on(away: Away) -> None:
    """It runs what is due from now on."""
    back = datetime.now(UTC)
    until(lambda: away.ran_since(back), deadline_s=BACK_S)


def complaints(scheduler: SchedulerProcess, *levels: str) -> list[str]:
    return [line for line in scheduler.output.splitlines() if any(f" {x} " in line for x in levels)]


def test_a_server_that_crashes_and_comes_back_ends_no_process_and_no_run(away: Away) -> None:
    """Also not those of the other scheduler, which is as silent as everybody meanwhile."""
    first, second = away.start(), away.start()
    before = until(away.going)
    away.server.stop()
    wait(AWAY_S)
    assert first.is_running
    assert second.is_running
    away.server.start()
    goes_on(away)
    rows = away.end()
    (nap,) = (row for row in rows if row.id == before.id)
    assert nap.status == "succeeded", "its result was kept and written afterwards"
    assert not [row for row in rows if row.status in ("interrupted", "failed")]
    missed = [row for row in rows if row.job_id == "quick" and row.status == "missed"]
    assert sum(row.occurrence_count for row in missed) >= AWAY_S - 5, "2 s of grace"


def test_what_is_wrong_is_said_once_and_so_is_that_it_is_over(away: Away) -> None:
    scheduler = away.start()
    until(away.going)
    away.server.stop()
    until(lambda: "The scheduler's step failed" in scheduler.output, deadline_s=BACK_S)
    wait(AWAY_S)
    away.server.start()
    scheduler.says("The scheduler works again", deadline_s=BACK_S)
    said = complaints(scheduler, "WARNING", "ERROR", "CRITICAL")
    assert any("connection" in line for line in said), said
    assert "Traceback" not in scheduler.output
    assert len(said) <= MOST_COMPLAINTS, "\n".join(said)
    away.end()


def test_health_tells_afterwards_what_was_wrong_and_when(away: Away) -> None:
    scheduler = away.start()
    assert not away.health()["warnings"]
    away.server.stop()
    scheduler.says("The scheduler's step failed", deadline_s=BACK_S)
    away.server.start()
    scheduler.says("The scheduler works again", deadline_s=BACK_S)

    def told() -> bool:
        return any("connection" in warning["message"] for warning in away.health()["warnings"])

    until(told)
    assert away.health()["status"] == "warning"
    away.end()


def test_a_server_that_is_frozen_ends_no_process_and_no_run(away: Away) -> None:
    first, second = away.start(), away.start()
    before = until(away.going)
    away.server.freeze()
    try:
        wait(FROZEN_S)
        assert first.is_running
        assert second.is_running
    finally:
        away.server.thaw()
    goes_on(away)
    rows = away.end()
    (nap,) = (row for row in rows if row.id == before.id)
    assert nap.status == "succeeded"
    assert not [row for row in rows if row.status in ("interrupted", "failed")]


def test_connections_that_are_killed_one_by_one_while_jobs_run_cost_nothing(away: Away) -> None:
    scheduler = away.start()
    until(away.going)
    killed = 0
    for _round in range(5):
        with away.server.connect() as admin:
            backends = admin.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                [away.name],
            ).fetchall()
            for (pid,) in backends:
                admin.execute("SELECT pg_terminate_backend(%s)", [pid])
                killed += 1
        goes_on(away)
    assert killed >= 10
    assert scheduler.is_running
    rows = away.end()
    assert not [row for row in rows if row.status in ("interrupted", "failed")]


def plant_two(notes_file: Path) -> dict[str, datetime]:
    return plant(
        [
            every_second("quick", notes_file, misfire_grace_time=2),
            every_second("napping", notes_file, nap_s=NAP_S),
        ]
    )


def settle(first_due: dict[str, datetime], file: Path, *schedulers: SchedulerProcess) -> None:
    """Everything works again, and nothing was lost."""
    back = datetime.now(UTC)
    succeeded = JobExecution.objects.filter(job_id="quick", status="succeeded")
    until(lambda: succeeded.filter(scheduled_for__gt=back).exists(), deadline_s=BACK_S)
    windows = pause(first_due)
    until(lambda: not JobExecution.objects.unfinished().exists(), deadline_s=BACK_S)
    for scheduler in schedulers:
        assert scheduler.stop() == 0, scheduler.output
    assert_accounted_for(windows, file)
    assert not JobExecution.objects.filter(status__in=["interrupted", "failed"]).exists()


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({}, id="waiting for the lock"),
        pytest.param(IMPATIENT, id="meeting an error"),
    ],
)
def test_a_foreign_writer_that_locks_sqlite_ends_no_process_and_no_run(
    run_scheduler: RunScheduler, notes_file: Path, variables: dict[str, str]
) -> None:
    """Pain 12."""
    first_due = plant_two(notes_file)
    first, second = run_scheduler(**variables), run_scheduler(**variables)
    first.begins()
    second.begins()
    going = JobExecution.objects.filter(job_id="napping", status="running")
    until(going.exists)
    nap = going.get().pk
    with held_write_lock(database_file()):
        wait(AWAY_S)
        assert first.is_running
        assert second.is_running
    settle(first_due, notes_file, first, second)
    assert JobExecution.objects.get(pk=nap).status == "succeeded"


def test_that_sqlite_is_locked_is_said_once_in_the_log_and_told_by_health(
    run_scheduler: RunScheduler, notes_file: Path
) -> None:
    """Pain 12: and so is that it is over."""
    first_due = plant_two(notes_file)
    scheduler = run_scheduler(**IMPATIENT)
    until(JobExecution.objects.filter(status="succeeded").exists)

    def told() -> dict[str, str]:
        return {w["code"]: w["message"] for w in health(datetime.now(UTC))["warnings"]}

    assert told() == {}
    with held_write_lock(database_file()):
        scheduler.says("The scheduler's step failed", deadline_s=BACK_S)
        until(lambda: "leader_silent" in told())  # it cannot write more than that
        wait(AWAY_S)
        assert scheduler.is_running
    scheduler.says("The scheduler works again", deadline_s=BACK_S)
    until(lambda: "database is locked" in told().get("scheduler_faulted", ""))
    assert "leader_silent" not in told()
    said = complaints(scheduler, "WARNING", "ERROR", "CRITICAL")
    assert sum("database is locked" in line for line in said) >= 1, said
    assert len(said) <= MOST_COMPLAINTS, "\n".join(said)
    assert "Traceback" not in scheduler.output
    settle(first_due, notes_file, scheduler)
