"""What tasks log, print and warn goes to their runs, and nothing else does."""

# ruff: noqa: T201  prints are what is tested

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jobs.registry import current_execution, executing
from jobs.runtime import capture
from jobs.runtime.view import View
from schedcore.logs import StandardError
from tests.runtime.views import Heard, make_view
from tests.waiting import until

INFO, WARNING, ERROR = logging.INFO, logging.WARNING, logging.ERROR


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """No fixture: pytest puts streams of its own in place between its phases."""
    leave = capture.install()
    try:
        yield
    finally:
        leave()


@pytest.fixture
def process_log() -> Iterator[list[logging.LogRecord]]:
    """What the process's own log gets: a handler of the root logger."""
    records: list[logging.LogRecord] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    handler = Keeping()
    logging.getLogger().addHandler(handler)
    yield records
    logging.getLogger().removeHandler(handler)


def said_by(task: Callable[[], Any]) -> Heard:
    """What the run of `task` got, to its end."""
    view, heard = make_view()
    with installed(), executing(view):
        task()
        view.end()
    return heard


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no words")


# -- logging ------------------------------------------------------------------------------


def test_what_a_task_logs_goes_to_its_run_with_level_and_logger() -> None:
    def task() -> None:
        logging.getLogger("reports.daily").info("read %d rows", 3)
        logging.getLogger().error("odd")

    assert said_by(task).lines == [(INFO, "reports.daily", "read 3 rows"), (ERROR, "root", "odd")]


def test_what_a_task_logs_is_in_the_log_of_the_process_too(
    process_log: list[logging.LogRecord],
) -> None:
    said_by(lambda: logging.getLogger("reports").warning("odd"))
    assert [record.getMessage() for record in process_log] == ["odd"]


def test_what_is_logged_outside_a_run_goes_to_no_run(process_log: list[logging.LogRecord]) -> None:
    _view, heard = make_view()
    with installed():
        logging.getLogger("reports").warning("nobody's")
    assert heard.lines == []
    assert len(process_log) == 1


def test_an_exception_is_logged_with_its_traceback() -> None:
    def task() -> None:
        try:
            raise ValueError("seven")
        except ValueError:
            logging.getLogger("reports").exception("went wrong")

    [message] = said_by(task).messages
    assert message.startswith("went wrong\nTraceback (most recent call last):")
    assert message.endswith("ValueError: seven")


def test_a_logger_that_keeps_to_itself_is_heard(process_log: list[logging.LogRecord]) -> None:
    logger = logging.getLogger("reports.closed")
    logger.propagate = False
    heard = said_by(lambda: logger.info("to myself"))
    assert heard.messages == ["to myself"]
    assert process_log == []


@pytest.fixture
def set_process_level() -> Iterator[Callable[[int], None]]:
    """As SCHEDCORE_LOG_LEVEL does."""
    root = logging.getLogger()
    before = root.level
    yield root.setLevel
    root.setLevel(before)


def test_the_runs_log_holds_info_whatever_the_processs_log_does(
    set_process_level: Callable[[int], None], process_log: list[logging.LogRecord]
) -> None:
    set_process_level(ERROR)

    def task() -> None:
        logging.getLogger("reports").debug("too much")
        logging.getLogger("reports").info("read")
        logging.getLogger("reports").error("odd")

    with installed():
        assert said_by(task).messages == ["read", "odd"]
        logging.getLogger("reports").warning("nobody's")
    assert [record.getMessage() for record in process_log] == ["odd"]


def test_the_runs_log_holds_no_debug_lines_where_the_process_logs_them(
    set_process_level: Callable[[int], None], process_log: list[logging.LogRecord]
) -> None:
    set_process_level(logging.DEBUG)

    def task() -> None:
        logging.getLogger("reports").debug("too much")
        logging.getLogger("reports").info("read")

    assert said_by(task).messages == ["read"]
    assert [record.getMessage() for record in process_log] == ["too much", "read"]


def test_a_logger_that_is_set_higher_stays_so_and_one_that_is_set_lower_reaches_the_process(
    set_process_level: Callable[[int], None], process_log: list[logging.LogRecord]
) -> None:
    set_process_level(ERROR)
    noisy, keen = logging.getLogger("reports.noisy"), logging.getLogger("reports.keen")
    noisy.setLevel(WARNING)
    keen.setLevel(INFO)

    def task() -> None:
        noisy.info("noise")
        keen.info("word")

    assert said_by(task).messages == ["word"]
    assert [record.getMessage() for record in process_log] == ["word"]


