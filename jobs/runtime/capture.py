"""Capture: what a task logs, prints or warns goes to the log of its run.

`install` is called in a process that calls tasks: in a scheduler, and in each of the children
in which an executor runs tasks. Nothing changes for code that is not part of a run.

What is replaced, while it is installed, and why:

- `logging.Logger.callHandlers`. A handler of the root logger would not see the records of
  loggers that do not propagate, and would have to live with the process's level; and what
  handlers write to `sys.stderr` while a run logs is the process's log, not the run's output.
- `sys.stdout` and `sys.stderr`. The process's own log is one JSON object a line on standard
  error, so what runs print does not go there.
- `warnings.showwarning`. Python shows a warning once for each place and process; here it is
  once for each run.
- `threading.Thread.start` and `ThreadPoolExecutor.submit`. Before Python 3.14 a new thread
  does not inherit the context of the one that starts it, so that what it says would be
  nobody's. OpenTelemetry and Sentry do the same for their traces.

Not seen: what is written to the file descriptors 1 and 2 directly, as by C code and child
processes, and threads that are started below `threading`.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any, TextIO

from jobs.registry import CurrentExecution, StopRun, current_execution, executing
from jobs.runtime.view import View, is_telling

STREAMS = {"stdout": logging.INFO, "stderr": logging.WARNING}
"""The levels of what is printed; the streams' names are the loggers'."""

EVERYTHING_ELSE = ("always", None, Warning, None, 0)
"""The warnings filter that shows what no other filter speaks of."""


def install(level: int = logging.INFO) -> Callable[[], None]:
    """Send what tasks say in this process to their runs; returns the undo.

    `level` is the least that a run's log holds, whatever the process's own log does; a logger
    that is set higher stays so. It may be installed several times, and ends with the last
    undo. Call it in a forked child too, which inherits all of it but its parent's runs.
    """
    global _installed
    if _installed is None:
        _installed = _Installation(level)
    installation = _installed
    installation.pid = os.getpid()
    installation.users += 1
    return installation.leave_once()


def put_back() -> None:
    """Put the streams back if a task has left others in their place; when no run is going."""
    if _installed is not None:
        _installed.put_back()


class RunLogHandler(logging.Handler):
    """Sends a record that a task logs to its run."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            run = current_run()
            if run is not None:
                run.log(record.levelno, record.name, _message(record))
        except Exception:
            self.handleError(record)


def current_run() -> View | None:
    """The run that this code is part of and whose log takes what it says now."""
    execution = current_execution()
    if not isinstance(execution, View) or execution.is_over or is_telling() or _passing.now:
        return None
    if _installed is None or _installed.pid != os.getpid():
        return None  # a child that the task has forked: its words would end with it
    return execution


