"""Rows changed by raw SQL to nonsense: that job is broken and says why, the others fire.

tests/executions/test_claim.py has what Django's fields let through; this is what only SQL can
write, and all of it through the real scheduler.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django_apscheduler.models import DjangoJob

from jobs.control.schedule import MARKER
from jobs.executions.revision import bump_revision
from jobs.models import Job, JobExecution, Status
from jobs.registry import scheduled_task
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.factories import make_job
from tests.runtime.runs import make_due
from tests.waiting import until

StartScheduler = Callable[..., SchedcoreScheduler]

POSTGRESQL = connection.vendor == "postgresql"
JOB, SCHEDULE = "jobs_job", "django_apscheduler_djangojob"
SOUND = ("a", "z")
"""Jobs whose ids come before and after those that go mad."""


def sql(table: str, job_id: str, expression: str) -> None:
    """As a person does it at the database's own prompt."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {expression} WHERE id = %s", [job_id])
        bump_revision()


def problem(job_id: str) -> str:
    """Read as text, because the rest of its row may be unreadable."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT problem FROM jobs_job WHERE id = %s", [job_id])
        (sentence,) = cursor.fetchone()
    return str(sentence)


def is_armed(job_id: str) -> bool:
    return DjangoJob.objects.filter(pk=job_id, next_run_time__isnull=False).exists()


def fires(*job_ids: str) -> None:
    """Make sound jobs due, and wait until they have run for that."""
    moment = make_due(*job_ids)
    done = JobExecution.objects.filter(
        job_id__in=job_ids, status=Status.SUCCEEDED, scheduled_for=moment
    )
    until(lambda: done.count() == len(job_ids))


def quick() -> None:
    pass


@pytest.fixture
def make(transactional_db: None) -> Callable[[str], Job]:
    scheduled_task(name="quick")(quick)

    def make(job_id: str) -> Job:
        return make_job(
            job_id, function="quick", trigger_type="interval", trigger_params={"hours": 1}
        )

    for job_id in SOUND:
        make(job_id)
    return make


JOB_NONSENSE = {
    "function = 'deleted_long_ago'": "deleted_long_ago",
    "function = ''": "No task named",
    "trigger_params = '[1, 2]'": "names and values",
    "trigger_params = '\"0 3 * * *\"'": "names and values",
    "trigger_params = 'null'": "names and values",
    "trigger_params = '7'": "names and values",
    "trigger_params = '{}'": "Say how often",
    "trigger_params = '{\"hours\": 1e308}'": "larger than can be scheduled",
    'trigger_params = \'{"hours": ' + "9" * 400 + "}'": "larger than can be scheduled",
    'trigger_params = \'{"hours": ' + "9" * 5000 + "}'": "integer string conversion",
    "trigger_params = '{\"hours\": -1}'": "“-1” is negative",
    "trigger_type = 'cron'": "no parameter “hours”",
    "timezone = 'Mars/Olympus'": "Mars/Olympus",
    "timezone = '../../../etc/passwd'": "passwd",
    "timezone = ' '": "not a time zone",
    "executor = 'gpu'": "no executor “gpu”",
    "executor = ''": "no executor",
    "args = '\"all\"'": "a list and an object",
    "args = 'null'": "a list and an object",
    "args = '[1]'": "quick",
    "kwargs = '[]'": "a list and an object",
    "kwargs = '{\"\": {}}'": "quick",
}
if POSTGRESQL:
    JOB_NONSENSE |= {"trigger_params = '" + "[" * 5000 + "]" * 5000 + "'": "recursion"}
else:  # which takes anything for any column
    JOB_NONSENSE |= {
        "misfire_grace_time = 9223372036854775807": "",
        "misfire_grace_time = 'soon'": "",
        "timeout = 'never'": "",
        "anchor = '2026-02-30 00:00:00'": "",
        "anchor = '0000-00-00 00:00:00'": "",
        "anchor = 'yesterday'": "",
    }


def test_job_rows_changed_to_nonsense_are_broken_and_say_why_and_the_others_fire(
    start_scheduler: StartScheduler, make: Callable[[str], Job]
) -> None:
    mad = {f"mad-{number}": text for number, text in enumerate(JOB_NONSENSE)}
    for job_id in mad:
        make(job_id)
    scheduler = start_scheduler()
    fires(*SOUND, *mad)  # so that it has looked at all jobs, and meets the nonsense when it is due
    for job_id, expression in mad.items():
        sql(JOB, job_id, expression)
    make_due(*mad)
    fires(*SOUND)
    until(lambda: JobExecution.objects.filter(status=Status.FAILED).count() == len(mad))
    said = {job_id: problem(job_id) for job_id in mad}
    assert {job_id for job_id, sentence in said.items() if not sentence} == set()
    for job_id, expression in mad.items():
        assert JOB_NONSENSE[expression] in said[job_id], expression
        row = JobExecution.objects.get(job_id=job_id, status=Status.FAILED)
        assert row.reason == said[job_id]
        assert not is_armed(job_id)
    assert not JobExecution.objects.unfinished().exists()
    scheduler.end(grace_s=5)
    successor = start_scheduler()  # which looks at all of them again, before they are due
    fires(*SOUND)
    fires(*SOUND)
    assert successor.faults.current == ""


HARMLESS = [
    "name = ''",
    "misfire_grace_time = 2147483647",
    "max_instances = 1000",
    "timeout = 2147483647",
    "anchor = '9999-12-31 23:59:59'",
    "anchor = '0001-01-01 00:00:00'",
    "version = 0",
    "is_paused = NOT is_paused",
]
if not POSTGRESQL:
    HARMLESS += ["timeout = 9223372036854775807", "coalesce = 'perhaps'"]


def test_numbers_at_the_limits_of_their_columns_are_no_nonsense(
    start_scheduler: StartScheduler, make: Callable[[str], Job]
) -> None:
    odd = {f"odd-{number}": text for number, text in enumerate(HARMLESS)}
    for job_id in odd:
        make(job_id)
    start_scheduler()
    for job_id, expression in odd.items():
        sql(JOB, job_id, expression)
    fires(*SOUND, *odd)
    assert {problem(job_id) for job_id in odd} == {""}
    assert JobExecution.objects.exclude(status=Status.SUCCEEDED).count() == 0


PAST = ["'0001-01-01 00:00:00'", "'1969-12-31 23:59:59'"]
FAR = ["'9999-12-31 23:59:59.999999'"]
if POSTGRESQL:
    UNREADABLE = ["'-infinity'", "'4713-01-01 BC'"]
    FAR += ["'infinity'", "'294276-12-31'"]
else:
    UNREADABLE = ["'2026-02-30 00:00:00'", "'0000-00-00 00:00:00'", "''", "-1", "0", "12.5"]
    FAR += ["'tomorrow'", "x'00ff'"]


@pytest.mark.parametrize("moment", UNREADABLE)
def test_a_next_run_that_is_no_moment_breaks_its_job_and_stops_no_other(
    start_scheduler: StartScheduler, make: Callable[[str], Job], moment: str
) -> None:
    make("mad")
    start_scheduler()
    fires(*SOUND)
    sql(SCHEDULE, "mad", f"next_run_time = {moment}")
    fires(*SOUND)
    assert "next run" in problem("mad")
    assert not is_armed("mad")
    row = JobExecution.objects.get(job_id="mad")
    assert (row.status, row.reason) == (Status.FAILED, problem("mad"))


def test_next_runs_that_are_no_moments_do_not_keep_a_new_leader_from_leading(
    start_scheduler: StartScheduler, make: Callable[[str], Job]
) -> None:
    for number, moment in enumerate(UNREADABLE + PAST + FAR):
        make(f"mad-{number}")
        sql(SCHEDULE, f"mad-{number}", f"next_run_time = {moment}")
    scheduler = start_scheduler()
    fires(*SOUND)
    fires(*SOUND)
    assert scheduler.faults.current == ""


def test_a_next_run_before_all_times_is_missed_and_the_job_goes_on(
    start_scheduler: StartScheduler, make: Callable[[str], Job]
) -> None:
    start_scheduler()
    for number, moment in enumerate(PAST):
        make(f"old-{number}")
        sql(SCHEDULE, f"old-{number}", f"next_run_time = {moment}")
    fires(*SOUND)
    for number in range(len(PAST)):
        missed = JobExecution.objects.get(job_id=f"old-{number}", status=Status.MISSED)
        assert missed.scheduled_for < datetime(1970, 1, 1, tzinfo=UTC)
        fires(f"old-{number}")


@pytest.mark.parametrize("moment", FAR)
def test_a_next_run_after_all_times_waits_and_a_manual_run_does_not(
    start_scheduler: StartScheduler, make: Callable[[str], Job], moment: str
) -> None:
    """Also when it is the only one, so that the loop reads it to know how long to sleep."""
    make("mad")
    start_scheduler()
    DjangoJob.objects.filter(pk__in=SOUND).update(next_run_time=None)
    sql(SCHEDULE, "mad", f"next_run_time = {moment}")
    fires("a")
    DjangoJob.objects.filter(pk="a").update(next_run_time=None)
    sql(JOB, "a", "name = 'Still here'")
    fires("z")
    assert not JobExecution.objects.filter(job_id="mad").exists()


def test_a_schedule_row_of_the_stock_library_is_neither_read_nor_run(
    start_scheduler: StartScheduler, make: Callable[[str], Job]
) -> None:
    """Pain 5: its pickle could be anything, and stays untouched."""
    pickle = b"\x80\x04cos\nsystem\n(S'exit 3'\ntR."
    DjangoJob.objects.create(pk="stock", next_run_time=datetime.now(UTC), job_state=pickle)
    DjangoJob.objects.filter(pk="a").update(job_state=pickle)
    start_scheduler()
    fires(*SOUND)
    assert bytes(DjangoJob.objects.get(pk="stock").job_state) == pickle
    assert not JobExecution.objects.filter(job_id="stock").exists()


def test_ten_thousand_jobs_whose_triggers_all_raise_are_broken_and_the_others_fire(
    start_scheduler: StartScheduler,
    make: Callable[[str], Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a bounded number of statements: a handful for each thousand."""
    count = 10_000
    now = datetime.now(UTC)
    ids = [f"bad-{number:05}" for number in range(count)]
    Job.objects.bulk_create(
        Job(
            id=job_id,
            name=job_id,
            function="quick",
            trigger_type="interval",
            trigger_params={"seconds": -1},
            anchor=now,
        )
        for job_id in ids
    )
    DjangoJob.objects.bulk_create(
        DjangoJob(pk=job_id, next_run_time=now + timedelta(days=1), job_state=MARKER)
        for job_id in ids
    )
    statements = counted_statements(monkeypatch)
    start_scheduler()
    fires(*SOUND)
    before = len(statements)
    make_due(*SOUND)
    with transaction.atomic():
        DjangoJob.objects.filter(pk__startswith="bad-").update(next_run_time=now)
        bump_revision()
    broken = Job.objects.exclude(problem="")
    until(lambda: broken.count() == count, deadline_s=60)
    needed = len(statements) - before
    assert JobExecution.objects.filter(status=Status.FAILED).count() == count
    assert needed < count / 20, "a statement for each job would be ten thousand"
    fires(*SOUND)
    assert not DjangoJob.objects.filter(pk__in=ids[:100], next_run_time__isnull=False).exists()


def counted_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement of the loops of schedulers that are started from now on."""
    statements: list[str] = []
    genuine = SchedcoreScheduler._main_loop

    def note(execute: Any, statement: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(statement)
        return execute(statement, params, many, context)

    def looped(self: SchedcoreScheduler) -> None:
        with connection.execute_wrapper(note):
            genuine(self)

    monkeypatch.setattr(SchedcoreScheduler, "_main_loop", looped)
    return statements