@pytest.mark.parametrize(
    ("message", "argument", "kept"),
    [
        ("%d rows", "three", "%d rows (cannot be formatted: TypeError: %d format"),
        ("rows", 3, "rows (cannot be formatted: TypeError: not all arguments converted"),
        ("rows of %s", Unspeakable(), "rows of %s (cannot be formatted: RuntimeError: no words)"),
    ],
)
def test_a_message_that_cannot_be_formatted_is_told_as_it_stands(
    process_log: list[logging.LogRecord], message: str, argument: object, kept: str
) -> None:
    heard = said_by(lambda: logging.getLogger("reports").info(message, argument))
    [line] = heard.messages
    assert line.startswith(kept)
    assert process_log[0].getMessage() == line


def test_a_message_whose_text_raises_is_a_line_of_its_class() -> None:
    heard = said_by(lambda: logging.getLogger("reports").info(Unspeakable()))
    assert heard.messages == ["<Unspeakable> (cannot be formatted: RuntimeError: no words)"]


def test_a_handler_that_writes_to_standard_error_writes_no_output_of_the_run(
    capfd: pytest.CaptureFixture[str],
) -> None:
    handler = StandardError()  # as of the process's own log
    logging.getLogger().addHandler(handler)
    try:
        heard = said_by(lambda: logging.getLogger("reports").warning("odd"))
    finally:
        logging.getLogger().removeHandler(handler)
    assert heard.lines == [(WARNING, "reports", "odd")]
    assert "odd\n" in capfd.readouterr().err


# -- Standard output and error ------------------------------------------------------------


def test_what_a_task_prints_is_its_runs_alone(capfd: pytest.CaptureFixture[str]) -> None:
    def task() -> None:
        print("one", 2)
        print("three", file=sys.stderr)
        sys.stdout.writelines(["four\n", "five\n"])
        print("six", end="", flush=True)

    assert said_by(task).lines == [
        (INFO, "stdout", "one 2"),
        (WARNING, "stderr", "three"),
        (INFO, "stdout", "four"),
        (INFO, "stdout", "five"),
        (INFO, "stdout", "six"),
    ]
    assert capfd.readouterr() == ("", "")


