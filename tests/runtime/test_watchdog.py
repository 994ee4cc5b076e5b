"""A loop that hangs or has died ends its process; a database that is silent does not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections

from jobs.control import execution as execution_control
from jobs.models import JobExecution, Status
from jobs.runtime import watchdog as watchdog_module
from jobs.runtime.pulse import Pulse
from jobs.runtime.systemd import Notifier
from jobs.runtime.watchdog import STUCK, Watchdog
from tests.chaos.processes import ROOT
from tests.factories import ACTOR, make_job
from tests.runtime.proxy import Proxy
from tests.runtime.watched.processes import RunScheduler, watched_schedulers
from tests.waiting import until

postgresql_only = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite has no server that could fall silent"
)


class Loop:
    """A loop that has been silent for so long."""

    def __init__(self, stuck_for_s: float) -> None:
        self.stuck_for_s = stuck_for_s
        self.pulse: Any = SimpleNamespace(is_connecting=False, cut=self._cut)
        self.cuts = 0

    def _cut(self) -> bool:
        self.cuts += 1
        return True


def watchdog(loop: Loop, **options: Any) -> Watchdog:
    """One that has been awake for an hour."""
    made = Watchdog(loop, Notifier(""), status=lambda: "leader", **options)
    made._awake_since -= 3600
    return made


# -- The judgement ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("silent_s", "works", "cuts"),
    [(0.0, True, 0), (11.0, True, 0), (13.0, True, 1), (24.0, True, 1), (26.0, False, 0)],
)
def test_a_silent_loop_is_first_cut_off_and_then_given_up(
    silent_s: float, works: bool, cuts: int
) -> None:
    loop = Loop(silent_s)
    assert watchdog(loop).look() is works
    assert loop.cuts == cuts


def test_a_dead_loop_is_given_up_at_once() -> None:
    loop = Loop(float("inf"))
    assert not Watchdog(loop, Notifier(""), status=str).look()


def test_a_loop_that_looks_for_its_server_is_given_more_time() -> None:
    loop = Loop(100.0)
    loop.pulse.is_connecting = True
    assert watchdog(loop).look()
    loop.stuck_for_s = 121.0
    assert not watchdog(loop).look()


def test_a_process_that_stood_still_as_a_whole_gives_its_loop_time_anew() -> None:
    loop = Loop(60.0)
    watching = watchdog(loop)
    watching._last_look -= 60
    assert watching.look()
    watching._awake_since -= 26
    assert not watching.look()


def test_a_stuck_process_ends_within_thirty_seconds_but_not_while_it_waits_for_a_lock() -> None:
    latest = watchdog_module.STUCK_AFTER_S + watchdog_module.LOOK_S + watchdog_module.LAST_WORDS_S
    assert latest < 30
    if connection.vendor == "sqlite":
        lock_timeout_s = project_settings.DATABASES[DEFAULT_DB_ALIAS]["OPTIONS"]["timeout"]
        assert lock_timeout_s < watchdog_module.STUCK_AFTER_S


def test_what_hangs_in_a_log_handler_does_not_keep_the_process(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As when nobody reads its standard error."""
    let_go = threading.Event()
    monkeypatch.setattr(watchdog_module, "LAST_WORDS_S", 0.2)
    monkeypatch.setattr(watchdog_module.logger, "critical", lambda *_a, **_k: let_go.wait(60))
    codes: list[int] = []
    watchdog_module.give_up("stuck", codes.append)
    let_go.set()
    assert codes == [STUCK]
    assert "test_watchdog.py" in capfd.readouterr().err


