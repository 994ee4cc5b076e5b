"""What crosses to a child and back: a run to perform, and how that ended."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from jobs.executions.hand_out import Handout
from jobs.models.execution import Status
from jobs.registry import StopRun
from jobs.runtime.executors.frames import Message
from jobs.runtime.perform import Outcome

TEXTS = ("warning", "error", "traceback")


class TaskFailed(Exception):
    """Stands for what a task raised in its own process, for APScheduler's listeners."""


def pack_handout(handout: Handout) -> Message:
    return {**asdict(handout), "scheduled_for": handout.scheduled_for.isoformat()}


def unpack_handout(message: Message) -> Handout:
    return Handout(**{**message, "scheduled_for": datetime.fromisoformat(message["scheduled_for"])})


def pack_outcome(outcome: Outcome) -> Message:
    """The outcome without its objects, which stay in their process."""
    texts = {name: getattr(outcome, name) for name in TEXTS}
    return {"status": outcome.status.value, "result": outcome.result, **texts}


def unpack_outcome(message: Message) -> Outcome:
    status, result = Status(message["status"]), message["result"]
    texts = {name: message[name] for name in TEXTS}
    return Outcome(
        status,
        result=result,
        retval=None if result is None else json.loads(result),
        exception=_exception(status, message["error"]),
        **texts,
    )


def _exception(status: Status, error: str) -> BaseException | None:
    kinds: dict[Any, type[BaseException]] = {
        Status.FAILED: TaskFailed,
        Status.CANCELLED: StopRun,
    }
    kind = kinds.get(status)
    return kind(error) if kind else None
