"""An exception at every point of the loop in turn leaves a scheduler that still fires.

Each round is a busy time: an occurrence is due, another run is asked for, both say something
while they run. In every round one thing fails once; both runs get their verdict all the same,
none of them begins twice, and nothing is left running.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from jobs.models import JobExecution, Status, Tally
from jobs.registry import current_execution
from jobs.runtime import recorder as recorder_module
from jobs.runtime import repair as repair_module
from jobs.runtime import scheduler as scheduler_module
from jobs.runtime.agenda import Agenda
from jobs.runtime.lease import Membership
from jobs.runtime.recorder import Recorder
from jobs.runtime.report import Report
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.runtime.runs import make_due, run
from tests.runtime.sabotage import Saboteur
from tests.waiting import until

StartScheduler = Callable[..., SchedcoreScheduler]


def gone() -> Exception:
    return OperationalError("server closed the connection unexpectedly")


def unusable() -> Exception:
    return InterfaceError("connection already closed")


def a_bug() -> Exception:
    return RuntimeError("dictionary changed size during iteration")


class Rounds:
    """Busy times of one scheduler, and what is checked after each."""

    def __init__(self, make_job: Callable[..., Any]) -> None:
        self.begun: list[int | None] = []

        def busy() -> str:
            self.begun.append(current_execution().id)
            current_execution().progress(1, 2, "half way")
            current_execution().warn("said something")
            return "done"

        self.job = make_job(busy, max_instances=10)
        self.scheduler: SchedcoreScheduler | None = None

    def play(self) -> None:
        """One busy time, to its end."""
        asked = run(self.job)
        moment = make_due(self.job.pk)
        due = JobExecution.objects.filter(scheduled_for=moment, status=Status.SUCCEEDED)
        until(lambda: due.exists() and self._is_over(asked.pk))
        assert self.begun.count(asked.pk) == 1
        assert self.begun.count(due.get().pk) == 1
        assert len(set(self.begun)) == len(self.begun), "nothing began twice"
        assert set(JobExecution.objects.values_list("status", flat=True)) == {Status.SUCCEEDED}
        assert not JobExecution.objects.unreleased().exists()

    def _is_over(self, execution_id: int) -> bool:
        if self.scheduler is not None:
            self.scheduler.wakeup()  # it need not wait out its back-off
        row = JobExecution.objects.get(pk=execution_id)
        return row.is_finished and row.released_at is not None


@contextmanager
def told(what: str) -> Iterator[None]:
    """Which of many rounds it was that failed."""
    try:
        yield
    except AssertionError as error:
        error.add_note(f"in the round of {what}")
        raise


@pytest.fixture
def saboteur(monkeypatch: pytest.MonkeyPatch) -> Saboteur:
    saboteur = Saboteur()
    saboteur.install(monkeypatch)
    return saboteur


@pytest.fixture
def rounds(transactional_db: None, job: Callable[..., Any]) -> Rounds:
    return Rounds(job)


@pytest.mark.parametrize(("error", "step"), [(gone, 1), (unusable, 3), (a_bug, 3)])
def test_a_fault_at_every_statement_of_a_busy_time_in_turn(
    start_scheduler: StartScheduler,
    saboteur: Saboteur,
    rounds: Rounds,
    error: Callable[[], Exception],
    step: int,
) -> None:
    """Pain 3."""
    rounds.scheduler = start_scheduler()
    rounds.play()
    before = len(saboteur.statements)
    rounds.play()
    usual = len(saboteur.statements) - before
    for number in range(1, usual + 5, step):
        saboteur.at_statement(number, error)
        rounds.play()
        until(lambda: saboteur.struck)
    # How many statements a round has, and so which of them were struck, is not quite the same.
    for kind in ("INSERT INTO jobs_jobexecution", "UPDATE jobs_jobexecution"):
        saboteur.at_kind(kind, error)
        rounds.play()
        assert saboteur.struck
    rounds.play()
    assert rounds.scheduler.running
    until(lambda: not rounds.scheduler.faults.current)  # type: ignore[union-attr]


@pytest.mark.parametrize("commits_first", [False, True], ids=["refused", "answer-lost"])
@pytest.mark.parametrize("error", [gone, unusable, a_bug])
def test_a_fault_at_every_commit_of_a_busy_time_in_turn(
    start_scheduler: StartScheduler,
    saboteur: Saboteur,
    rounds: Rounds,
    error: Callable[[], Exception],
    commits_first: bool,
) -> None:
    """A commit whose answer is lost has happened or not; the loop cannot know."""
    rounds.scheduler = start_scheduler()
    rounds.play()
    before = saboteur.commits
    rounds.play()
    usual = saboteur.commits - before
    for number in range(1, usual + 3):
        saboteur.at_commit(number, error, commits_first=commits_first)
        rounds.play()
        until(lambda: saboteur.struck, deadline_s=5)
    rounds.play()
    rounds.scheduler.end(grace_s=5)
    counted = Tally.objects.filter(metric=Tally.VERDICT).values_list("label", "count")
    assert dict(counted) == {Status.SUCCEEDED: JobExecution.objects.count()}


@pytest.mark.parametrize(("error", "step"), [(gone, 1), (unusable, 3), (a_bug, 3)])
def test_a_fault_at_every_statement_of_a_start_in_turn(
    start_scheduler: StartScheduler,
    saboteur: Saboteur,
    rounds: Rounds,
    error: Callable[[], Exception],
    step: int,
) -> None:
    """From its first look to its first run it must come to lead, whatever fails once."""
    for number in range(1, 20, step):
        saboteur.at_statement(number, error)
        rounds.scheduler = start_scheduler()
        rounds.play()
        until(lambda: saboteur.struck, deadline_s=5)
        rounds.scheduler.end(grace_s=5)


@pytest.mark.parametrize("commits_first", [False, True], ids=["refused", "answer-lost"])
def test_a_fault_at_every_commit_of_a_start_in_turn(
    start_scheduler: StartScheduler, saboteur: Saboteur, rounds: Rounds, commits_first: bool
) -> None:
    """The lease may be taken without anybody knowing that it is."""
    for number in range(1, 8):
        saboteur.at_commit(number, gone, commits_first=commits_first)
        rounds.scheduler = start_scheduler()
        rounds.play()
        until(lambda: saboteur.struck, deadline_s=5)
        rounds.scheduler.end(grace_s=5)


@pytest.mark.parametrize("number", range(1, 7))
def test_a_fault_at_the_end_leaves_nothing_running_once_another_leads(
    start_scheduler: StartScheduler,
    saboteur: Saboteur,
    job: Callable[..., Any],
    gate: threading.Event,
    settings: Any,
    number: int,
) -> None:
    settings.SCHEDCORE = replace(settings.SCHEDCORE, lease_ttl_s=1.0)

    began = threading.Event()

    def deaf() -> None:
        began.set()
        gate.wait(60)

    def quick() -> None:
        pass

    deaf_job, quick_job = job(deaf), job(quick)
    first = start_scheduler()
    going = run(deaf_job)
    until(began.is_set)
    saboteur.at_statement(number, gone)
    with suppress(OperationalError):
        first.end(grace_s=0)
    waiting = run(quick_job)
    start_scheduler()
    until(lambda: not JobExecution.objects.unfinished().exists())
    assert JobExecution.objects.get(pk=going.pk).status == Status.INTERRUPTED
    assert JobExecution.objects.get(pk=waiting.pk).status == Status.SUCCEEDED


# --- Our own functions ---------------------------------------------------------------------


def called_by_the_loop() -> Iterator[tuple[Any, str]]:
    """Every function and method of ours that the loop calls by a name that can be replaced."""
    for module in (scheduler_module, recorder_module, repair_module):
        for name, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__.startswith("jobs."):
                yield module, name
    for owner in (SchedcoreScheduler, Agenda, Membership, Recorder, Report):
        for name, value in vars(owner).items():
            if inspect.isfunction(value) and not name.startswith("__"):
                yield owner, name


NOT_STRUCK = {
    # The loop itself, what begins and ends it, and what a fault is met with.
    (SchedcoreScheduler, "_main_loop"),
    (SchedcoreScheduler, "_process_jobs"),
    (SchedcoreScheduler, "_recover"),
    (SchedcoreScheduler, "_step_down"),
    (SchedcoreScheduler, "begin"),
    (SchedcoreScheduler, "end"),
    (Agenda, "expect_anything"),
    (Agenda, "expect_queued"),
    # Called by workers and by who wakes the loop.
    (SchedcoreScheduler, "wakeup"),
    (Recorder, "finish"),
    (Recorder, "release"),
    (Recorder, "progress"),
    (Recorder, "log"),
}

AT_A_BEAT = {"beat", "look", "judge", "_look_around", "_figures", "figures"}
"""Called some times in a TTL, and so perhaps not in a busy time."""

MUST_BE_STRUCK = AT_A_BEAT | {
    "claim_due",
    "hand_out",
    "next_due",
    "leading",
    "bounded",
    "flush",
    "write_verdicts",
    "write_logs",
    "write_progress",
    "release",
    "claimed",
    "finished",
    "_tick",
    "_hand_over",
    "_write_finished",
    "_wait_s",
}


@pytest.mark.parametrize(("error", "comes"), [(gone, "before"), (a_bug, "after")])
def test_a_fault_in_every_function_that_the_loop_calls_in_turn(
    start_scheduler: StartScheduler,
    rounds: Rounds,
    monkeypatch: pytest.MonkeyPatch,
    error: Callable[[], Exception],
    comes: str,
) -> None:
    """Before it has done anything, or when it has done all and only its answer is lost."""
    rounds.scheduler = start_scheduler()
    rounds.play()
    loop = rounds.scheduler._thread
    called = Called(loop)
    with monkeypatch.context() as patch:
        for owner, name in called_by_the_loop():
            patch.setattr(owner, name, called.counted(owner, name))
        rounds.play()
        until(lambda: {name for _owner, name in called.found} >= AT_A_BEAT)
    for owner, name in sorted(called.found - NOT_STRUCK, key=str):
        strike = Strike(getattr(owner, name), loop, error, is_late=comes == "after")
        with monkeypatch.context() as patch, told(f"{owner.__name__}.{name}"):
            patch.setattr(owner, name, lambda *args, strike=strike, **kwargs: strike(args, kwargs))
            rounds.play()
            until(lambda strike=strike: strike.is_done)
    rounds.play()
    assert {name for _owner, name in called.found} >= MUST_BE_STRUCK
    assert rounds.scheduler.running


class Called:
    """Which functions the loop's thread has called."""

    def __init__(self, loop: Any) -> None:
        self.found: set[tuple[Any, str]] = set()
        self._loop = loop

    def counted(self, owner: Any, name: str) -> Any:
        genuine = getattr(owner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is self._loop:
                self.found.add((owner, name))
            return genuine(*args, **kwargs)

        return call


class Strike:
    """A function that raises at its first call by the loop, early or late, and then works."""

    def __init__(
        self, genuine: Any, loop: Any, error: Callable[[], Exception], *, is_late: bool
    ) -> None:
        self.is_done = False
        self._genuine, self._loop, self._error, self._is_late = genuine, loop, error, is_late

    def __call__(self, args: Any, kwargs: Any) -> Any:
        if self.is_done or threading.current_thread() is not self._loop:
            return self._genuine(*args, **kwargs)
        self.is_done = True
        if self._is_late:
            self._genuine(*args, **kwargs)
        raise self._error()
