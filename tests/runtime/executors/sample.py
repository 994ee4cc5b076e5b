"""Tasks for the executors' tests, registered in this process and in the fork server alike."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from jobs.registry import StopRun, current_execution, scheduled_task

logger = logging.getLogger("sample")

LONG_S = 60.0
MOMENT_S = 0.1


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def add(a: int, b: int = 1) -> int:
    return a + b


def give_back(value: Any) -> Any:
    return value


def measure(text: str) -> int:
    return len(text)


def nothing() -> None:
    pass


def divide_by_zero() -> float:
    return 1 / 0


def return_an_object() -> object:
    return threading.Event()


def return_half_a_surrogate_pair() -> str:
    return "\ud800"


def return_much() -> str:
    return "x" * 100_000


def raise_system_exit() -> None:
    sys.exit("enough")


def raise_keyboard_interrupt() -> None:
    raise KeyboardInterrupt


def raise_unprintable() -> None:
    raise Unprintable


def raise_stop_run() -> None:
    raise StopRun("of its own accord")


async def add_later(a: int) -> int:
    await asyncio.sleep(0)
    logger.info("in the loop")
    return a + 1


def see_itself() -> dict[str, Any]:
    run = current_execution()
    return {
        "id": run.id,
        "job_id": run.job_id,
        "scheduled_for": run.scheduled_for,
        "attempt": run.attempt,
        "epoch": run.epoch,
        "source": run.source,
        "requested_by": run.requested_by,
    }


def tell_progress(steps: int) -> None:
    for step in range(steps + 1):
        current_execution().progress(step, steps, f"step {step}")


def tell_one_step(file: str) -> None:
    """Two quick steps, then nothing until the file is there."""
    current_execution().progress(1, 3, "one")
    current_execution().progress(2, 3, "two")
    wait_for_file(file)


def speak_when_asked(file: str, times: int) -> None:
    """A line and a step at once, and one more of each when the next file is there."""
    for number in range(times):
        logger.info("line %d", number)
        current_execution().progress(number + 1, times)
        wait_for_file(f"{file}-{number}")


def log_lines(count: int) -> None:
    for number in range(count):
        logger.log(logging.WARNING if number % 2 else logging.INFO, "line %d", number)


def print_lines() -> None:
    print("to standard output")  # noqa: T201
    print("without an end", end="")  # noqa: T201


def warn_of_old_habits() -> None:
    warnings.warn("an old habit", stacklevel=1)


def warn_twice() -> int:
    current_execution().warn("first")
    current_execution().warn("second")
    return 2


def wait_patiently(file: str) -> None:
    """Waits to be stopped, tidies up, and is stopped."""
    Path(file).write_text("begun")
    try:
        while True:
            current_execution().check()
            threading.Event().wait(0.01)
    finally:
        Path(file).write_text("tidied up")


def wait_blindly(file: str) -> None:
    """Never asks whether it should stop."""
    try:
        Path(file).write_text("begun")
        threading.Event().wait(LONG_S)
    finally:
        Path(file).write_text("tidied up")


def meet(folder: str, me: str, other: str) -> None:
    """Ends when the other one has begun."""
    Path(folder, me).touch()
    wait_for_file(str(Path(folder, other)))


def wait_for_file(file: str) -> None:
    pause = threading.Event()
    while not Path(file).exists():
        pause.wait(0.01)


def where() -> list[int]:
    return [os.getpid(), threading.get_ident()]


# -- Those that would take the scheduler with them -------------------------------------------


def segfault() -> None:
    logger.info("about to fall")
    ctypes.string_at(0)


def exit_hard(code: int) -> None:
    os._exit(code)


def kill_itself(number: int) -> None:
    os.kill(os.getpid(), number)
    threading.Event().wait(LONG_S)


def eat_memory() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.RLIM_INFINITY))
    return len(bytearray(4 << 30))


def ignore_sigterm(file: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(file).write_text("begun")
    threading.Event().wait(LONG_S)


def swallow_stop(file: str) -> None:
    Path(file).write_text("begun")
    while True:
        try:
            threading.Event().wait(LONG_S)
        except BaseException:
            Path(file).write_text("swallowed")


def close_all_descriptors() -> None:
    os.closerange(3, 1000)
    threading.Event().wait(LONG_S)


def leave_process(file: str) -> int:
    """Leaves a process, whose parent has ended, in its group."""
    # Until it is `sleep`, it is the shell's copy.
    is_sleep = '[ "$(cat /proc/$!/comm)" = sleep ]'
    script = f"sleep {LONG_S} & echo $! > {file}; until {is_sleep}; do sleep 0.01; done"
    subprocess.run(script, shell=True, check=True)
    return os.getpid()


def leave_process_and_die(file: str) -> None:
    leave_process(file)
    segfault()


def hold_process(file: str) -> None:
    """Waits for a subprocess that waits for ever, and heeds no SIGTERM."""
    script = f"trap '' TERM; echo $$ > {file}.tmp; mv {file}.tmp {file}; sleep {LONG_S}"
    subprocess.run(script, shell=True, check=True)


def leave_thread() -> int:
    threading.Thread(target=threading.Event().wait, args=[LONG_S], daemon=True).start()
    return os.getpid()


def change_folder() -> int:
    os.chdir("/")
    return os.getpid()


def fork_and_return() -> int:
    """The forked process comes back to where it was called, too."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return 1
    logger.info("from the fork")
    current_execution().progress(99)
    return 2


def count_users() -> int:
    from django.contrib.auth.models import User

    return User.objects.count()


def leave_transaction_open(name: str) -> None:
    from django.contrib.auth.models import User
    from django.db import transaction

    transaction.set_autocommit(False)
    User.objects.create(username=name)


def use_pool(method: str) -> list[int]:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        return list(pool.map(square, range(3)))


def square(number: int) -> int:
    return number * number


def set_alarm() -> int:
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    return os.getpid()


def ignore_signals() -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    return os.getpid()


def wait_a_moment() -> int:
    threading.Event().wait(MOMENT_S)
    return os.getpid()


def run_a_thread() -> int:
    thread = threading.Thread(target=where)
    thread.start()
    thread.join()
    return os.getpid()


async def run_a_loop() -> int:
    await asyncio.sleep(0)
    return os.getpid()


async def wait_in_a_loop(file: str) -> None:
    Path(file).write_text("begun")
    await asyncio.sleep(LONG_S)


def lower_limit() -> int:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    return os.getpid()


def grow() -> int:
    grown.append(b"x" * (300 << 20))
    return os.getpid()


def see_memory_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_AS)[0]


def now() -> float:
    return time.time()


def tell_pid_and_wait(file: str) -> None:
    logger.info("%d", os.getpid())
    wait_for_file(file)


def warn_for_ever() -> None:
    while True:
        current_execution().warn("😀" * 19_000)  # more than the kernel takes at once


def fork_and_terminate() -> int | None:
    process = multiprocessing.get_context("fork").Process(
        target=threading.Event().wait, args=[LONG_S]
    )
    process.start()
    process.terminate()
    process.join()
    return process.exitcode


grown: list[bytes] = []

TASKS: list[Callable[..., Any]] = [
    found
    for name, found in list(globals().items())
    if callable(found) and getattr(found, "__module__", "") == __name__ and name[0].islower()
]


def register() -> None:
    for task in TASKS:
        scheduled_task(name=task.__name__)(task)