def test_what_is_printed_outside_a_run_goes_on_to_the_real_streams(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with installed():
        print("out")
        print("err", file=sys.stderr)
    assert capfd.readouterr() == ("out\n", "err\n")


def test_the_streams_are_otherwise_as_they_were(capfd: pytest.CaptureFixture[str]) -> None:
    real = sys.stdout

    def task() -> None:
        assert sys.stdout is not real
        assert sys.stdout.fileno() == real.fileno()
        assert sys.stdout.encoding == real.encoding
        assert sys.stdout.isatty() is False
        assert sys.stdout.writable()
        sys.stdout.buffer.write(b"bytes\n")
        with pytest.raises(TypeError, match="must be str, not bytes"):
            sys.stdout.write(b"bytes")  # type: ignore[arg-type]

    assert said_by(task).lines == []
    assert capfd.readouterr().out == "bytes\n"


def test_a_task_that_closes_a_stream_closes_it_for_nobody(
    capfd: pytest.CaptureFixture[str],
) -> None:
    said_by(lambda: sys.stdout.close())
    print("out")
    assert capfd.readouterr().out == "out\n"


def test_a_task_that_replaces_a_stream_takes_it_from_nobody_after_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def rude() -> None:
        sys.stdout = io.StringIO()
        print("into nowhere")

    real = sys.stdout
    with installed():
        said_by(rude)
        assert isinstance(sys.stdout, io.StringIO)
        capture.put_back()
        assert said_by(lambda: print("heard")).messages == ["heard"]
        print("out")
    assert sys.stdout is real
    assert capfd.readouterr().out == "out\n"


def test_a_task_may_redirect_its_output_for_a_while() -> None:
    found = io.StringIO()

    def task() -> None:
        with contextlib.redirect_stdout(found):
            print("kept")
        print("heard")

    assert said_by(task).messages == ["heard"]
    assert found.getvalue() == "kept\n"


def test_a_task_may_put_a_stream_of_its_own_before_the_real_one() -> None:
    class Shouting:
        def __init__(self, behind: Any) -> None:
            self.behind = behind

        def write(self, text: str) -> int:
            return self.behind.write(text.upper())  # type: ignore[no-any-return]

    def task() -> None:
        with contextlib.redirect_stdout(Shouting(sys.stdout)):  # type: ignore[type-var]
            print("loud")

    assert said_by(task).messages == ["LOUD"]


# -- Warnings -----------------------------------------------------------------------------


@pytest.fixture
def warning_filters() -> Iterator[Callable[..., None]]:
    """Sets the filters of the process, each as for `warnings.simplefilter`."""
    with warnings.catch_warnings():

        def set_filters(*filters: tuple[Any, type[Warning]]) -> None:
            warnings.resetwarnings()
            for action, category in filters:
                warnings.simplefilter(action, category)

        yield set_filters


def careless() -> None:
    for _number in range(3):
        warnings.warn("careful", UserWarning, stacklevel=1)


def test_each_run_gets_a_warning_once_and_not_only_the_first_of_the_process(
    warning_filters: Callable[..., None],
) -> None:
    warning_filters(("ignore", DeprecationWarning))
    with installed():
        found = said_by(careless).lines + said_by(careless).lines
    assert len(found) == 2
    for level, name, message in found:
        assert (level, name) == (WARNING, "py.warnings")
        assert "test_capture.py" in message
        assert "UserWarning: careful" in message


def test_a_warning_outside_a_run_shows_once_in_the_log_of_the_process(
    warning_filters: Callable[..., None], process_log: list[logging.LogRecord]
) -> None:
    warning_filters()
    with installed():
        careless()
        careless()
    assert [record.name for record in process_log] == ["py.warnings"]


def test_deprecations_in_libraries_stay_quiet(warning_filters: Callable[..., None]) -> None:
    warning_filters(("ignore", DeprecationWarning))
    heard = said_by(lambda: warnings.warn("old", DeprecationWarning, stacklevel=1))
    assert heard.lines == []


def test_a_filter_that_wants_every_warning_gets_every_one(
    warning_filters: Callable[..., None],
) -> None:
    warning_filters(("always", UserWarning))
    assert len(said_by(careless).lines) == 3


def test_a_filter_that_makes_warnings_errors_holds(warning_filters: Callable[..., None]) -> None:
    warning_filters(("error", UserWarning))
    with pytest.raises(UserWarning, match="careful"):
        said_by(careless)


def test_a_task_may_record_its_warnings_itself(warning_filters: Callable[..., None]) -> None:
    warning_filters()

    def task() -> None:
        with warnings.catch_warnings(record=True) as found:
            careless()
        assert len(found) == 3

    with installed():
        assert said_by(task).lines == []
        assert len(said_by(careless).lines) == 1


# -- Threads ------------------------------------------------------------------------------


def test_runs_at_the_same_time_get_their_own_words_and_whole_lines() -> None:
    start = threading.Barrier(10)

    def speak(number: int, view: View) -> None:
        with executing(view):
            start.wait()
            for line in range(100):
                print(number, "printed", line)
                logging.getLogger("reports").info("%d logged %d", number, line)
        view.end()

    runs = [make_view(number) for number in range(10)]
    threads = [
        threading.Thread(target=speak, args=[number, view])
        for number, (view, _heard) in enumerate(runs)
    ]
    with installed():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number, (_view, heard) in enumerate(runs):
        assert heard.messages == [
            f"{number} {verb} {line}" for line in range(100) for verb in ("printed", "logged")
        ]


def in_thread() -> None:
    thread = threading.Thread(target=print, args=["heard"])
    thread.start()
    thread.join()


def in_thread_of_thread() -> None:
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()


class Speaker(threading.Thread):
    def run(self) -> None:
        print("heard")


def in_subclass() -> None:
    thread = Speaker()
    thread.start()
    thread.join()
    assert "run" not in vars(thread)


def in_timer() -> None:
    timer = threading.Timer(0.0, print, ["heard"])
    timer.start()
    timer.join()


def in_pool() -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(print, ["heard"]))


def in_asyncio() -> None:
    async def main() -> None:
        await asyncio.to_thread(print, "heard")

    asyncio.run(main())


def in_executor_of_asyncio() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().run_in_executor(None, print, "heard")

    asyncio.run(main())


