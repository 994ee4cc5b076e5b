"""The request to end: heard by all that wait, and made wherever a signal interrupts a wait."""

from __future__ import annotations

import sys
import threading
from itertools import count
from types import FrameType
from typing import Any

from jobs.runtime.stop_request import StopRequest


def test_it_is_heard_by_all_that_wait_and_by_those_that_come_later() -> None:
    request = StopRequest()
    assert not request.wait(0)
    heard: list[bool] = []
    threads = [threading.Thread(target=lambda: heard.append(request.wait())) for _ in range(3)]
    for thread in threads:
        thread.start()
    request.make()
    for thread in threads:
        thread.join(20)
    assert heard == [True] * 3
    assert request.wait(0)


def test_a_wait_that_is_held_up_past_its_limit_ends() -> None:
    """A microsecond passes within the call itself, now and then, as a second does when it is
    the machine that is held up."""

    def wait() -> None:
        for _ in range(20_000):
            StopRequest().wait(1e-6)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


def is_made_at(instruction: int, request: StopRequest) -> bool:
    """Wait for the request in a thread and make it there, as a signal handler does, before that
    instruction of Python's; whether there was one. The wait has to end in any case."""
    instructions = count(1)
    made: list[int] = []

    def look(frame: FrameType, event: str, _argument: object) -> Any:
        frame.f_trace_opcodes = True
        if event == "opcode" and next(instructions) == instruction:
            sys.settrace(None)
            request.make()
            made.append(instruction)
        return look

    def wait() -> None:
        sys._getframe().f_trace_opcodes = True  # Python 3.12 looks at it in settrace only
        sys.settrace(look)
        request.wait(0.001)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), f"made at instruction {instruction}, it waits for itself"
    return bool(made)


def test_a_signal_handler_may_make_it_at_any_point_of_a_wait() -> None:
    for instruction in count(1):
        request = StopRequest()
        if not is_made_at(instruction, request):
            break
        assert request.wait(0)
    assert instruction > 10
