"""A leader that is cut off from the database while the standby is not: a partition of the
network, in which it lives and does not know."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection

from jobs.control import execution as execution_control
from jobs.control import job as job_control
from jobs.models import JobExecution, SchedulerLease, Status
from tests.chaos.conftest import RunScheduler
from tests.chaos.faults import wait
from tests.chaos.ledger import read_notes
from tests.chaos.population import ACTOR, every_second, plant
from tests.chaos.processes import TTL_S
from tests.chaos.test_failover import SLACK_S, epoch, leads, ran, settle
from tests.runtime.proxy import Proxy
from tests.waiting import until

CUT_OFF_S = float(os.environ.get("CHAOS_AWAY_S", 3 * TTL_S))

pytestmark = [
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite is a file of the host"),
    pytest.mark.timeout(120 + 3 * CUT_OFF_S),
]


@pytest.fixture
def network(transactional_db: None) -> Iterator[Proxy]:
    """Between one of the schedulers and the database."""
    settings = connection.settings_dict
    made = Proxy(settings["HOST"] or "127.0.0.1", int(settings["PORT"] or 5432))
    made.start()
    yield made
    made.stop()


def begin(job_id: str, folder: Path) -> JobExecution:
    """A run that goes on until the test lets it end."""
    job_control.create(
        {
            "id": job_id,
            "name": job_id,
            "function": "chaos.wait",
            "trigger_type": "cron",
            "trigger_params": {"cron_expression": "0 3 1 1 *"},
            "kwargs": {"file": str(folder / "begun"), "end": str(folder / f"end-{job_id}")},
        },
        actor=ACTOR,
    )
    return execution_control.run_now(job_id, actor=ACTOR)


def comes_back(network: Proxy) -> None:
    """What was on its way, arrives late: the server's answers, and the scheduler's statements."""
    network.is_silent = False


def comes_back_without_memory(network: Proxy) -> None:
    """The connections are broken, so that it has to connect again."""
    network.forget()
    network.is_silent = False


@pytest.mark.parametrize("heal", [comes_back, comes_back_without_memory])
def test_a_leader_that_was_cut_off_dispatches_nothing_and_its_late_verdicts_are_discarded(
    run_scheduler: RunScheduler,
    chaos_tasks: None,
    network: Proxy,
    notes_file: Path,
    tmp_path: Path,
    heal: Callable[[Proxy], None],
) -> None:
    names = ["every-second", *(f"crowd-{number:02}" for number in range(40))]
    first_due = plant(every_second(name, notes_file) for name in names)
    settings = connection.settings_dict
    url = f"postgres://{settings['USER']}@127.0.0.1:{network.port}/{settings['NAME']}"
    leader = run_scheduler(url=url)
    leader.says("leader")
    until(lambda: ran(1))
    standby = run_scheduler()
    standby.says("standby")
    going = [begin("short", tmp_path), begin("long", tmp_path)]
    until(lambda: len(read_notes(tmp_path / "begun")) == len(going))

    network.is_silent = True
    until(leads(standby), deadline_s=TTL_S * 2 + SLACK_S)
    before = epoch()
    taken_at = SchedulerLease.objects.get().acquired_at
    (tmp_path / "end-short").touch()  # and "long" goes on
    given_up = until(lambda: interrupted(going))
    wait(CUT_OFF_S)
    heal(network)

    leader.says("taken for dead by another scheduler", deadline_s=60.0)
    back = datetime.now(UTC)
    until(lambda: len(set(succeeded_since(back))) == len(names))
    assert epoch() == before
    assert leads(standby)()
    began_last = max(note.at for note in read_notes(notes_file) if note.pid == leader.pid)
    assert began_last < taken_at
    settle(first_due, notes_file, leader, standby)
    assert interrupted(going) == given_up, "what the old leader had to say came too late"


def succeeded_since(moment: datetime) -> list[str]:
    """The jobs of which a run has succeeded that was due after `moment`."""
    found = JobExecution.objects.filter(status=Status.SUCCEEDED, scheduled_for__gt=moment)
    return list(found.values_list("job_id", flat=True))


def interrupted(executions: list[JobExecution]) -> list[tuple[datetime, datetime, str]] | None:
    """When each was ended and released, and why; None as long as they are not."""
    ids = [execution.pk for execution in executions]
    found = JobExecution.objects.filter(pk__in=ids, status=Status.INTERRUPTED)
    rows = list(found.order_by("pk").values_list("finished_at", "released_at", "reason"))
    return rows if len(rows) == len(executions) else None
