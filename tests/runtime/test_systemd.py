"""What systemd hears of a scheduler, over a socket as it makes one."""

from __future__ import annotations

import os
import signal
import socket
import uuid
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.runtime import systemd as systemd_module
from jobs.runtime.systemd import Notifier, withdraw_from_environment
from jobs.runtime.watchdog import STUCK, Watchdog
from schedcore.environment import VARIABLES, from_systemd
from tests.runtime.watched.processes import RunScheduler, watched_schedulers
from tests.waiting import until


class Manager:
    """The end of the socket that systemd holds."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        self._socket.setblocking(False)

    def listen(self) -> list[str]:
        """All messages so far."""
        while True:
            try:
                self.heard.append(self._socket.recv(65536).decode())
            except BlockingIOError:
                return self.heard

    def hears(self, beginning: str) -> str:
        """Wait for a message that begins so."""
        return until(lambda: next((m for m in self.listen() if m.startswith(beginning)), ""))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.close()


# -- What is said -------------------------------------------------------------------------


def test_the_beginning_and_the_end_are_said_with_the_status(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    notifier.ready("leader, epoch 3")
    notifier.stopping("stopping")
    assert manager.listen() == [
        "READY=1\nSTATUS=leader, epoch 3",
        "STOPPING=1\nSTATUS=stopping",
    ]


def test_a_status_is_said_when_it_changes_and_on_one_line(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    notifier.ready("standby")
    notifier.status("standby")
    notifier.status("leader; OperationalError: gone\nfor good")
    assert manager.listen()[1:] == ["STATUS=leader; OperationalError: gone for good"]


def test_an_abstract_socket_is_reached_too() -> None:
    manager = Manager(f"@schedcore-test-{uuid.uuid4().hex}")
    Notifier(manager.address).ready("leader")
    assert manager.listen() == ["READY=1\nSTATUS=leader"]
    manager.close()


def test_signs_of_life_come_at_less_than_half_of_the_limit_however_often_they_are_given(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(systemd_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    notifier = Notifier(manager.address, 30.0)
    moments = []
    for _second in range(60):
        notifier.alive()
        moments += [clock.now] * (len(manager.listen()) - len(moments))
        clock.now += 1
    assert set(manager.heard) == {"WATCHDOG=1"}
    gaps = {later - earlier for earlier, later in pairwise(moments)}
    assert gaps == {10.0}
    assert notifier.next_sign_in_s is not None
    assert notifier.next_sign_in_s < 15


def test_no_sign_of_life_is_sent_where_none_is_asked_for(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    notifier.alive()
    assert manager.listen() == []
    assert notifier.next_sign_in_s is None


def test_nobody_is_told_where_nobody_listens() -> None:
    notifier = Notifier("", 30.0)
    notifier.ready("leader")
    notifier.alive()
    notifier.stopping("stopping")


@pytest.mark.parametrize("address", ["/nowhere/at/all", "@nobody-there", "relative", "x" * 200])
def test_a_manager_that_cannot_be_reached_stops_nothing_and_is_said_once(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier(address, 30.0)
    notifier.ready("leader")
    notifier.status("standby")
    notifier.stopping("stopping")
    assert [record.__dict__["event"] for record in caplog.records] == ["systemd.unreachable"]


def test_a_manager_that_does_not_read_does_not_hold_up_the_scheduler(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(systemd_module, "SEND_LIMIT_S", 0.01)
    notifier = Notifier(manager.address)
    for number in range(1000):
        notifier.status(str(number))
        if caplog.records:
            break
    assert caplog.records, "its queue was never full"


@pytest.mark.parametrize(("silent_s", "signs"), [(0.0, 1), (26.0, 0), (float("inf"), 0)])
def test_a_loop_that_is_stuck_gives_no_sign_of_life(
    manager: Manager, silent_s: float, signs: int
) -> None:
    pulse: Any = SimpleNamespace(is_connecting=False, cut=lambda: False)
    watched: Any = SimpleNamespace(stuck_for_s=silent_s, pulse=pulse)
    watchdog = Watchdog(watched, Notifier(manager.address, 30.0), status=str)
    watchdog._awake_since -= 3600
    watchdog.look()
    assert manager.listen().count("WATCHDOG=1") == signs


# -- What systemd says --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, ("", 0.0)),
        ({"NOTIFY_SOCKET": "/run/notify"}, ("/run/notify", 0.0)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "30000000"}, ("@n", 30.0)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "500000", "WATCHDOG_PID": "7"}, ("@n", 0.5)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "500000", "WATCHDOG_PID": "8"}, ("@n", 0.0)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "soon"}, ("@n", 0.0)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "-1"}, ("@n", 0.0)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": ""}, ("@n", 0.0)),
    ],
)
def test_the_variables_of_systemd_are_read_as_it_means_them(
    variables: dict[str, str], found: tuple[str, float]
) -> None:
    assert from_systemd(variables, 7) == found


def test_the_variables_of_systemd_are_no_settings_for_people() -> None:
    assert not {variable.name for variable in VARIABLES} & set(systemd_module.ITS_VARIABLES)


def test_child_processes_do_not_speak_for_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in systemd_module.ITS_VARIABLES:
        monkeypatch.setenv(name, "1")
    withdraw_from_environment()
    withdraw_from_environment()
    assert not set(systemd_module.ITS_VARIABLES) & set(os.environ)


# -- A real scheduler ---------------------------------------------------------------------


@pytest.fixture
def run_scheduler(
    transactional_db: None, tmp_path: Path, manager: Manager
) -> Iterator[RunScheduler]:
    variables = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "3000000", "QUICK": "yes"}
    with watched_schedulers(tmp_path, **variables) as start:
        yield start


def test_a_scheduler_says_that_it_has_begun_that_it_lives_and_that_it_ends(
    run_scheduler: RunScheduler, manager: Manager
) -> None:
    scheduler = run_scheduler()
    assert "\nSTATUS=" in manager.hears("READY=1")
    manager.hears("STATUS=leader, epoch 1")
    until(lambda: manager.listen().count("WATCHDOG=1") >= 2)
    scheduler.process.send_signal(signal.SIGTERM)
    manager.hears("STOPPING=1")
    assert scheduler.process.wait(60) == 0
    said = [message.split("\n")[0] for message in manager.listen()]
    assert said[0] == "READY=1"
    assert said[-1] == "STOPPING=1"
    assert "systemd" not in scheduler.output


def test_a_scheduler_that_its_watchdog_ends_does_not_say_that_it_stops(
    run_scheduler: RunScheduler, manager: Manager
) -> None:
    scheduler = run_scheduler(LOOP="hangs")
    manager.hears("READY=1")
    assert scheduler.process.wait(60) == STUCK
    assert not any(message.startswith("STOPPING=1") for message in manager.listen())