class Stream:
    """Stands in for `sys.stdout` or `sys.stderr`: takes the lines of runs, and passes on the rest.

    Everything but text that a run writes is the real stream's.
    """

    def __init__(self, real: TextIO, name: str, level: int) -> None:
        self._real = real
        self._name = name
        self._level = level

    def write(self, text: str) -> int:
        run = current_run()
        if run is None:
            return self._real.write(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        run.write(self._level, self._name, text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if current_run() is None:
            self._real.flush()

    def close(self) -> None:
        if current_run() is None:  # a task does not close what is not its own
            self._real.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Passing(threading.local):
    """While a handler of the process's log works, what it writes is not a run's output."""

    now = False


_passing = _Passing()


class _Installation:
    """What was replaced, and how to undo it."""

    def __init__(self, level: int) -> None:
        self.pid = os.getpid()
        self.users = 0
        self._handler = RunLogHandler(level)
        self._streams: dict[str, Stream] = {}
        self._shown: set[int] = set()
        self._undo = ExitStack()
        self._take_records()
        self._take_streams()
        self._take_warnings()
        self._take_threads()

    def leave_once(self) -> Callable[[], None]:
        is_left = False

        def leave() -> None:
            global _installed
            nonlocal is_left
            if is_left:
                return
            is_left = True
            self.users -= 1
            if not self.users:
                self.put_back()
                self._undo.close()
                _installed = None

        return leave

    def put_back(self) -> None:
        for name, stream in self._streams.items():
            if getattr(sys, name) is not stream:
                setattr(sys, name, stream)

    def _replace(self, owner: Any, name: str, replacement: Any) -> None:
        original = getattr(owner, name)
        setattr(owner, name, replacement)

        def undo() -> None:
            if getattr(owner, name) is replacement:  # else somebody has built on it
                setattr(owner, name, original)

        self._undo.callback(undo)

    def _take_records(self) -> None:
        root = logging.getLogger()
        process_level = root.level
        if process_level > self._handler.level:
            root.setLevel(self._handler.level)
            self._undo.callback(root.setLevel, process_level)
        call_handlers = logging.Logger.callHandlers

        def call_handlers_and_tell_run(logger: logging.Logger, record: logging.LogRecord) -> None:
            if record.levelno >= self._handler.level:
                self._handler.emit(record)  # no lock: runs need not wait for each other
            if record.levelno < process_level and not _has_own_level(logger):
                return
            was = _passing.now
            try:
                _passing.now = True
                call_handlers(logger, record)
            finally:
                _passing.now = was

        self._replace(logging.Logger, "callHandlers", call_handlers_and_tell_run)

    def _take_streams(self) -> None:
        for name, level in STREAMS.items():
            real = getattr(sys, name)
            if real is not None:
                self._streams[name] = Stream(real, name, level)
                self._replace(sys, name, self._streams[name])

    def _take_warnings(self) -> None:
        before = warnings.showwarning
        logging.captureWarnings(True)
        if warnings.showwarning is not before:
            self._undo.callback(logging.captureWarnings, False)
        show = warnings.showwarning

        def show_once(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            run = current_run()
            shown = self._shown if run is None else run.shown_warnings
            place = hash((str(message), category, filename, lineno))
            if place in shown and not _is_wanted_always(category):
                return
            shown.add(place)
            show(message, category, filename, lineno, file, line)

        self._replace(warnings, "showwarning", show_once)
        if EVERYTHING_ELSE not in warnings.filters:
            # Last: whatever -W, PYTHONWARNINGS or a library says of a warning, holds.
            warnings.simplefilter("always", append=True)
            self._undo.callback(_forget_filter)

    def _take_threads(self) -> None:
        start, submit = threading.Thread.start, ThreadPoolExecutor.submit

        def start_in_run(thread: threading.Thread) -> None:
            execution = current_execution()
            if isinstance(execution, View):
                run = thread.run  # `run` and not the target: subclasses have only that

                def run_in_run() -> None:
                    thread.__dict__.pop("run", None)
                    with executing(execution):
                        try:
                            run()
                        except StopRun:
                            pass  # it was asked to end, and does
                        except BaseException as error:  # its traceback is the run's as well
                            trace = error.__traceback__ and error.__traceback__.tb_next
                            told = (type(error), error.with_traceback(trace), trace, thread)
                            threading.excepthook(threading.ExceptHookArgs(told))

                thread.run = run_in_run  # type: ignore[method-assign]
            try:
                start(thread)
            except BaseException:
                thread.__dict__.pop("run", None)
                raise

        def submit_in_run(
            pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **kwargs: Any
        ) -> Any:
            # Always, as the pool's thread may have been started by another run.
            return submit(pool, _call_in, current_execution(), function, *args, **kwargs)

        self._replace(threading.Thread, "start", start_in_run)
        self._replace(ThreadPoolExecutor, "submit", submit_in_run)


_installed: _Installation | None = None


def _call_in(
    execution: CurrentExecution, function: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Any:
    with executing(execution):
        return function(*args, **kwargs)


def _message(record: logging.LogRecord) -> str:
    """The record's text; one that cannot be formatted is told as it stands, here and to the
    handlers after this one."""
    try:
        message = record.getMessage()
    except Exception as error:  # whatever the task's objects raise, and wrong placeholders
        told = f"{type(error).__name__}: {_shown(error)}"
        message = f"{_shown(record.msg)} (cannot be formatted: {told})"
        record.msg, record.args = message, ()
    if record.exc_info:
        message += "\n" + "".join(traceback.format_exception(*record.exc_info))
    if record.stack_info:
        message += f"\n{record.stack_info}"
    return message.rstrip("\n")


def _shown(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__qualname__}>"


def _has_own_level(logger: logging.Logger) -> bool:
    """Whether its level is not the root logger's."""
    found: logging.Logger | None = logger
    while found is not None and found.parent is not None:
        if found.level:
            return True
        found = found.parent
    return False


def _is_wanted_always(category: type[Warning]) -> bool:
    """Whether somebody has asked to see every one of them."""
    return any(
        action == "always" and issubclass(category, wanted)
        for action, _text, wanted, _module, _line in _other_filters()
    )


def _other_filters() -> list[Any]:
    found = list(warnings.filters)
    return found[:-1] if found and found[-1] == EVERYTHING_ELSE else found


def _forget_filter() -> None:
    with suppress(ValueError):
        warnings.filters.remove(EVERYTHING_ELSE)  # type: ignore[attr-defined]