@pytest.mark.parametrize(
    "task",
    [
        in_thread,
        in_thread_of_thread,
        in_subclass,
        in_timer,
        in_pool,
        in_asyncio,
        in_executor_of_asyncio,
    ],
)
def test_what_the_threads_of_a_task_say_is_its_runs(task: Callable[[], None]) -> None:
    assert said_by(task).messages == ["heard"]


def test_a_pool_that_outlives_a_run_speaks_for_the_one_that_asks_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    view, heard = make_view()
    with installed(), ThreadPoolExecutor(1) as pool:
        with executing(view):
            pool.submit(print, "one").result()  # starts the pool's thread
        assert said_by(lambda: pool.submit(print, "other").result()).messages == ["other"]
        pool.submit(print, "nobody's").result()
    assert heard.messages == ["one"]
    assert capfd.readouterr().out == "nobody's\n"


def test_what_a_thread_says_after_its_run_goes_on_to_the_real_streams(
    process_log: list[logging.LogRecord], capfd: pytest.CaptureFixture[str]
) -> None:
    over = threading.Event()

    def outlive() -> None:
        print("in time")
        over.wait(20)
        print("late")
        logging.getLogger("reports").info("late")

    view, heard = make_view()
    with installed():
        with executing(view):
            thread = threading.Thread(target=outlive)
            thread.start()
            until(lambda: heard.lines)
            view.end()
        over.set()
        thread.join()
    assert heard.messages == ["in time"]
    assert capfd.readouterr().out == "late\n"
    assert len(process_log) == 1


def test_the_traceback_of_a_thread_that_fails_is_its_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)  # not pytest's

    def fail() -> None:
        raise ValueError("seven")

    def task() -> None:
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()

    heard = said_by(task)
    assert {name for _level, name, _message in heard.lines} == {"stderr"}
    assert heard.messages[-1] == "ValueError: seven"
    assert not any("runtime/capture.py" in message for message in heard.messages)


def test_a_thread_hears_that_its_run_has_to_end_and_ends_without_a_word() -> None:
    ends: list[str] = []

    def work() -> None:
        try:
            current_execution().check()
        finally:
            ends.append("ended")

    def task() -> None:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    view, heard = make_view(stop_reason="Cancelled by dba.")
    with installed(), executing(view):
        task()
    assert ends == ["ended"]
    assert heard.lines == []


def test_a_thread_that_cannot_start_says_so() -> None:
    def task() -> None:
        thread = threading.Thread(target=print)
        thread.start()
        thread.join()
        with pytest.raises(RuntimeError, match="once"):
            thread.start()

    said_by(task)


# -- The process --------------------------------------------------------------------------


def test_a_forked_child_of_a_task_does_not_speak_for_the_run(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def task() -> None:
        child = os.fork()
        if not child:
            print("from the child", flush=True)
            os._exit(0)
        os.waitpid(child, 0)

    heard = said_by(task)
    assert heard.lines == []
    assert "from the child" in capfd.readouterr().out


def test_a_child_that_installs_it_anew_speaks_for_its_own_runs() -> None:
    read, write = os.pipe()
    child = os.fork()
    if not child:
        capture.install()
        os.write(write, ",".join(said_by(lambda: print("heard")).messages).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        assert answer.read() == "heard"
    os.waitpid(child, 0)


def test_it_may_be_installed_twice_and_ends_with_the_last_undo() -> None:
    with installed():
        undo = capture.install()
        undo()
        undo()
        print_within = sys.stdout
        assert said_by(lambda: print("heard")).messages == ["heard"]
        assert sys.stdout is print_within
    assert sys.stdout is not print_within


def replaced() -> tuple[object, ...]:
    return (
        sys.stdout,
        sys.stderr,
        warnings.showwarning,
        list(warnings.filters),
        logging.Logger.callHandlers,
        logging.getLogger().level,
        threading.Thread.start,
        ThreadPoolExecutor.submit,
    )


def test_the_undo_leaves_everything_as_it_was() -> None:
    source = """
import sys, warnings, logging, threading
import django
django.setup()
from jobs.runtime import capture
from tests.runtime.test_capture import replaced
logging.getLogger().setLevel("ERROR")
before = replaced()
leave = capture.install()
assert all(one is not other and one != other for one, other in zip(before, replaced()))
leave()
assert replaced() == before, (before, replaced())
print("as it was")
"""
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "as it was\n", done.stderr
