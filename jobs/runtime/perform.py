"""Call a task, in this thread and process, and tell how that ended."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, replace
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections
from django.utils.translation import gettext as _

from jobs.executions.hand_out import Handout
from jobs.models.execution import Status
from jobs.registry import StopRun, executing, get_task
from jobs.runtime.view import MAX_TEXT, View, storable

MAX_RESULT_BYTES = 64 * 1024
KEPT_OF_LONG_RESULT = 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: succeeded, failed, or CANCELLED for one that was stopped (its run
    knows whether that was a cancel or the timeout).

    `result` is JSON text, `warning` says what could not be kept of it, `how` what it took to
    stop it. `retval` and `exception` are for listeners in this process.
    """

    status: Status
    result: str | None = None
    warning: str = ""
    error: str = ""
    traceback: str = ""
    how: str = ""
    retval: Any = None
    exception: BaseException | None = None


def perform(view: View, handout: Handout) -> Outcome:
    """Run the task to its end; raises nothing, whatever the task does."""
    try:
        _take_connections()
        with executing(view):
            view.check()
            retval = get_task(handout.function).call(handout.args, handout.kwargs)
        result, warning = as_json(retval)
        outcome = Outcome(Status.SUCCEEDED, result, warning, retval=retval)
    except StopRun as stop:
        outcome = Outcome(Status.CANCELLED, error=str(stop), exception=stop)
    except BaseException as error:  # a task may raise anything, SystemExit included
        outcome = failure(error)
        if _came_of_stopping(error):
            outcome = replace(outcome, status=Status.CANCELLED)
    view.end()
    try:
        _give_back_connections()
    except BaseException as error:
        return failure(error)
    return outcome


def failure(error: BaseException) -> Outcome:
    """The outcome of a call that raised."""
    try:
        told = "".join(traceback.format_exception(error))
    except BaseException:  # whatever the exception's own methods raise
        told = "".join(traceback.format_tb(error.__traceback__))
    return Outcome(
        Status.FAILED,
        error=_described(error),
        traceback=storable(told)[-MAX_TEXT:],
        exception=error,
    )


def as_json(result: Any) -> tuple[str | None, str]:
    """The result as JSON text, and a warning if it could not be kept as it is."""
    if result is None:
        return None, ""
    try:
        text = json.dumps(result, cls=DjangoJSONEncoder, allow_nan=False, ensure_ascii=False)
        if text == storable(text) and "\\u0000" not in text:
            if len(text.encode()) <= MAX_RESULT_BYTES:
                return text, ""
            problem = _("The result takes more than %(most)d bytes; only its beginning is kept.")
            kept = json.dumps(storable(text[:KEPT_OF_LONG_RESULT]))
            return kept, problem % {"most": MAX_RESULT_BYTES}
        reason = _("it holds a character that cannot be stored")
    except Exception as error:  # whatever the objects in it raise
        reason = _described(error)
    try:
        shown = repr(result)
    except Exception:  # a class whose __repr__ raises
        shown = f"<{type(result).__qualname__}>"
    warning = _("The result is no JSON (%(reason)s); its text is kept.") % {"reason": reason}
    return json.dumps(storable(shown)[:KEPT_OF_LONG_RESULT]), storable(warning)


def _described(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:  # a class whose __str__ raises
        text = "<no description>"
    return storable(f"{type(error).__qualname__}: {text}")[:MAX_TEXT]


def _came_of_stopping(error: BaseException | None) -> bool:
    """Whether it was raised while a StopRun was on its way, as by a clean-up that fails."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, StopRun):
            return True
        seen.add(id(error))
        error = error.__context__
    return False


def _take_connections() -> None:
    """Begin the run's use of the database as Django begins a request's."""
    for connection in connections.all(initialized_only=True):
        connection.queries_log.clear()
        connection.close_if_unusable_or_obsolete()


def _give_back_connections() -> None:
    """End the run's use of the database as Django ends a request's.

    A transaction that the task left open is rolled back with its connection.
    """
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            connection.close()
            connections[connection.alias].in_atomic_block = False
            del connections[connection.alias]
        else:
            connection.close_if_unusable_or_obsolete()
