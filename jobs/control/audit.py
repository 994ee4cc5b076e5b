"""Who is asking, and the record of what they did."""

from __future__ import annotations

import json
import logging
import os
import pwd
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, transaction

from jobs.conf import conf
from jobs.errors import Conflict, Forbidden
from jobs.executions.database import database_clock
from jobs.masking import masked
from jobs.models.audit import AuditEvent, Via
from jobs.models.job import Job

logger = logging.getLogger(__name__)

TARGET_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something, through what (`Via`) and by which of their tokens, from where."""

    name: str
    via: Via
    address: str | None = None
    token: str = ""


def system_actor() -> Actor:
    """The operating system's user, for commands; behind sudo who called it.

    By the process's own uid: what LOGNAME and USER say anybody can set.
    """
    try:
        name = conf().sudo_user or pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # no name for this uid, as in some containers
        name = f"uid {os.geteuid()}"
    return Actor(name=f"{name}@{socket.gethostname()}"[:150], via=Via.COMMAND)


def as_recorded(job: Job) -> dict[str, Any]:
    """A job as an audit event shows it."""
    return {
        "name": job.name,
        "description": job.description,
        "function": job.function,
        "args": job.args,
        "kwargs": job.kwargs,
        "trigger_type": job.trigger_type,
        "trigger_params": job.trigger_params,
        "timezone": job.timezone,
        "executor": job.executor,
        "coalesce": job.coalesce,
        "max_instances": job.max_instances,
        "misfire_grace_time": job.misfire_grace_time,
        "timeout": job.timeout,
        "max_retries": job.max_retries,
        "retry_delay": job.retry_delay,
        "retry_backoff": job.retry_backoff,
        "rerun_if_interrupted": job.rerun_if_interrupted,
        "is_enabled": job.is_enabled,
        "is_paused": job.is_paused,
        "paused_until": _moment(job.paused_until),
    }


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Names of values that are not the same JSON: 1, 1.0 and true are three values."""
    return {
        name
        for name in before.keys() | after.keys()
        if _as_json(before.get(name)) != _as_json(after.get(name))
    }


def record(
    actor: Actor,
    action: str,
    *,
    job_id: str = "",
    target: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    message: str = "",
) -> None:
    """Write an audit event, in the transaction of the change; of two states only what differs
    is kept. What looks like a secret is not."""
    if before is not None and after is not None:
        changed = sorted(differing(before, after))
        before = {key: before.get(key) for key in changed}
        after = {key: after.get(key) for key in changed}
    AuditEvent.objects.create(
        **_who(actor),
        action=action,
        job_id=job_id,
        target=target[:TARGET_LENGTH],
        before=masked(before),
        after=masked(after),
        message=masked(message),
    )


def record_refusal(
    actor: Actor, action: str, reason: str, *, job_id: str = "", target: str = ""
) -> None:
    """Write down that somebody was refused what they asked for, in a transaction of its own.

    Where that cannot be written, the log says it: the answer is a refusal all the same.
    """
    try:
        with transaction.atomic():
            AuditEvent.objects.create(
                **_who(actor),
                action=action,
                job_id=job_id,
                target=target[:TARGET_LENGTH],
                is_refused=True,
                message=masked(reason),
            )
    except DatabaseError as error:
        logger.warning(
            "A refusal could not be recorded",
            extra={"event": "audit.lost", "action": action, "error": str(error)},
        )


@contextmanager
def refusals_recorded(
    actor: Actor, action: str, *, job_id: str = "", target: str = ""
) -> Iterator[None]:
    """What is refused within, because it is not allowed or not now, is recorded and raises on.

    Around what rolls back its own transaction, not within: the record would go with it.
    """
    try:
        yield
    except (Conflict, Forbidden) as error:
        record_refusal(actor, action, error.message, job_id=job_id, target=target)
        raise


def _who(actor: Actor) -> dict[str, Any]:
    return {
        "at": database_clock(),
        "actor": actor.name,
        "via": actor.via,
        "token": actor.token,
        "address": actor.address,
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _as_json(value: Any) -> Any:
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError, RecursionError):  # no JSON, so like nothing that is stored
        return object()
