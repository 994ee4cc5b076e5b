"""The process around the loop: what it notices of it, and how it is asked to end."""

from __future__ import annotations

import os
import signal
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.runtime import service as service_module
from jobs.runtime.service import Service


def ignore(text: str) -> None:
    pass


def test_a_loop_that_is_stuck_ends_the_wait(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    stuck: Any = SimpleNamespace(stuck_for_s=float("inf"))
    assert not Service(ignore)._wait(stuck)
    assert "Thread" in capfd.readouterr().err, "a stack dump of all threads"


def test_a_loop_that_works_is_waited_for_until_it_is_asked_to_stop() -> None:
    service = Service(ignore)
    threading.Timer(0.05, service.stop).start()
    working: Any = SimpleNamespace(stuck_for_s=0.0)
    assert service._wait(working)


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    return codes


def test_one_ctrl_c_that_arrives_twice_is_one(exits: list[int]) -> None:
    service = Service(ignore)
    service._on_signal(signal.SIGINT, None)
    service._on_signal(signal.SIGINT, None)
    assert service._stop.is_set()
    assert exits == []


def test_a_second_ctrl_c_a_moment_later_ends_it_at_once(
    exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([100.0, 101.0, 102.0])
    monkeypatch.setattr(service_module.time, "monotonic", lambda: next(moments))
    service = Service(ignore)
    service._on_signal(signal.SIGINT, None)
    service._on_signal(signal.SIGTERM, None)
    assert exits == [], "a service manager may repeat itself"
    service._on_signal(signal.SIGINT, None)
    assert exits == [130]
