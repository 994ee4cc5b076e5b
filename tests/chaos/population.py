"""Jobs that are due every second, and their way into the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django_apscheduler.models import DjangoJob

from jobs.control import job as control
from jobs.control.audit import Actor
from jobs.models import Job, JobExecution
from jobs.models.audit import Via
from tests.chaos.ledger import Row, Window, offences, read_notes

ACTOR = Actor("chaos", Via.COMMAND)

MANY_WORKERS = {"SCHEDCORE_MAX_WORKERS": "12", "SCHEDCORE_MAX_PROCESSES": "6"}
"""Enough for the jobs that nap, and for the others beside them."""


def every_second(job_id: str, file: Path, *, nap_s: float = 0.0, **fields: Any) -> dict[str, Any]:
    """The definition of a job that leaves a note in `file` every second."""
    return {
        "id": job_id,
        "name": job_id,
        "function": "chaos.nap" if nap_s else "chaos.note",
        "trigger_type": "interval",
        "trigger_params": {"seconds": 1},
        "kwargs": {"file": str(file)} | ({"seconds": nap_s} if nap_s else {}),
        **fields,
    }


KINDS: tuple[tuple[int, dict[str, Any]], ...] = (
    (3, {"nap_s": 1.3}),
    (3, {"nap_s": 0.7, "rerun_if_interrupted": True}),
    (4, {"executor": "processes"}),
    (4, {"executor": "processes", "nap_s": 0.7, "rerun_if_interrupted": True}),
    (4, {"function": "chaos.stumble", "max_retries": 2, "retry_delay": 1}),
    (20, {"misfire_grace_time": 1}),
    (20, {"coalesce": False}),
    (20, {"coalesce": False, "max_instances": 3}),
    (20, {"rerun_if_interrupted": True}),
)
"""How many jobs are under which rules, so that all kinds of verdicts come up; the others are
under none."""


def population(count: int, file: Path) -> list[dict[str, Any]]:
    """So many jobs, of all kinds."""
    kinds = [kind for number, kind in KINDS for _ in range(number)][:count]
    kinds += [{} for _ in range(count - len(kinds))]
    return [every_second(f"job-{n:03}", file, **kind) for n, kind in enumerate(kinds)]


def plant(definitions: Iterable[Mapping[str, Any]]) -> dict[str, datetime]:
    """Create the jobs; when each is due first."""
    with transaction.atomic():
        ids = [control.create(definition, actor=ACTOR).pk for definition in definitions]
        return dict(DjangoJob.objects.filter(pk__in=ids).values_list("pk", "next_run_time"))


def pause(first_due: Mapping[str, datetime]) -> dict[str, Window]:
    """Pause the jobs; the occurrences of each that are claimed until then."""
    windows = {}
    for job_id, first in first_due.items():
        with transaction.atomic():
            Job.objects.select_for_update().get(pk=job_id)
            schedule = DjangoJob.objects.select_for_update().get(pk=job_id)
            windows[job_id] = Window(first, schedule.next_run_time)
            control.pause(job_id, actor=ACTOR)
    return windows


def rerun_wanted() -> set[str]:
    """The jobs whose interrupted runs are to be run again."""
    return set(Job.objects.filter(rerun_if_interrupted=True).values_list("pk", flat=True))


def history(job_ids: Iterable[str]) -> list[Row]:
    rows = JobExecution.objects.filter(job_id__in=list(job_ids)).order_by("pk")
    return [Row(**values) for values in rows.values(*Row._fields)]


def assert_accounted_for(windows: Mapping[str, Window], notes_file: Path) -> None:
    """Every occurrence in the windows has its verdict, and none was dispatched twice."""
    assert any(window.until > window.first for window in windows.values())
    found = offences(history(windows), read_notes(notes_file), windows, rerun_wanted())
    assert not found, "\n".join(found)
