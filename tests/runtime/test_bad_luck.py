"""Tasks that misbehave, beyond what test_scheduler.py tells of their results and errors.

Rows that make no sense are in test_nonsense.py.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, connections, transaction

from jobs.control import job as job_control
from jobs.models import ExecutionLog, Job, JobExecution, Status
from jobs.registry import current_execution
from jobs.runtime import capture
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.factories import ACTOR, make_job
from tests.runtime.runs import finished, make_due, run
from tests.waiting import until

StartScheduler = Callable[..., SchedcoreScheduler]
MakeJob = Callable[..., Job]


def released(execution: JobExecution) -> bool:
    return JobExecution.objects.get(pk=execution.pk).released_at is not None


def test_a_task_that_logs_ten_megabytes_is_cut_and_holds_up_nobody(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    """10,000 lines of a kilobyte; of them at most a megabyte is kept, and the cut is said."""
    logger = logging.getLogger("tests.chatty")
    logger.propagate = False  # or this test's own report would hold all of it
    leave = capture.install()

    def chatty() -> str:
        for _line in range(10_000):
            logger.info("x" * 1024)
        return "said it all"

    def quick() -> str:
        return "quick"

    try:
        start_scheduler()
        loud = run(job(chatty))
        quiet = run(job(quick))
        assert finished(quiet).result == "quick"
        assert finished(loud).result == "said it all"
    finally:
        leave()
        logger.propagate = True
    lines = ExecutionLog.objects.filter(execution_id=loud.pk)
    until(lambda: lines.filter(message__contains="cut here").exists())
    assert lines.count() <= 10_000
    assert sum(len(message) for message in lines.values_list("message", flat=True)) <= 1_000_000
    assert not ExecutionLog.objects.filter(execution_id=quiet.pk).exists()


def test_a_task_that_never_ends_keeps_one_slot_and_no_other(
    start_scheduler: StartScheduler, job: MakeJob, gate: threading.Event
) -> None:
    """Without a timeout it goes on; the others run, and it can be ended by a cancellation."""

    def endless() -> None:
        gate.wait(60)

    def quick() -> None:
        pass

    scheduler = start_scheduler()
    stuck = run(job(endless))
    quick_job = job(quick, max_instances=50)
    until(lambda: JobExecution.objects.get(pk=stuck.pk).status == Status.RUNNING)
    for _number in range(20):
        assert finished(run(quick_job)).status == Status.SUCCEEDED
    make_due("endless")
    skipped = until(lambda: JobExecution.objects.filter(status=Status.SKIPPED).first())
    assert skipped.job_id == "endless"
    assert scheduler.end(grace_s=0.1) == 1
    stuck.refresh_from_db()
    assert stuck.status == Status.INTERRUPTED
    assert not JobExecution.objects.unfinished().exists()


def test_a_task_that_closes_its_connection_harms_neither_itself_nor_the_next(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    """Pain 11."""

    def closes() -> int:
        users = get_user_model().objects.count()
        connections.close_all()
        return users

    def closes_the_driver_s() -> None:
        get_user_model().objects.count()
        connection.connection.close()

    def counts() -> int:
        return get_user_model().objects.count()

    start_scheduler()
    closing, breaking, counting = job(closes), job(closes_the_driver_s), job(counts)
    for _round in range(6):  # more than there are worker threads
        assert finished(run(closing)).result == 0
        assert finished(run(breaking)).status == Status.SUCCEEDED
        assert finished(run(counting)).result == 0


def test_a_task_that_breaks_its_transaction_fails_alone(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    """Pain 11."""

    def breaks() -> None:
        with transaction.atomic():
            get_user_model().objects.create(username="half")
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM nowhere")

    def leaves_autocommit_off() -> None:
        transaction.set_autocommit(False)
        get_user_model().objects.create(username="half")

    def counts() -> int:
        return get_user_model().objects.filter(username="half").count()

    start_scheduler()
    breaking, leaving, counting = job(breaks), job(leaves_autocommit_off), job(counts)
    assert finished(run(breaking)).status == Status.FAILED
    assert "nowhere" in JobExecution.objects.get(job_id="breaks").error
    finished(run(leaving))
    for _round in range(6):
        assert finished(run(counting)).result == 0


def test_threads_that_outlive_their_task_say_nothing_for_it_and_hold_up_nothing(
    start_scheduler: StartScheduler, job: MakeJob, gate: threading.Event
) -> None:
    said_late = threading.Event()

    def starts_a_thread() -> str:
        execution = current_execution()
        execution.warn("said in time")

        def outlive() -> None:
            gate.wait(60)
            execution.warn("said too late")
            execution.progress(1, 2, "said too late")
            said_late.set()

        threading.Thread(target=outlive, daemon=True).start()
        return "went home"

    scheduler = start_scheduler()
    row = finished(run(job(starts_a_thread)))
    assert (row.result, row.warning) == ("went home", "said in time")
    assert row.released_at is not None
    gate.set()
    assert said_late.wait(20)
    assert scheduler.end(grace_s=5) == 0
    row.refresh_from_db()
    assert (row.warning, row.progress_message) == ("said in time", "")
    messages = ExecutionLog.objects.filter(execution=row).values_list("message", flat=True)
    assert list(messages) == ["said in time"]


def test_a_thread_that_outlives_its_task_keeps_its_connection_to_itself(
    start_scheduler: StartScheduler, job: MakeJob, gate: threading.Event
) -> None:
    """Pain 11: it holds a transaction open, on a connection of its own."""
    holding, let_go = threading.Event(), threading.Event()

    def leaves_a_reader() -> None:
        def read() -> None:
            try:
                connection.set_autocommit(False)
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
                holding.set()
                gate.wait(60)
            finally:
                connection.close()
                let_go.set()

        threading.Thread(target=read, daemon=True).start()
        assert holding.wait(10)

    def writes() -> None:
        get_user_model().objects.get_or_create(username="written")

    start_scheduler()
    leaving, writing = job(leaves_a_reader), job(writes)
    try:
        assert finished(run(leaving)).status == Status.SUCCEEDED
        assert finished(run(writing)).status == Status.SUCCEEDED
    finally:
        gate.set()
        assert let_go.wait(20)
    assert get_user_model().objects.filter(username="written").exists()


def test_two_jobs_of_one_function_are_two_jobs(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    def shared(*, region: str) -> str:
        return f"{current_execution().job_id} of {region}"

    job(shared, id="east", kwargs={"region": "east"})
    make_job("west", function="shared", kwargs={"region": "west"})
    start_scheduler()
    moment = make_due("east", "west")
    until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).count() == 2)
    found = JobExecution.objects.order_by("job_id").values_list("job_id", "result", "scheduled_for")
    assert list(found) == [
        ("east", "east of east", moment),
        ("west", "west of west", moment),
    ]


def test_every_worker_may_be_struck_at_once_and_all_go_on(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    """SystemExit or KeyboardInterrupt in a thread would end it, and a pool with it."""

    class Rude(BaseException):
        def __str__(self) -> str:
            raise SystemExit(4)

        __repr__ = __str__

    def leaves() -> None:
        raise Rude

    def quick() -> None:
        pass

    scheduler = start_scheduler()
    rude, polite = job(leaves, max_instances=100), job(quick)
    rows = [run(rude) for _number in range(3 * 5)]
    for row in rows:
        assert finished(row).status == Status.FAILED
        assert "Rude" in row.error
        until(lambda row=row: released(row))
    assert finished(run(polite)).status == Status.SUCCEEDED
    assert scheduler.running


def test_a_task_that_disposes_of_the_row_of_its_own_run_harms_no_other(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    def vanishes() -> None:
        JobExecution.objects.filter(pk=current_execution().id).delete()

    def quick() -> None:
        pass

    start_scheduler()
    vanishing, polite = job(vanishes), job(quick)
    run(vanishing)
    until(lambda: not JobExecution.objects.exists())
    assert finished(run(polite)).status == Status.SUCCEEDED


def test_a_task_that_changes_its_own_job_is_obeyed(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    def retires() -> None:
        job_control.delete(str(current_execution().job_id), actor=ACTOR)

    made = job(retires)
    start_scheduler()
    make_due(made.pk)
    row = until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).first())
    assert row.job_name == made.name
    assert not Job.objects.filter(pk=made.pk).exists()


def test_a_database_error_of_the_task_is_the_task_s_and_not_the_scheduler_s(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    def unlucky() -> None:
        raise OperationalError("server closed the connection unexpectedly")

    scheduler = start_scheduler()
    row = finished(run(job(unlucky)))
    assert row.status == Status.FAILED
    assert "server closed the connection" in row.error
    assert not scheduler.faults.current
