"""An id for a job whose creator does not care."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from jobs.control import job as control
from jobs.control.audit import Actor
from jobs.control.once import Once
from jobs.models import BUILTIN_IDS, Job
from jobs.models.job import ID_PATTERN, RESERVED_IDS

MAX_RACES = 20
LONGEST_BASE = 90


def create_by_function(fields: Mapping[str, Any], *, actor: Actor, once: Once | None = None) -> Job:
    """Create a job as `control.job.create` does; without an id it is named after its function.

    `send_report`, then `send_report-2` and so on. Who loses a race for one takes the next.
    """
    if fields.get("id") is not None:
        return control.create(fields, actor=actor, once=once)
    ids = free_ids(fields.get("function"))
    for _attempt in range(MAX_RACES):
        with suppress(control.JobExists):
            return control.create({**fields, "id": next(ids)}, actor=actor, once=once)
    return control.create({**fields, "id": next(ids)}, actor=actor, once=once)


def free_ids(name: Any) -> Iterator[str]:
    """Ids that nobody has taken, made of `name` if it is fit for one."""
    fits = isinstance(name, str) and re.fullmatch(ID_PATTERN, name[:LONGEST_BASE])
    base = name[:LONGEST_BASE] if fits else "job"
    taken = {*RESERVED_IDS, *BUILTIN_IDS}
    taken |= set(Job.objects.filter(pk__startswith=base).values_list("pk", flat=True))
    number = 1
    while True:
        job_id = base if number == 1 else f"{base}-{number}"
        if job_id not in taken:
            yield job_id
        number += 1