def test_the_stacks_are_told_though_the_system_has_no_files_in_memory(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(_name: str) -> int:
        raise OSError("not permitted")

    monkeypatch.setattr(os, "memfd_create", refuse, raising=False)
    watchdog_module.give_up("stuck", lambda code: None)
    assert "test_watchdog.py" in capfd.readouterr().err


# -- The pulse ----------------------------------------------------------------------------


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Any:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("jobs.runtime.pulse.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_a_loop_is_silent_from_its_last_sign_or_from_the_end_of_its_rest(monotonic: Any) -> None:
    pulse = Pulse()
    assert pulse.silent_s == 0.0
    pulse.beat()
    monotonic.now += 7
    assert pulse.silent_s == 7.0
    pulse.rest(5.0)
    monotonic.now += 5
    assert pulse.silent_s == 0.0
    monotonic.now += 2
    assert pulse.silent_s == 2.0


def in_thread(work: Callable[[], None]) -> None:
    """With a database connection of its own."""

    def work_and_close() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=work_and_close)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_each_statement_is_a_sign_of_life_and_a_step_that_waits_often_is_not_stuck(
    monotonic: Any,
) -> None:
    pulse = Pulse()
    silences: list[float] = []

    def step() -> None:
        pulse.watch(connections[DEFAULT_DB_ALIAS])
        for _statement in range(5):
            monotonic.now += 19
            JobExecution.objects.count()
            silences.append(pulse.silent_s)

    in_thread(step)
    assert silences == [0.0] * 5


@pytest.mark.django_db(transaction=True)
def test_it_knows_when_the_loop_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    pulse = Pulse()
    seen: list[bool] = []
    wrapper_class = type(connections[DEFAULT_DB_ALIAS])
    genuine = wrapper_class.get_new_connection

    def connect(wrapper: Any, parameters: Any) -> Any:
        seen.append(pulse.is_connecting)
        return genuine(wrapper, parameters)

    monkeypatch.setattr(wrapper_class, "get_new_connection", connect)

    def step() -> None:
        pulse.watch(connections[DEFAULT_DB_ALIAS])
        JobExecution.objects.count()

    in_thread(step)
    assert seen == [True]
    assert not pulse.is_connecting


@pytest.mark.django_db(transaction=True)
def test_there_is_nothing_to_cut_before_the_loop_is_connected_and_on_sqlite() -> None:
    pulse = Pulse()
    assert not pulse.cut()
    if connection.vendor == "sqlite":
        in_thread(lambda: (pulse.watch(connection), connection.ensure_connection()))  # type: ignore[arg-type]
        assert not pulse.cut()


@postgresql_only
@pytest.mark.django_db(transaction=True)
def test_a_cut_ends_the_statement_that_waits_and_the_next_one_works() -> None:
    pulse = Pulse()
    errors: list[str] = []

    def step() -> None:
        pulse.watch(connections[DEFAULT_DB_ALIAS])
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (backend,) = cursor.fetchone()
            threading.Timer(0.1, pulse.cut).start()
            try:
                cursor.execute("SELECT pg_sleep(60)")
            except OperationalError as error:
                errors.append(str(error))
        connection.close()
        with connection.cursor() as cursor:  # the server has not noticed that nobody listens
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [backend])
            assert cursor.fetchone() == (True,)

    in_thread(step)
    assert len(errors) == 1


@postgresql_only
@pytest.mark.django_db(transaction=True)
def test_the_loop_does_not_wait_for_the_pool() -> None:
    """Whose connections are tried before they are lent, where nobody could cut that trial."""
    pulse = Pulse()
    pooled: list[bool] = []

    def step() -> None:
        wrapper: Any = connections[DEFAULT_DB_ALIAS]
        pulse.watch(wrapper)
        pooled.append(wrapper.pool is not None)
        JobExecution.objects.count()

    in_thread(step)
    assert pooled == [False]
    assert connection.settings_dict["OPTIONS"]["pool"], "that of the others stays"


# -- Real processes -----------------------------------------------------------------------


@pytest.fixture
def run_scheduler(transactional_db: None, tmp_path: Path) -> Iterator[RunScheduler]:
    with watched_schedulers(tmp_path, QUICK="yes") as start:
        yield start


