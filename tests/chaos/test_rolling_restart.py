"""Two schedulers are restarted one after the other under load, the standby first, as at an
upgrade (docs/deployment.md): no occurrence is missed, none is run twice, and no run is cut short.
"""

from __future__ import annotations

from pathlib import Path

from django.db.models import F, Max

from jobs.models import JobExecution, Status
from tests.chaos.conftest import RunScheduler
from tests.chaos.figures import say
from tests.chaos.population import every_second, plant
from tests.chaos.test_failover import settle, takeover_s
from tests.waiting import until

TTL_S = 15.0
"""The default: that nothing waits for it is what is shown."""

LOAD = ([{}] * 20) + ([{"executor": "processes"}] * 4) + ([{"nap_s": 2.5}] * 2)


def test_a_rolling_restart_under_load_misses_no_occurrence(
    run_scheduler: RunScheduler, chaos_tasks: None, notes_file: Path
) -> None:
    variables = {
        "SCHEDCORE_LEASE_TTL": f"{TTL_S:g}",
        "SCHEDCORE_SHUTDOWN_GRACE": "30",
        "SCHEDCORE_MAX_WORKERS": "12",
    }
    leader = run_scheduler(**variables)
    leader.says("leader", deadline_s=60)
    standby = run_scheduler(**variables)
    standby.says("standby", deadline_s=60)
    jobs = [every_second(f"job-{n:02}", notes_file, **more) for n, more in enumerate(LOAD)]
    first_due = plant(jobs)
    every_job_runs_again(len(jobs))

    assert standby.stop() == 0, standby.output
    newer = run_scheduler(**variables)
    newer.says("standby", deadline_s=60)
    every_job_runs_again(len(jobs))

    leader.ask_to_stop()
    taken_s = takeover_s(newer, within_s=TTL_S / 2)
    assert leader.process.wait(timeout=60) == 0
    assert "were interrupted" not in leader.output
    newest = run_scheduler(**variables)
    newest.says("standby", deadline_s=60)
    every_job_runs_again(len(jobs))
    settle(first_due, notes_file, newest, newer)

    rows = JobExecution.objects.all()
    assert set(rows.values_list("status", flat=True)) <= {Status.SUCCEEDED, Status.SKIPPED}
    late = F("started_at") - F("scheduled_for")
    by_executor = rows.filter(status=Status.SUCCEEDED).values_list("executor")
    latest = {name: most.total_seconds() for name, most in by_executor.annotate(most=Max(late))}
    say(
        f"rolling restart of two schedulers: {rows.count()} runs, none missed; the new leader "
        f"leads after {taken_s:.2f} s (TTL {TTL_S:g} s), the latest run began {latest} s late"
    )


def every_job_runs_again(jobs: int) -> None:
    """Wait until each has succeeded with a run that was due after now."""
    since = JobExecution.objects.aggregate(last=Max("pk"))["last"] or 0
    newer = JobExecution.objects.filter(pk__gt=since, status=Status.SUCCEEDED)
    until(lambda: newer.values("job_id").distinct().count() == jobs, deadline_s=60)