@pytest.mark.parametrize("what", ["hangs", "dies"])
def test_a_loop_that_hangs_or_dies_ends_its_process_with_the_stacks_of_all_threads(
    run_scheduler: RunScheduler, what: str
) -> None:
    scheduler = run_scheduler(LOOP=what)
    assert scheduler.process.wait(60) == STUCK
    assert "hangs or has died" in scheduler.output
    assert "in _wait\n" in scheduler.output, "the main thread"
    assert "in _work\n" in scheduler.output, "the workers"
    assert ("watched/apps.py" in scheduler.output) is (what == "hangs"), "the loop, if there is one"


def test_a_process_that_stood_still_longer_than_its_loop_may_goes_on_unharmed(
    run_scheduler: RunScheduler,
) -> None:
    scheduler = run_scheduler()
    scheduler.says("leader")
    scheduler.freeze()
    thaws_at = time.monotonic() + 6.0  # more than it gives its loop, see `QUICK`
    until(lambda: time.monotonic() > thaws_at)
    scheduler.thaw()
    make_job("after", function="cleanup_logs")
    row = execution_control.run_now("after", actor=ACTOR)
    until(lambda: JobExecution.objects.get(pk=row.pk).status == Status.SUCCEEDED)
    assert scheduler.stop() == 0


def test_a_loop_that_hangs_ends_its_process_though_nobody_reads_its_standard_error(
    run_scheduler: RunScheduler, full_pipe: int
) -> None:
    """Though a stack dump is written with Python's lock held."""
    scheduler = run_scheduler(LOOP="hangs", stderr=full_pipe, SCHEDCORE_LOG_LEVEL="ERROR")
    scheduler.begins()
    assert scheduler.process.wait(60) == STUCK


HELD = """
import ctypes, threading
from types import SimpleNamespace
import django
django.setup()
from jobs.runtime import watchdog
from jobs.runtime.systemd import Notifier
watchdog.LOOK_S = 0.1
watchdog.FROZEN_AFTER_S = 1.0
watched = SimpleNamespace(stuck_for_s=0.0, pulse=SimpleNamespace(is_connecting=False))
watchdog.Watchdog(watched, Notifier(""), status=str).start()
threading.Event().wait(0.5)
ctypes.PyDLL(None).sleep(60)  # keeps Python's lock
"""


def hold_python(stderr: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", HELD],
        env={**os.environ, "SCHEDCORE_LEASE_TTL": "2"},
        stderr=stderr,
        text=True,
        cwd=ROOT,
        timeout=50,
        check=False,
    )


def test_python_held_by_one_thread_for_ever_ends_the_process_too() -> None:
    done = hold_python(subprocess.PIPE)
    assert done.returncode == 1, done.stderr
    assert "Timeout" in done.stderr
    assert '"<string>", line 13 in <module>' in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="its way to a full pipe is Linux's")
def test_so_it_does_though_nobody_reads_its_standard_error(full_pipe: int) -> None:
    assert hold_python(full_pipe).returncode == 1


# -- A network that swallows everything ---------------------------------------------------


@pytest.fixture
def proxy(transactional_db: None) -> Iterator[Proxy]:
    settings = connection.settings_dict
    made = Proxy(settings["HOST"] or "127.0.0.1", int(settings["PORT"] or 5432))
    made.start()
    yield made
    made.stop()


@postgresql_only
def test_a_network_that_swallows_everything_is_an_outage_and_not_the_end(
    run_scheduler: RunScheduler, proxy: Proxy
) -> None:
    settings = connection.settings_dict
    url = f"postgres://{settings['USER']}@127.0.0.1:{proxy.port}/{settings['NAME']}"
    scheduler = run_scheduler(url=f"{url}?connect_timeout=2")
    scheduler.says("leader")
    proxy.is_silent = True
    scheduler.says("its connection was cut")
    scheduler.says("connection timeout expired")
    proxy.is_silent = False
    scheduler.says("works again")
    make_job("after", function="cleanup_logs")
    row = execution_control.run_now("after", actor=ACTOR)
    until(lambda: JobExecution.objects.get(pk=row.pk).status == Status.SUCCEEDED)
    assert scheduler.stop() == 0
